# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What every training is told, whatever it trains."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import tensorflow as tf
import tf_keras as keras

from realm_tf.training import optimization
from realm_tf.training.run_config import OptimizerGroup, RunConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingSettings:
  """Base of the configs of trainings.

  Attributes:
    model_dir: Checkpoints, exports and summaries are written here.
    train_steps: Where training ends.
    batch_size: Examples a step, over all replicas.
    learning_rate: The highest.
    warmup_steps: Default: BERT's rule.
    eval_every: Steps between two evaluations.
    save_checkpoints_steps: Steps between two checkpoints.
    log_every_steps: Steps over which metrics are averaged.
    dropout: Rates of dropout in BERT; default: as its weights say. Few steps
      come further without, above all those of an embedder, whose output the
      original drops, too.
    seed: Of weights, choices, order and dropout.
    mixed_precision: Compute in bfloat16.
    mirrored: On all GPUs of the machine.
    progress: Whether progress is drawn.
  """

  model_dir: str
  train_steps: int
  batch_size: int
  learning_rate: float
  warmup_steps: int | None = None
  eval_every: int = 1000
  save_checkpoints_steps: int = 1000
  log_every_steps: int = 100
  dropout: float | None = None
  seed: int = 0
  mixed_precision: bool = False
  mirrored: bool = False
  progress: bool = True

  def run_config(
    self, resume_settings: Mapping[str, Any], *, fixed_shapes: bool = False
  ) -> RunConfig:
    """How the run is carried out.

    Args:
      resume_settings: What a restart must have in common with the run so far,
        beside batch size and seed.
      fixed_shapes: Compile for the shapes of the first batch only (TPU).
    """
    return RunConfig(
      self.model_dir,
      seed=self.seed,
      save_checkpoints_steps=self.save_checkpoints_steps,
      log_every_steps=self.log_every_steps,
      mixed_precision=self.mixed_precision,
      fixed_shapes=fixed_shapes,
      strategy=tf.distribute.MirroredStrategy() if self.mirrored else None,
      progress=self.progress,
      resume_settings={
        'batch_size': self.batch_size,
        'seed': self.seed,
        **resume_settings,
      },
    )

  def optimizer(
    self, learning_rate: float | None = None, **options: Any
  ) -> keras.optimizers.legacy.Optimizer:
    """BERT's, warmed up and decaying.

    Args:
      learning_rate: The highest; default: that of the settings.
      **options: See `optimization.create_optimizer`.
    """
    if learning_rate is None:
      learning_rate = self.learning_rate
    return optimization.create_optimizer(
      learning_rate, self.train_steps, self.warmup_steps, **options
    )


class ReaderWithEmbedder(Protocol):
  """A model of which two parts are trained."""

  @property
  def reader_variables(self) -> Sequence[tf.Variable]:
    """What is trained of the reader."""
    ...

  @property
  def embedder_variables(self) -> Sequence[tf.Variable]:
    """What is trained of the embedder."""
    ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReaderTrainingSettings(TrainingSettings):
  """Of trainings of a reader together with an embedder.

  Attributes:
    embedder_learning_rate: The highest of the embedder, 0 to leave it as it is;
      default: `learning_rate`.
  """

  embedder_learning_rate: float | None = None

  def optimizer_groups(self, model: ReaderWithEmbedder) -> list[OptimizerGroup]:
    """An optimizer for each part that is trained.

    Raises:
      ValueError: A rate is below 0, or all are 0.
    """
    rate = self.embedder_learning_rate
    parts = [
      (self.learning_rate, model.reader_variables),
      (self.learning_rate if rate is None else rate, model.embedder_variables),
    ]
    # A rate below 0 is refused with the optimizer.
    groups = [
      OptimizerGroup(self.optimizer(rate), variables)
      for rate, variables in parts
      if rate
    ]
    if not groups:
      raise ValueError('learning_rate is 0: nothing would be trained')
    return groups
