# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The directory of a training: what lies where, and what it can go on from."""

import contextlib
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from absl import logging

from realm_tf.io import atomic
from realm_tf.training import exporters

# Name of the tagger in an export.
TAGGER = 'tagger'


class RunDirectory:
  """A `model_dir`.

  Attributes:
    path: Path of the directory.
    checkpoints: Directory of the checkpoints.
    summaries: Directory of the TensorBoard event files.
    exports: Directory in which `<step>/` is published.
    best_exports: Directory of the best export.
    metrics: File of the metrics.
    finished: File that a training writes at its end.
  """

  def __init__(self, path: str | os.PathLike):
    self.path = os.fspath(path)
    self.checkpoints = os.path.join(path, 'checkpoints')
    self.summaries = os.path.join(path, 'summaries')
    self.exports = os.path.join(path, 'export', 'tf_hub')
    self.best_exports = os.path.join(path, 'export', 'tf_hub_best')
    self.metrics = os.path.join(path, 'metrics.jsonl')
    self.finished = os.path.join(path, 'finished.json')
    self._settings = os.path.join(path, 'resume_settings.json')

  def export(self, *, best: bool = True) -> str:
    """The best export if there is one and `best`, or else the newest.

    Raises:
      FileNotFoundError: Nothing was exported.
    """
    for directory in (*([self.best_exports] if best else []), self.exports):
      steps = exporters.list_exports(directory)
      if steps:
        return exporters.export_path(directory, steps[-1])
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
      path
      for path in (self.exports, self.best_exports)
      if exporters.list_exports(path)
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
    # Tuples become lists, as when read.
    settings = json.loads(json.dumps(dict(settings)))
    if fresh or not os.path.exists(self._settings):
      atomic.write_json(self._settings, settings)
      return
    before = atomic.read_object(self._settings, {}, {'masking': dict})
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
      atomic.write_json(self._settings, {**settings, **before})


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


def find_export(directory: str | os.PathLike, *, best: bool = True) -> str:
  """Finds the export in a directory.

  Args:
    directory: One export, or the directory of a run.
    best: Whether to take the best export of a run, if there is one, instead of
      the newest.

  Raises:
    FileNotFoundError: The run has exported nothing.
  """
  if os.path.isdir(os.path.join(directory, 'embedder')):
    return os.fspath(directory)
  return RunDirectory(directory).export(best=best)


def find_module(path: str, name: str, *, best: bool = False) -> str:
  """Finds a module of an export.

  Args:
    path: The module, an export, or the directory of a run.
    name: Name of the module, such as `embedder`.
    best: As in `find_export`.

  Returns:
    Directory of the module; `path` if it is none of these.

  Raises:
    ValueError: The export of the run has no such module.
  """
  run = RunDirectory(path)
  if os.path.isdir(run.exports) or os.path.isdir(run.best_exports):
    export = run.export(best=best)
    if not os.path.isdir(os.path.join(export, name)):
      raise ValueError(f'{export}, the export of {path}, has no {name}')
    return os.path.join(export, name)
  inside = os.path.join(path, name)
  return inside if os.path.isdir(inside) else path


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
  return os.path.join(RunDirectory(path).export(), TAGGER)
