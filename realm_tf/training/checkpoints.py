# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of the whole state of a training."""

import pathlib
import shutil

import orbit
import tensorflow as tf

from realm_tf.training.task import ModelSpec


class TrainingState:
  """Position of a run; saved with model and optimizers.

  Attributes:
    step: Number of steps taken, int64.
    next_batch: Number of the batch of the next step, int64.
    index_step: Version of the index that the last batch was made with, int64.
  """

  def __init__(self) -> None:
    self.step = orbit.utils.create_global_step()
    self.next_batch = _counter(0, 'next_batch')
    self.index_step = _counter(-1, 'index_step')


def _counter(value: int, name: str) -> tf.Variable:
  return tf.Variable(
    value,
    dtype=tf.int64,
    trainable=False,
    name=name,
    aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
  )


def random_generators(model: tf.Module) -> list[tf.random.Generator]:
  """Returns the dropout layers' generators, in the order of the layers.

  tf_keras does not save them, and exact resuming needs them.
  """
  generators = []
  for layer in model.submodules:
    holder = getattr(layer, '_random_generator', None)
    generator = getattr(holder, '_generator', None)
    if generator is not None:
      generators.append(generator)
  return generators


def make_checkpoint(
  spec: ModelSpec, state: TrainingState
) -> tf.train.Checkpoint:
  """Makes a checkpoint of the whole state of a training."""
  return tf.train.Checkpoint(
    model=spec.model,
    optimizers=[group.optimizer for group in spec.optimizers],
    random_generators=random_generators(spec.model),
    step=state.step,
    next_batch=state.next_batch,
    index_step=state.index_step,
  )


def make_manager(
  checkpoint: tf.train.Checkpoint, checkpoint_dir: str, keep: int
) -> tf.train.CheckpointManager:
  """Makes a manager; removes what a killed save left."""
  directory = pathlib.Path(checkpoint_dir)
  directory.mkdir(parents=True, exist_ok=True)
  for leftover in directory.glob('ckpt-*_temp'):
    shutil.rmtree(leftover)
  return tf.train.CheckpointManager(
    checkpoint,
    str(directory),
    max_to_keep=keep,
    checkpoint_name='ckpt',
  )
