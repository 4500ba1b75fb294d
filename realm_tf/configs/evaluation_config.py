# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of evaluating question answering."""

import dataclasses

from realm_tf.configs.config import Config
from realm_tf.configs.qa_formats import QaFormat
from realm_tf.configs.retrieval_config import RetrievalConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluationConfig(Config):
  """What is measured.

  Attributes:
    depth: Blocks retrieved for recall, at most those of the corpus. Defaults
      to 5000.
    reader_beam: Blocks read. Defaults to 5.
    spans: Candidate answers for the reader's oracle. Defaults to 5.
    batch_size: Questions per batch. Defaults to 8.
    blocks_at_once: Blocks read at a time, to save memory; 0 reads all at once.
      Defaults to 0.
    retrieve_only: Measure retrieval, read nothing. Defaults to False.
    closed_book: Retrieve nothing, read the null document: what is right
      without any document. It has no span that a reader of spans could copy.
      Defaults to False.
    progress: Show a progress bar. Defaults to True.
  """

  depth: int = 5000
  reader_beam: int = 5
  spans: int = 5
  batch_size: int = 8
  blocks_at_once: int = 0
  retrieve_only: bool = False
  closed_book: bool = False
  progress: bool = True

  def __post_init__(self) -> None:
    super().__post_init__()
    self.check_at_least(1, 'depth', 'reader_beam', 'spans', 'batch_size')
    if self.retrieve_only and self.closed_book:
      raise ValueError('`retrieve_only` and `closed_book` exclude each other')


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluateConfig(EvaluationConfig, RetrievalConfig):
  """What is evaluated: answers, blanks, retrieval, or a file of predictions.

  Attributes:
    questions: Files of questions with their answers, comma-separated globs; to
      evaluate retrieval also a BEIR folder.
    format: Format of the questions. Defaults to auto: detected per file.
    is_regex: Whether answers are regular expressions (CuratedTREC). Defaults
      to False.
    answer_field: Field of the answers in JSON; EfficientQA also has
      answer_and_def_correct_predictions. Defaults to answer, and other usual
      ones.
    strict: Stop at a malformed line. Defaults to False.
    limit: Questions to evaluate, the first ones. Defaults to all.
    predictions: File with answers to score by `questions`, instead of a model:
      JSONL with "question" and "prediction", or an object of answers by id.
    runs: TREC runs to score by `questions`, comma-separated globs, instead of a
      model.
    split: Judgments of a BEIR folder, the name of a file in qrels/. Defaults to
      test.
    blanks: JSONL of held-out sentences with blanks, instead of `questions`.
    systems: Systems to compare on `blanks`, comma-separated: LABEL=random, or
      LABEL=EMBEDDER+BERT with an exported embedder, and an exported BERT or a
      directory of weights. Defaults to the newest export of `model_dir`.
    num_examples: Filled blanks to show of the last system. Defaults to 3.
    model_dir: Directory of a fine-tuning or pre-training, or one export of it.
      With `index_dir` and without it, retrieval alone is evaluated.
    corpus_dir: Corpus to answer from.
    index_dir: Index of the corpus, or directory of index versions. Defaults to
      `model_dir`/index.
    mixed_precision: Compute in bfloat16. Defaults to False.
    fit_questions: Questions, other than `questions`, to which the weights of
      hybrid retrieval are fitted where retrieval alone is evaluated.
    run_depth: Documents per query of a run. Defaults to 100.
    show_misses: Queries to show whose first document is not relevant, of the
      last system of the table. Defaults to 0.
    output: File for the answers as JSONL, or, with `retrieve_only`, for the
      blocks that would be read. Where retrieval alone is evaluated: directory
      for a TREC run of each system.
    json: Print JSON. Defaults to False.
  """

  questions: str = ''
  format: QaFormat = 'auto'
  is_regex: bool = False
  answer_field: str = 'answer'
  strict: bool = False
  limit: int | None = None
  predictions: str = ''
  runs: str | None = None
  split: str = 'test'
  blanks: str = ''
  systems: tuple[str, ...] = ()
  num_examples: int = 3
  model_dir: str = ''
  corpus_dir: str = ''
  index_dir: str = ''
  mixed_precision: bool = False
  fit_questions: str | None = None
  run_depth: int = 100
  show_misses: int = 0
  output: str | None = None
  json: bool = False

  def __post_init__(self) -> None:
    super().__post_init__()
    self.check_at_least(1, 'limit', 'run_depth')
    self.check_at_least(0, 'num_examples', 'show_misses')
    if bool(self.questions) == bool(self.blanks):
      raise ValueError('give `questions` or `blanks`, and not both')
    if self.predictions and self.runs:
      raise ValueError('`predictions` and `runs` exclude each other')
    needs = ['corpus_dir', 'model_dir']
    if self.predictions or self.runs:
      needs = []
    elif self.ranks_documents:
      needs = ['corpus_dir']
    if self.systems:
      needs = needs[:1]
    for name in needs:
      if not getattr(self, name):
        raise ValueError(f'`{name}` is needed')

  @property
  def ranks_documents(self) -> bool:
    """Whether retrieval alone is evaluated, by documents."""
    return bool(self.questions and self.index_dir and not self.model_dir)
