# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Publish exports: each latest one, and the best."""

import math
import os
import pathlib
import shutil
from collections.abc import Callable, Mapping

from absl import logging

from realm_tf.io import atomic

ExportFn = Callable[[str, int], None]
_METRICS = 'metrics.json'


def list_exports(directory: str | os.PathLike) -> list[int]:
  """The steps whose exports are whole, rising."""
  if not os.path.isdir(directory):
    return []
  return sorted(int(name) for name in os.listdir(directory) if name.isdigit())


def export_path(directory: str | os.PathLike, step: int) -> str:
  """Where the export of `step` is or will be."""
  return os.path.join(directory, str(step))


class LatestExporter:
  """Writes `directory/<step>/`, which appears only when whole."""

  def __init__(self, export_fn: ExportFn, directory: str, *, keep: int = 3):
    if keep < 1:
      raise ValueError(f'keep must be at least 1. Received: {keep}')
    self._export_fn = export_fn
    self._directory = directory
    self._keep = keep
    atomic.remove_stale(directory)

  def has(self, step: int) -> bool:
    """Whether the export of `step` is there."""
    return step in list_exports(self._directory)

  def export(self, step: int) -> str:
    """Publishes the state at `step`; drops exports that are too old."""
    path = export_path(self._directory, step)
    with atomic.atomic_directory(path) as temporary:
      self._export_fn(str(temporary), step)
    for old in list_exports(self._directory)[: -self._keep]:
      shutil.rmtree(export_path(self._directory, old))
    return path

  def drop_after(self, step: int) -> list[int]:
    """Removes exports of steps that a restart is going to take again."""
    dropped = [s for s in list_exports(self._directory) if s > step]
    for later in dropped:
      logging.warning(
        '%s is of a step after the checkpoint at %d: removed',
        export_path(self._directory, later),
        step,
      )
      shutil.rmtree(export_path(self._directory, later))
    return dropped


class BestExporter:
  """Keeps the export with the highest value of a held-out metric."""

  def __init__(self, export_fn: ExportFn, directory: str, metric: str):
    self._export_fn = export_fn
    self._directory = pathlib.Path(directory)
    self._metric = metric
    atomic.remove_stale(directory)
    self.best = -math.inf
    for step in list_exports(directory):
      path = self._directory / str(step) / _METRICS
      if not path.exists():
        # Its removal was cut off by a kill; the metrics go first.
        shutil.rmtree(path.parent)
        continue
      metrics = atomic.read_json(path)
      self.best = max(self.best, metrics.get(metric, -math.inf))

  def consider(self, step: int, metrics: Mapping[str, float]) -> bool:
    """Exports if the metric is better than ever; says whether it was."""
    if self._metric not in metrics:
      raise ValueError(
        f'the best export is chosen by {self._metric!r}, but the evaluation'
        f' gives only {", ".join(sorted(metrics))}'
      )
    value = float(metrics[self._metric])
    if not value > self.best:  # so NaN is never the best
      return False
    with atomic.atomic_directory(self._directory / str(step)) as temporary:
      self._export_fn(str(temporary), step)
      atomic.write_json(
        temporary / _METRICS,
        {**{k: float(v) for k, v in metrics.items()}, 'step': step},
      )
    self.best = value
    for other in list_exports(self._directory):
      if other != step:
        (self._directory / str(other) / _METRICS).unlink()
        shutil.rmtree(self._directory / str(other))
    return True
