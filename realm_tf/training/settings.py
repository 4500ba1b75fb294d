# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A run and its optimizers, from the configuration of a training."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import tensorflow as tf
import tf_keras as keras

from realm_tf.configs.training_config import TrainingConfig
from realm_tf.training import optimization
from realm_tf.training.run_config import OptimizerGroup, RunConfig


def run_config(
  config: TrainingConfig,
  resume_settings: Mapping[str, Any],
  *,
  fixed_shapes: bool = False,
) -> RunConfig:
  """How the run is carried out.

  Args:
    config: Configuration of the training.
    resume_settings: What a restart must have in common with the run so far,
      besides batch size and seed.
    fixed_shapes: Compile for the shapes of the first batch only (TPU).
  """
  mirrored = config.strategy == 'mirrored'
  return RunConfig(
    config.model_dir,
    seed=config.seed,
    save_checkpoints_steps=config.save_checkpoints_steps,
    keep_checkpoint_max=config.keep_checkpoint_max,
    log_every_steps=config.log_every_steps,
    mixed_precision=config.mixed_precision,
    fixed_shapes=fixed_shapes,
    strategy=tf.distribute.MirroredStrategy() if mirrored else None,
    progress=config.progress,
    resume_settings={
      'batch_size': config.batch_size,
      'seed': config.seed,
      **resume_settings,
    },
  )


def optimizer(
  config: TrainingConfig, learning_rate: float | None = None, **options: Any
) -> keras.optimizers.legacy.Optimizer:
  """BERT's optimizer, warmed up and decaying.

  Args:
    config: Configuration of the training.
    learning_rate: Peak learning rate. Defaults to that of the configuration.
    **options: Arguments of `optimization.create_optimizer`.
  """
  if learning_rate is None:
    learning_rate = config.learning_rate
  return optimization.create_optimizer(
    learning_rate, config.train_steps, config.warmup_steps, **options
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


def optimizer_groups(
  config: TrainingConfig,
  embedder_learning_rate: float | None,
  model: ReaderWithEmbedder,
) -> list[OptimizerGroup]:
  """An optimizer for each part that is trained.

  Raises:
    ValueError: All learning rates are 0.
  """
  rate = embedder_learning_rate
  parts = [
    (config.learning_rate, model.reader_variables),
    (config.learning_rate if rate is None else rate, model.embedder_variables),
  ]
  groups = [
    OptimizerGroup(optimizer(config, rate), variables)
    for rate, variables in parts
    if rate
  ]
  if not groups:
    raise ValueError('`learning_rate` is 0: nothing would be trained')
  return groups
