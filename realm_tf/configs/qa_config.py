# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of open-domain question answering."""

import dataclasses

from realm_tf.configs.config import Config
from realm_tf.configs.qa_formats import QaFormat
from realm_tf.configs.refresh_schedule import RefreshSchedule
from realm_tf.configs.retrieval_config import TrainedRetrievalConfig
from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.configs.training_config import TrainingConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class QuestionConfig(Config):
  """Lengths and numbers of the blocks of a question.

  Attributes:
    query_seq_len: Maximum wordpieces of `[CLS] question [SEP]`. Defaults to 64.
    reader_seq_len: Maximum wordpieces of `[CLS] question [SEP] block [SEP]`.
      Defaults to 320 (ORQA's and REALM's).
    retriever_beam: Blocks in the retriever's loss. Defaults to 5000 (ORQA's and
      REALM's).
    reader_beam: Blocks read. Defaults to 5 (ORQA's and REALM's).
    add_gold: In training, read the gold block in the last place if it was not
      retrieved (REALM++). Defaults to False.
    fixed_length: Pad to these lengths rather than to the longest row, for
      TPUs. Defaults to False.
  """

  query_seq_len: int = 64
  reader_seq_len: int = 320
  retriever_beam: int = 5000
  reader_beam: int = 5
  add_gold: bool = False
  fixed_length: bool = False

  def __post_init__(self) -> None:
    super().__post_init__()
    self.check_at_least(3, 'query_seq_len')
    if self.reader_seq_len <= self.query_seq_len:
      raise ValueError(
        f'`reader_seq_len` ({self.reader_seq_len}) must be more than'
        f' `query_seq_len` ({self.query_seq_len}) to leave room for the block'
      )
    if not 1 <= self.reader_beam <= self.retriever_beam:
      raise ValueError(
        '`reader_beam` must be from 1 to `retriever_beam`'
        f' ({self.retriever_beam}). Received: {self.reader_beam}'
      )


@dataclasses.dataclass(frozen=True, kw_only=True)
class OpenQAConfig(Config):
  """Terms of the loss, and metrics.

  Attributes:
    retriever_gold_loss: Weight of the loss for retrieving the gold block
      (REALM++). Defaults to 0.
    reader_gold_loss: Weight of the loss for reading the answer in the gold
      block (REALM++). Defaults to 0.
    recall_at: Values of k of the metric `answer_in_beam@k`; those above the
      beam are left out. Defaults to 1,5,10,20,50,100,500,1000,5000.
  """

  retriever_gold_loss: float = 0.0
  reader_gold_loss: float = 0.0
  recall_at: tuple[int, ...] = (1, 5, 10, 20, 50, 100, 500, 1000, 5000)

  def __post_init__(self) -> None:
    super().__post_init__()
    self.check_at_least(0, 'retriever_gold_loss', 'reader_gold_loss')
    if any(k < 1 for k in self.recall_at):
      raise ValueError(
        f'`recall_at` must be positive. Received: {self.recall_at}'
      )

  @property
  def has_gold_loss(self) -> bool:
    """Whether the loss has a term for gold blocks."""
    return bool(self.retriever_gold_loss or self.reader_gold_loss)


@dataclasses.dataclass(frozen=True, kw_only=True)
class QAConfig(
  TrainingConfig,
  QuestionConfig,
  OpenQAConfig,
  SearcherConfig,
  TrainedRetrievalConfig,
):
  """Configuration of open-domain QA fine-tuning. Defaults follow ORQA.

  Exactly one of `bert` and `span_reader` must be given.

  Example:
    config = realm_tf.QAConfig(
      model_dir='out/qa',
      corpus_dir='out/corpus',
      index_dir='out/index',
      bert='out/realm',
      train_questions='train.jsonl',
    )

  Attributes:
    corpus_dir: Corpus from which blocks are retrieved.
    index_dir: Index of the corpus, or a directory of several, of which the
      newest is taken.
    train_questions: Files of questions, comma-separated globs.
    dev_questions: Files of questions to evaluate on and to choose the best
      export by. Defaults to none.
    format: Format of the questions. Defaults to auto: detected per file.
    is_regex: Whether answers are regular expressions (CuratedTREC). Defaults
      to False.
    strict: Refuse files with a malformed line. Defaults to False.
    bert: Initial reader: the directory of a pre-training, of which the newest
      export is taken, a BERT module in it, or a directory of weights.
    span_reader: Initial reader instead of `bert`: the directory of an earlier
      fine-tuning, of which the best export is taken, or a span reader module
      in it, to continue with other questions or another index.
    embedder: Initial query embedder, a directory as in `bert`. Defaults to the
      one beside `span_reader` if that was trained on this index, else the one
      that made the index.
    embedder_learning_rate: Peak learning rate of the query embedder; 0 freezes
      it. Defaults to `learning_rate`.
    max_span_width: Maximum wordpieces of an answer. Defaults to 10.
    span_hidden_size: Hidden units of a new MLP that scores spans. Defaults to
      256.
    refresh_schedule: Steps between exports from which the corpus is embedded
      again, by ranges of steps, such as 0-1000:100,1000-:500. An export then
      belongs to the index that its own embedder makes. Defaults to none: the
      document side stays as it is.
    candidate_seq_len: Maximum wordpieces of a document when it is embedded
      again. Defaults to that of the index.
    eval_questions: Questions per evaluation, the first of `dev_questions`.
      Defaults to 400.
  """

  corpus_dir: str
  index_dir: str
  train_questions: str
  dev_questions: str | None = None
  format: QaFormat = 'auto'
  is_regex: bool = False
  strict: bool = False
  bert: str | None = None
  span_reader: str | None = None
  embedder: str | None = None
  embedder_learning_rate: float | None = None
  max_span_width: int = 10
  span_hidden_size: int = 256
  refresh_schedule: RefreshSchedule | None = None
  candidate_seq_len: int | None = None
  eval_questions: int = 400
  train_steps: int = 100_000
  batch_size: int = 1
  learning_rate: float = 1e-5

  def __post_init__(self) -> None:
    super().__post_init__()
    self.check_at_least(
      1, 'max_span_width', 'span_hidden_size', 'eval_questions'
    )
    self.check_at_least(0, 'embedder_learning_rate')
    self.check_at_least(3, 'candidate_seq_len')
    if (self.bert is None) == (self.span_reader is None):
      raise ValueError('give `bert` or `span_reader`, and not both')
