# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs a measurement in a process of its own, bound to some cores.

So no measurement finds memory, threads or compiled functions of another. The
parent imports no TensorFlow.
"""

import dataclasses
import importlib
import inspect
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks import machine
from realm_tf.io import allocator, atomic

_SHOWN_OF_LOG = 4000


class MeasurementError(RuntimeError):
  """A measurement failed; the message has the end of its log."""


@dataclasses.dataclass(frozen=True)
class Measurement:
  """One call of a function of this package.

  Attributes:
    name: Name of its figures.
    function: `module.function`.
    settings: Arguments of the function.
    material: Arguments of `material.Material`, if the function takes it.
    cores: Cores that the process is bound to, and threads of TensorFlow.
  """

  name: str
  function: str
  settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  material: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  cores: int = 2

  def load(self) -> Callable[..., dict[str, Any]]:
    """Imports the function."""
    module, name = self.function.split('.')
    return getattr(importlib.import_module(f'benchmarks.{module}'), name)

  def call(self, work_dir: str) -> dict[str, Any]:
    """Measures in this process; files go to `work_dir`."""
    function = self.load()
    arguments = dict(self.settings)
    parameters = inspect.signature(function).parameters
    if 'material' in parameters:
      material = importlib.import_module('benchmarks.material')
      arguments['material'] = material.Material(**self.material)
    if 'work_dir' in parameters:
      arguments['work_dir'] = os.path.join(work_dir, f'{self.name}.files')
    return function(**arguments)


def run(measurement: Measurement, work_dir: str) -> dict[str, Any]:
  """Measures in a new process.

  Args:
    measurement: The measurement.
    work_dir: Directory where request, answer and `<name>.log` are left.

  Returns:
    The function's figures; `seconds` (in all), `peak_memory_mb`, and
    `busy_cores_before`: the load of the machine when it began.

  Raises:
    MeasurementError: The process failed.
  """
  os.makedirs(work_dir, exist_ok=True)
  base = os.path.join(work_dir, measurement.name)
  request, answer = f'{base}.request.json', f'{base}.answer.json'
  atomic.write_json(request, dataclasses.asdict(measurement))
  busy = machine.busy_cores()
  start = time.monotonic()
  with open(f'{base}.log', 'wb') as log:
    code = subprocess.run(
      [sys.executable, '-m', __name__, request, answer, work_dir],
      stdout=log,
      stderr=subprocess.STDOUT,
      env={'TF_CPP_MIN_LOG_LEVEL': '2', **os.environ},
      check=False,
    ).returncode
  if code:
    with open(f'{base}.log', encoding='utf-8', errors='replace') as f:
      end = f.read()[-_SHOWN_OF_LOG:]
    raise MeasurementError(
      f'the measurement {measurement.name} ended with code {code}; the end of'
      f' {base}.log:\n{end}'
    )
  return {
    **atomic.read_json(answer),
    'seconds': time.monotonic() - start,
    'busy_cores_before': busy,
  }


def main(argv: list[str]) -> None:
  """Reads the request, measures, writes the answer."""
  request, answer, work_dir = argv[1:]
  with open(request, encoding='utf-8') as f:
    measurement = Measurement(**json.load(f))
  # As in the binaries that train.
  allocator.limit_arenas()
  # Before TensorFlow is imported: it counts its cores then.
  if hasattr(os, 'sched_setaffinity'):
    allowed = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, allowed[: measurement.cores])
  measurement.load()

  import tensorflow as tf

  tf.config.threading.set_intra_op_parallelism_threads(measurement.cores)
  tf.config.threading.set_inter_op_parallelism_threads(measurement.cores)
  figures = measurement.call(work_dir)
  figures['peak_memory_mb'] = machine.peak_memory_mb()
  atomic.write_json(answer, figures)


if __name__ == '__main__':
  main(sys.argv)
