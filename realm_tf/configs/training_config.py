# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration that all trainings share."""

import dataclasses
from typing import Literal

from realm_tf.configs.config import Config


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingConfig(Config):
  """Base of the configurations of trainings.

  Attributes:
    model_dir: Directory for checkpoints, exports, summaries and metrics.
    train_steps: Step at which training ends.
    batch_size: Examples per step, over all devices.
    learning_rate: Peak learning rate.
    warmup_steps: Steps until the learning rate peaks. Defaults to a tenth of
      the training, between 100 and 10,000.
    eval_every: Steps between evaluations. Defaults to 1000.
    save_checkpoints_steps: Steps between checkpoints; each export comes with
      one as well. Defaults to 1000.
    keep_checkpoint_max: Number of checkpoints to keep. Defaults to 3.
    log_every_steps: Steps over which metrics are averaged. Defaults to 100.
    dropout: Dropout rate. Defaults to that of the weights, 0.1 for BERT. A
      short training gets further with 0. The rate is saved with the weights,
      so give 0.1 to a longer training that starts from those.
    seed: Seed of new weights, order, random choices and dropout. Defaults to
      0.
    mixed_precision: Compute in bfloat16, keep the weights in float32.
      Defaults to False.
    strategy: `one` device, or `mirrored` on all GPUs of the machine. Defaults
      to one.
    progress: Show a progress bar. Defaults to True.
  """

  model_dir: str
  train_steps: int
  batch_size: int
  learning_rate: float
  warmup_steps: int | None = None
  eval_every: int = 1000
  save_checkpoints_steps: int = 1000
  keep_checkpoint_max: int = 3
  log_every_steps: int = 100
  dropout: float | None = None
  seed: int = 0
  mixed_precision: bool = False
  strategy: Literal['one', 'mirrored'] = 'one'
  progress: bool = True

  def __post_init__(self) -> None:
    super().__post_init__()
    self.check_at_least(
      1,
      'train_steps',
      'batch_size',
      'eval_every',
      'save_checkpoints_steps',
      'keep_checkpoint_max',
      'log_every_steps',
    )
    self.check_at_least(0, 'learning_rate', 'warmup_steps')
    if self.dropout is not None and not 0 <= self.dropout < 1:
      raise ValueError(f'`dropout` must be in [0, 1). Received: {self.dropout}')


@dataclasses.dataclass(frozen=True, kw_only=True)
class WarmStartConfig(TrainingConfig):
  """Base of the configurations of trainings that start from any BERT.

  Attributes:
    bert: Initial weights: a directory of weights, the directory of a training,
      of which the newest export is taken, a bert_config.json, or tiny, mini,
      small or base. The last two kinds are random weights and need
      `vocab_file`. Defaults to base.
    vocab_file: Vocabulary. Defaults to the one beside the weights.
    lower_case: Whether the vocabulary is uncased. Defaults to what the weights
      say, else True.
  """

  bert: str = 'base'
  vocab_file: str | None = None
  lower_case: bool | None = None
