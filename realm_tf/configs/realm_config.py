# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of REALM pre-training."""

import dataclasses
import os
from typing import Literal

from realm_tf.configs.embedder_config import EmbedderStartConfig
from realm_tf.configs.masking_config import FeaturizationConfig, MaskingConfig
from realm_tf.configs.refresh_schedule import RefreshSchedule
from realm_tf.configs.retrieval_config import TrainedRetrievalConfig
from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.configs.training_config import WarmStartConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class RealmConfig(
  WarmStartConfig,
  EmbedderStartConfig,
  MaskingConfig,
  FeaturizationConfig,
  SearcherConfig,
  TrainedRetrievalConfig,
):
  """Configuration of REALM pre-training. Defaults follow the paper.

  Example:
    config = realm_tf.RealmConfig(
      model_dir='out/realm',
      corpus_dir='out/corpus',
      train_examples='out/spans/spans-*.tfrecord.gz',
      bert='BERT',
      batch_size=8,
    )

  Attributes:
    corpus_dir: Corpus from which documents are retrieved.
    index_dir: Directory of the index versions. Defaults to `index` in
      `model_dir`.
    train_examples: Records of salient spans, comma-separated globs.
    heldout_examples: Records to evaluate on and to choose the best export by.
      Defaults to none.
    embedder: Initial embedder: the directory of a training, such as that of
      the inverse cloze task, of which the newest export is taken, a TF Hub
      module, or an encoder that others published, such as a directory of
      sentence-transformers. Defaults to a new one that starts from `bert`.
    separate_towers: Give queries and documents encoders of their own. Defaults
      to what `embedder` has, which cannot be changed, else False.
    embedder_learning_rate: Peak learning rate of the embedder; 0 freezes it.
      Defaults to `learning_rate`.
    oversample: Documents taken from the index, of which the current embedder
      keeps the best `num_candidates`. Defaults to 0: no more than needed.
    refresh_schedule: Steps between exports, by ranges of steps, such as
      0-1000:100,1000-:500. The index builder takes the newest export when it
      is free, so some exports may get no index. Defaults to every 500 steps.
    index_builder: What builds the index: a `thread` or a `process` of the
      training, which give up a build under way when training ends, or `none`:
      a `build_index` that you start and that watches `model_dir`. Defaults to
      thread.
    batches_ahead: Batches made ahead of the trainer. Defaults to 2.
    shuffle_buffer: Sentences from which the next is drawn. Defaults to 10,000.
    eval_batches: Batches per evaluation. Defaults to 20.
  """

  corpus_dir: str
  index_dir: str | None = None
  train_examples: str
  heldout_examples: str | None = None
  embedder: str | None = None
  separate_towers: bool | None = None
  embedder_learning_rate: float | None = None
  oversample: int = 0
  refresh_schedule: RefreshSchedule = RefreshSchedule((0,), (500,))
  index_builder: Literal['thread', 'process', 'none'] = 'thread'
  batches_ahead: int = 2
  shuffle_buffer: int = 10_000
  eval_batches: int = 20
  train_steps: int = 200_000
  batch_size: int = 512
  learning_rate: float = 3e-5

  def __post_init__(self) -> None:
    super().__post_init__()
    self.check_at_least(1, 'eval_batches')
    self.check_at_least(0, 'embedder_learning_rate', 'oversample')

  @property
  def index_path(self) -> str:
    """Directory of the index versions."""
    return self.index_dir or os.path.join(self.model_dir, 'index')
