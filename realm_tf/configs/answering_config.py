# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configurations of what is done with a trained model: asked, exported."""

import dataclasses
import os

from realm_tf.configs.retrieval_config import RetrievalConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class AnsweringConfig(RetrievalConfig):
  """What answers questions.

  Attributes:
    model_dir: Directory of a fine-tuning or pre-training, or one export of it.
    corpus_dir: Corpus to answer from.
    index_dir: Index of the corpus, or directory of index versions. Defaults to
      `model_dir`/index.
    reader_beam: Blocks read per question. Defaults to 5.
    mixed_precision: Compute in bfloat16. Defaults to False.
  """

  model_dir: str
  corpus_dir: str
  index_dir: str | None = None
  reader_beam: int = 5
  mixed_precision: bool = False

  def __post_init__(self) -> None:
    super().__post_init__()
    self.check_at_least(1, 'reader_beam')


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportConfig(AnsweringConfig):
  """Configuration of exporting a SavedModel that answers questions.

  Attributes:
    output_dir: Directory of the SavedModel; an earlier one is replaced.
    top_n: Answers per question. Defaults to 5.
    question: Question that is asked at the end, to check what was written.
  """

  output_dir: str
  top_n: int = 5
  question: str = 'what is it?'

  def __post_init__(self) -> None:
    super().__post_init__()
    self.check_at_least(1, 'top_n')


@dataclasses.dataclass(frozen=True, kw_only=True)
class AskConfig(AnsweringConfig):
  """What is asked, and how the answers are shown.

  Attributes:
    dir: Directory with `corpus/` and `index/`, as `index_text` and
      `update_index` write it, instead of `corpus_dir` and `index_dir`.
    model_dir: Directory of a fine-tuning or pre-training, or one export of it.
      Defaults to `dir`/model if it is there; without a model documents are
      found and not read.
    corpus_dir: Corpus to answer from. Defaults to `dir`/corpus.
    index_dir: Index of the corpus, or directory of index versions. Defaults to
      `dir`/index, else `model_dir`/index.
    input: File of questions, one per line; `-` is standard input.
    output: File for the answers, as JSONL. Defaults to standard output.
    json: Print JSONL. Defaults to True unless standard output is a terminal.
    top_n: Answers per question, or wordpieces per blank. Defaults to 3.
    batch_size: Questions answered at a time, with JSONL. Defaults to 16.
    blocks_at_once: Blocks in memory at a time; 0 for all. A pre-trained model
      always reads all of a text. Defaults to 40.
    strict: Stop at a line without a question. Defaults to False.
  """

  dir: str | None = None
  model_dir: str | None = None  # type: ignore[assignment]
  corpus_dir: str | None = None  # type: ignore[assignment]
  input: str = '-'
  output: str | None = None
  json: bool | None = None
  top_n: int = 3
  batch_size: int = 16
  blocks_at_once: int = 40
  strict: bool = False

  def __post_init__(self) -> None:
    super().__post_init__()
    self.check_at_least(1, 'top_n', 'batch_size')
    self.check_at_least(0, 'blocks_at_once')
    if self.dir is not None:
      for name in ('corpus', 'index', 'model'):
        path = os.path.join(self.dir, name)
        if getattr(self, f'{name}_dir') is None and (
          name != 'model' or os.path.isdir(path)
        ):
          object.__setattr__(self, f'{name}_dir', path)
    if self.corpus_dir is None:
      raise ValueError('give `dir` (index_text makes one) or `corpus_dir`')
    if self.model_dir is None and self.index_dir is None:
      raise ValueError('give `model_dir` or `index_dir`')
