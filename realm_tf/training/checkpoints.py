# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of the whole state of a training."""

import contextlib
import json
import os
import pathlib
import shutil
from collections.abc import Mapping
from typing import Any

import orbit
import tensorflow as tf
from absl import logging

from realm_tf.io import atomic
from realm_tf.training.task import ModelSpec

_SETTINGS = 'resume_settings.json'


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


def saved(model_dir: str) -> list[str]:
  """The checkpoints that are there, whole or not, oldest first."""
  found = pathlib.Path(model_dir, 'checkpoints').glob('ckpt-*.index')
  paths = [str(path.with_suffix('')) for path in found]
  return sorted((p for p in paths if _step(p) >= 0), key=_step)


def _step(path: str) -> int:
  number = path.rpartition('-')[2]
  return int(number) if number.isdigit() else -1


def _fault(path: str) -> str | None:
  """What is wrong with a checkpoint; reads all of it."""
  try:
    reader = tf.train.load_checkpoint(path)
    for name in reader.get_variable_to_shape_map():
      reader.get_tensor(name)
  # A file that is too short is an IndexError of TensorFlow.
  except (tf.errors.OpError, IndexError, RuntimeError, ValueError) as e:
    return ' '.join(str(e).split())
  return None


def latest_step(model_dir: str) -> int:
  """The step of the newest whole checkpoint, -1 if there is none.

  TensorFlow's `checkpoint` file is written again if it does not name that one.

  Raises:
    ValueError: There are checkpoints, but none is whole.
  """
  directory = str(pathlib.Path(model_dir, 'checkpoints'))
  paths = saved(model_dir)
  named = None
  # ValueError: the file is damaged.
  with contextlib.suppress(ValueError, tf.errors.OpError):
    state = tf.train.get_checkpoint_state(directory)
    named = state and state.model_checkpoint_path
  for path in dict.fromkeys([*([named] if named else []), *reversed(paths)]):
    fault = _fault(path)
    if fault is None:
      break
    logging.warning(
      '%s is damaged: looking for an earlier checkpoint (%s)', path, fault
    )
  else:
    if paths:
      raise ValueError(
        f'{directory}: no checkpoint is whole: restore one, or remove'
        f' {model_dir} or give another `model_dir` to begin again'
      )
    return -1
  if path != named:
    logging.warning('going on from %s', path)
    older = paths[: paths.index(path) + 1]
    tf.compat.v1.train.update_checkpoint_state(
      directory,
      path,
      all_model_checkpoint_paths=older,
      # The manager removes what is later than the last preserved.
      all_model_checkpoint_timestamps=[
        os.path.getmtime(f'{p}.index') for p in older
      ],
      last_preserved_timestamp=0.0,
    )
  return _step(path)


def check_resume_settings(
  model_dir: str, settings: Mapping[str, Any], fresh: bool
) -> None:
  """Refuses to resume with other settings than those of the run.

  Args:
    model_dir: Directory of the run.
    settings: Current settings, JSON values by name.
    fresh: Whether there is nothing to resume; all settings are then recorded,
      otherwise those that the run has not recorded.

  Raises:
    ValueError: Names each setting that changed, with both its values.
  """
  path = os.path.join(model_dir, _SETTINGS)
  # Tuples become lists, as when read.
  settings = json.loads(json.dumps(dict(settings)))
  if fresh or not os.path.exists(path):
    atomic.write_json(path, settings)
    return
  before = atomic.read_json(path)
  if 'strategy' in before.get('masking', {}):  # The field's earlier name.
    before['masking']['masking'] = before['masking'].pop('strategy')
  for name, value in before.items():
    if isinstance(value, dict) and isinstance(settings.get(name), dict):
      # Fields that no longer exist do not matter.
      before[name] = {k: v for k, v in value.items() if k in settings[name]}
  changed = [
    f'{name} was {value!r} and is {settings.get(name)!r}'
    for name, value in sorted(before.items())
    if value != settings.get(name)
  ]
  if changed:
    raise ValueError(
      f'{model_dir} cannot be resumed: {"; ".join(changed)}. Give the settings'
      ' it was started with, or another model_dir.'
    )
  # Earlier versions recorded fewer settings.
  if settings.keys() - before.keys():
    atomic.write_json(path, {**settings, **before})
