# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs a measurement in a process of its own, with so many cores.

So no measurement finds memory, threads or compiled functions of another. The
parent imports no TensorFlow.
"""

import dataclasses
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

from benchmarks import machine
from realm_tf.io import allocator, atomic

_SHOWN_OF_LOG = 4000


class MeasurementError(RuntimeError):
  """A measurement failed; the message has the end of its log."""


@dataclasses.dataclass(frozen=True)
class Measurement:
  """One run of the `measure` of a module of this package.

  Attributes:
    name: What its figures are called.
    module: Name of the module.
    settings: Arguments of the module's `Settings`, if it has one.
    material: Arguments of `material.Material`, if it needs that.
    cores: Cores that the process is bound to, and threads of TensorFlow.
  """

  name: str
  module: str
  settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  material: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  cores: int = 2


def run(measurement: Measurement, work_dir: str) -> dict[str, Any]:
  """Measures in a new process.

  Args:
    measurement: What.
    work_dir: Request, answer and `<name>.log` are left here.

  Returns:
    What `measure` returns, and `seconds` (in all), `peak_memory_mb`, and
    `busy_cores_before`: what others did on the machine when it began.
  """
  os.makedirs(work_dir, exist_ok=True)
  base = os.path.join(work_dir, measurement.name)
  atomic.write_json(f'{base}.request.json', dataclasses.asdict(measurement))
  busy = machine.busy_cores()
  start = time.monotonic()
  with open(f'{base}.log', 'wb') as log:
    code = subprocess.run(
      [
        sys.executable,
        '-m',
        'benchmarks.child_process',
        f'{base}.request.json',
        f'{base}.answer.json',
        work_dir,
      ],
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
    **atomic.read_json(f'{base}.answer.json'),
    'seconds': time.monotonic() - start,
    'busy_cores_before': busy,
  }


def _bind(cores: int) -> None:
  """Binds this process to so many cores."""
  if hasattr(os, 'sched_setaffinity'):
    allowed = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, allowed[:cores])


def _limit_threads(count: int) -> None:
  """Has TensorFlow run one operation, and parts of one, in so many threads."""
  import tensorflow as tf

  tf.config.threading.set_intra_op_parallelism_threads(count)
  tf.config.threading.set_inter_op_parallelism_threads(count)


def _module(measurement: Measurement) -> Any:
  return importlib.import_module(f'benchmarks.{measurement.module}')


def call(measurement: Measurement, work_dir: str) -> dict[str, Any]:
  """Measures in this process."""
  module = _module(measurement)
  arguments: list[Any] = []
  if hasattr(module, 'Settings'):
    arguments.append(module.Settings(**measurement.settings))
  if measurement.material:
    material = importlib.import_module('benchmarks.material')
    arguments.append(material.Material(**measurement.material))
  if getattr(module, 'NEEDS_WORK_DIR', False):
    arguments.append(os.path.join(work_dir, f'{measurement.name}.files'))
  return module.measure(*arguments)


def main(argv: list[str]) -> None:
  """Reads the request, measures, writes the answer."""
  request, answer, work_dir = argv[1:]
  with open(request, encoding='utf-8') as f:
    measurement = Measurement(**json.load(f))
  # As binaries that train do.
  allocator.limit_arenas()
  # Before TensorFlow is imported: it counts its cores then.
  _bind(measurement.cores)
  _module(measurement)
  _limit_threads(measurement.cores)
  figures = call(measurement, work_dir)
  figures['peak_memory_mb'] = machine.peak_memory_mb()
  atomic.write_json(answer, figures)


if __name__ == '__main__':
  main(sys.argv)
