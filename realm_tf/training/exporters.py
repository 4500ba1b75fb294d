# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Publish exports: each latest one, and the best."""

import math
import os
import pathlib
from collections.abc import Callable, Mapping

from absl import logging

from realm_tf.io import atomic, faults
from realm_tf.training.run_directory import export_path, list_exports

ExportFn = Callable[[str, int], None]
_METRICS = 'metrics.json'
_FINGERPRINTS = 'fingerprints.json'


def read_fingerprints(directory: str | os.PathLike) -> dict[int, str]:
  """Returns the recorded `Fingerprints` of a directory, by step."""
  path = os.path.join(directory, _FINGERPRINTS)
  if not os.path.exists(path):
    return {}
  found = atomic.read_object(path)
  with faults.naming(path):
    return {int(step): str(value) for step, value in found.items()}


class Fingerprints:
  """Fingerprints of all exports of a run, including removed ones.

  They tell which indexes belong to the run.
  """

  def __init__(self, directory: str, fingerprint_fn: Callable[[str], str]):
    """Keeps the record in the directory of the exports.

    Args:
      directory: Directory of the exports.
      fingerprint_fn: Maps the directory of an export to its fingerprint.
    """
    self._directory = directory
    self._fingerprint_fn = fingerprint_fn

  def _write(self, fingerprints: Mapping[int, str]) -> None:
    atomic.write_json(
      os.path.join(self._directory, _FINGERPRINTS),
      {str(step): value for step, value in fingerprints.items()},
    )

  def of(self, step: int) -> str | None:
    """Returns the fingerprint of the export of `step`, if there was one."""
    return read_fingerprints(self._directory).get(step)

  def set(self, step: int, fingerprint: str) -> None:
    """Records the fingerprint of the export of `step`."""
    self._write({**read_fingerprints(self._directory), step: fingerprint})

  def note(self, step: int) -> None:
    """Records the present export of `step`."""
    path = export_path(self._directory, step)
    self.set(step, self._fingerprint_fn(path))

  def begin(self, step: int) -> None:
    """Drops entries after `step`; records exports that lack an entry."""
    known = read_fingerprints(self._directory)
    self._write({s: value for s, value in known.items() if s <= step})
    for missing in list_exports(self._directory):
      if missing not in known:
        self.note(missing)


class _Exporter:
  """Publishes `directory/<step>/` atomically."""

  def __init__(self, export_fn: ExportFn, directory: str):
    self._export_fn = export_fn
    self._directory = directory
    atomic.remove_stale(directory)

  def drop_after(self, step: int) -> list[int]:
    """Removes exports of steps that a restart at `step` takes again."""
    dropped = [s for s in list_exports(self._directory) if s > step]
    for later in dropped:
      path = export_path(self._directory, later)
      logging.warning(
        '%s is of a step after the checkpoint at %d: removed', path, step
      )
      atomic.remove_directory(path)
    return dropped


class LatestExporter(_Exporter):
  """Keeps the last exports."""

  def __init__(self, export_fn: ExportFn, directory: str, *, keep: int = 3):
    if keep < 1:
      raise ValueError(f'keep must be at least 1. Received: {keep}')
    super().__init__(export_fn, directory)
    self._keep = keep

  def has(self, step: int) -> bool:
    """Whether the export of `step` exists."""
    return step in list_exports(self._directory)

  def export(self, step: int) -> str:
    """Publishes the export of `step`; removes the oldest ones."""
    path = export_path(self._directory, step)
    with atomic.atomic_directory(path) as temporary:
      self._export_fn(str(temporary), step)
    for old in list_exports(self._directory)[: -self._keep]:
      atomic.remove_directory(export_path(self._directory, old))
    return path


class BestExporter(_Exporter):
  """Keeps the export with the highest value of a held-out metric."""

  def __init__(self, export_fn: ExportFn, directory: str, metric: str):
    super().__init__(export_fn, directory)
    self._metric = metric
    self._find_best()

  def _find_best(self) -> None:
    self.best = -math.inf
    for step in list_exports(self._directory):
      path = pathlib.Path(self._directory, str(step), _METRICS)
      if not path.exists():
        # Not whole: its removal was cut off by a kill.
        atomic.remove_directory(path.parent)
        continue
      metrics = atomic.read_object(path, optional={self._metric: float})
      self.best = max(self.best, metrics.get(self._metric, -math.inf))

  def drop_after(self, step: int) -> list[int]:
    """Removes a best export that a restart at `step` knows nothing of."""
    dropped = super().drop_after(step)
    self._find_best()
    return dropped

  def consider(self, step: int, metrics: Mapping[str, float]) -> bool:
    """Exports if the metric is the best so far; returns whether it was."""
    if self._metric not in metrics:
      raise ValueError(
        f'the best export is chosen by {self._metric!r}, but the evaluation'
        f' gives only {", ".join(sorted(metrics))}'
      )
    value = float(metrics[self._metric])
    if not value > self.best:  # so NaN is never the best
      return False
    path = export_path(self._directory, step)
    with atomic.atomic_directory(path) as temporary:
      self._export_fn(str(temporary), step)
      atomic.write_json(
        temporary / _METRICS,
        {**{k: float(v) for k, v in metrics.items()}, 'step': step},
      )
    self.best = value
    for other in list_exports(self._directory):
      if other != step:
        atomic.remove_directory(export_path(self._directory, other))
    return True
