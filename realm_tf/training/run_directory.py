# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The directory of a training: what lies where, and what it can go on from."""

import contextlib
import dataclasses
import json
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf
from absl import logging

from realm_tf.bert.bert_config import PRESETS
from realm_tf.configs.training_config import TrainingConfig
from realm_tf.io import atomic

# Name of the tagger in an export.
TAGGER = 'tagger'


def list_exports(directory: str | os.PathLike) -> list[int]:
  """Returns the steps of the complete exports, ascending."""
  if not os.path.isdir(directory):
    return []
  return sorted(int(name) for name in os.listdir(directory) if name.isdigit())


def export_path(directory: str | os.PathLike, step: int) -> str:
  """Returns the path of the export of `step`."""
  return os.path.join(directory, str(step))


@dataclasses.dataclass(frozen=True)
class RunDirectory:
  """A `model_dir`.

  Attributes:
    path: Path of the directory.
  """

  path: str

  @property
  def checkpoints(self) -> str:
    """Directory of the checkpoints."""
    return os.path.join(self.path, 'checkpoints')

  @property
  def summaries(self) -> str:
    """Directory of the TensorBoard event files."""
    return os.path.join(self.path, 'summaries')

  @property
  def exports(self) -> str:
    """Directory in which `<step>/` is published."""
    return os.path.join(self.path, 'export', 'tf_hub')

  @property
  def best_exports(self) -> str:
    """Directory of the best export."""
    return os.path.join(self.path, 'export', 'tf_hub_best')

  @property
  def metrics(self) -> str:
    """File of the metrics."""
    return os.path.join(self.path, 'metrics.jsonl')

  @property
  def finished(self) -> str:
    """File that a training writes at its end."""
    return os.path.join(self.path, 'finished.json')

  @contextlib.contextmanager
  def lock(self) -> Iterator['RunDirectory']:
    """Holds the lock of the one training that may work here.

    Raises:
      BlockingIOError: Another process holds it.
    """
    with atomic.working_in(self.path):
      yield self

  def export(self, *, best: bool = True) -> str:
    """The best export if there is one and `best`, or else the newest.

    Raises:
      FileNotFoundError: Nothing was exported.
    """
    for directory in (*([self.best_exports] if best else []), self.exports):
      steps = list_exports(directory)
      if steps:
        return export_path(directory, steps[-1])
    raise FileNotFoundError(f'{self.path} has no export')

  def saved_checkpoints(self) -> list[str]:
    """The checkpoints that are there, whole or not, oldest first."""
    found = pathlib.Path(self.checkpoints).glob('ckpt-*.index')
    paths = [str(path.with_suffix('')) for path in found]
    return sorted((p for p in paths if _step(p) >= 0), key=_step)

  def latest_step(self) -> int:
    """The step of the newest whole checkpoint, -1 if there is none.

    TensorFlow's `checkpoint` file is written again if it does not name that
    one.

    Raises:
      ValueError: There are checkpoints, but none is whole.
    """
    directory = self.checkpoints
    paths = self.saved_checkpoints()
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
          f' {self.path} or give another `model_dir` to begin again'
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

  def check_empty(self) -> None:
    """Refuses to begin where a run has left results, but no checkpoint.

    Raises:
      ValueError: Names them.
    """
    found = [
      path for path in (self.exports, self.best_exports) if list_exports(path)
    ]
    for path in (self.finished, self.metrics):
      if os.path.exists(path) and os.path.getsize(path):
        found.append(path)
    if found:
      names = [os.path.relpath(path, self.path) for path in found]
      raise ValueError(
        f'{self.path} has no checkpoint to go on from, but results of a'
        f' run ({", ".join(names)}): put its checkpoints/ back, or remove the'
        ' directory or give another `model_dir` to begin again'
      )

  def check_settings(self, settings: Mapping[str, Any], fresh: bool) -> None:
    """Refuses to resume with other settings than those of the run.

    Args:
      settings: Current settings, JSON values by name.
      fresh: Whether there is nothing to resume; all settings are then recorded,
        otherwise those that the run has not recorded.

    Raises:
      ValueError: Names each setting that changed, with both its values.
    """
    path = os.path.join(self.path, 'resume_settings.json')
    # Tuples become lists, as when read.
    settings = json.loads(json.dumps(dict(settings)))
    if fresh or not os.path.exists(path):
      atomic.write_json(path, settings)
      return
    before = atomic.read_object(path, {}, {'masking': dict})
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
        f'{self.path} cannot be resumed: {"; ".join(changed)}. Give the'
        ' settings it was started with, or another model_dir.'
      )
    # Earlier versions recorded fewer settings.
    if settings.keys() - before.keys():
      atomic.write_json(path, {**settings, **before})


def _step(path: str) -> int:
  number = path.rpartition('-')[2]
  return int(number) if number.isdigit() else -1


def _fault(path: str) -> str | None:
  """What is wrong with a checkpoint; reads all of it."""
  try:
    reader = tf.train.load_checkpoint(path)
    for name in reader.get_variable_to_shape_map():
      value = reader.get_tensor(name)
      is_weight = name.startswith('model/') and value.dtype == np.float32
      if is_weight and not np.isfinite(value).all():
        return f'{name} is not finite'
  # A file that is too short is an IndexError of TensorFlow.
  except (tf.errors.OpError, IndexError, RuntimeError, ValueError) as e:
    return ' '.join(str(e).split())
  return None


def find_export(directory: str | os.PathLike, *, best: bool = True) -> str:
  """Finds the export in a directory: the directory itself, or that of a run.

  Args:
    directory: One export, or the directory of a run.
    best: Whether to prefer the best export of a run to the newest.

  Raises:
    FileNotFoundError: The run has exported nothing.
  """
  if os.path.isdir(os.path.join(directory, 'embedder')):
    return os.fspath(directory)
  return RunDirectory(os.fspath(directory)).export(best=best)


def find_module(path: str, name: str, *, best: bool = False) -> str:
  """Finds a module, such as `embedder`, by where it lies.

  Args:
    path: The module, an export or index version, a directory of these, of which
      the newest is taken, or the directory of a run. Returned if it is none.
    name: Name of the module.
    best: Whether to prefer the best export of a run to the newest.

  Raises:
    ValueError: The export of the run has no such module.
  """
  run = RunDirectory(path)
  if os.path.isdir(run.exports) or os.path.isdir(run.best_exports):
    path = run.export(best=best)
    if not os.path.isdir(os.path.join(path, name)):
      raise ValueError(f'{path}, the export of {run.path}, has no {name}')
  elif steps := list_exports(path):
    path = export_path(path, steps[-1])
  inside = os.path.join(path, name)
  return inside if os.path.isdir(inside) else path


_Config = TypeVar('_Config', bound=TrainingConfig)


def with_modules(config: _Config) -> _Config:
  """Puts the modules that a training starts from in place of exports and runs.

  Of a run it takes the newest export; of an earlier fine-tuning, the best.

  Raises:
    ValueError: An export has no such module.
  """
  found = {}
  for name in ('bert', 'embedder', 'span_reader'):
    path = getattr(config, name, None)
    if path is not None and path not in PRESETS:
      found[name] = find_module(path, name, best=name == 'span_reader')
  return dataclasses.replace(config, **found)  # type: ignore[arg-type]


def best_tagger(directory: str | os.PathLike) -> str:
  """Returns the best tagger of a `model_dir`, or `directory` itself.

  Raises:
    FileNotFoundError: There is none.
  """
  path = pathlib.Path(directory)
  if (path / 'saved_model.pb').exists():
    return str(path)
  if not (path / 'export').is_dir():
    raise FileNotFoundError(
      f'{path} is neither a tagger nor the model_dir of a training'
    )
  return os.path.join(RunDirectory(str(path)).export(), TAGGER)
