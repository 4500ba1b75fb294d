# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of the inverse cloze task."""

import dataclasses

from realm_tf.configs.embedder_config import EmbedderStartConfig
from realm_tf.configs.qa_formats import QaFormat
from realm_tf.configs.refresh_schedule import RefreshSchedule
from realm_tf.configs.training_config import WarmStartConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class IctConfig(WarmStartConfig, EmbedderStartConfig):
  """Configuration of the inverse cloze task. Defaults follow ORQA.

  Example:
    config = realm_tf.IctConfig(
      model_dir='out/ict', corpus_dir='out/corpus', bert='BERT', batch_size=64
    )

  Attributes:
    corpus_dir: Corpus whose sentences have to find their documents.
    embedder: Initial embedder: a TF Hub module, or an encoder that others
      published, such as a directory of sentence-transformers. Defaults to a new
      one that starts from `bert`.
    separate_towers: Give queries and documents encoders of their own. Defaults
      to what `embedder` has, which cannot be changed, else False.
    query_seq_len: Maximum wordpieces of a query. Defaults to 64.
    candidate_seq_len: Maximum wordpieces of a document. Defaults to 288.
    mask_rate: How often the sentence is removed from its document. Defaults to
      0.9.
    questions: Files of questions that name the paragraph they were asked
      about, comma-separated globs; they are used as queries along with the
      sentences. Defaults to none.
    question_rate: How often a question is the query if its document has any.
      Defaults to 0.5.
    format: Format of the questions. Defaults to auto: detected per file.
    eval_batches: Batches per evaluation, of other sentences of the same corpus;
      0 for no evaluation. Defaults to 10.
    export_schedule: Steps between exports, by ranges of steps, such as
      0-1000:100,1000-:500. Defaults to every 1000 steps.
  """

  corpus_dir: str
  embedder: str | None = None
  separate_towers: bool | None = None
  query_seq_len: int = 64
  candidate_seq_len: int = 288
  mask_rate: float = 0.9
  questions: str | None = None
  question_rate: float = 0.5
  format: QaFormat = 'auto'
  eval_batches: int = 10
  export_schedule: RefreshSchedule = RefreshSchedule((0,), (1000,))
  train_steps: int = 100_000
  batch_size: int = 4096
  learning_rate: float = 1e-4

  def __post_init__(self) -> None:
    super().__post_init__()
    # Each query has to find its own document among those of the batch.
    self.check_at_least(2, 'batch_size')
    self.check_at_least(0, 'eval_batches')
    self.check_rate('mask_rate', 'question_rate')
