# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import os

import pytest

from benchmarks import child_process
from benchmarks.child_process import Measurement


def test_measures_in_another_process(tmp_path):
  measurement = Measurement(
    'short', 'throughput.peak', {'size': 64, 'repeats': 1}, cores=1
  )
  figures = child_process.run(measurement, str(tmp_path))
  assert figures['gigaflops_per_second'] > 0
  assert 200 < figures['peak_memory_mb'] < 4000
  assert figures['seconds'] > 0.5 and figures['busy_cores_before'] >= 0
  assert os.path.exists(tmp_path / 'short.log')


def test_a_failure_tells_what_was_wrong(tmp_path):
  with pytest.raises(child_process.MeasurementError) as e:
    child_process.run(Measurement('broken', 'not_there.x'), str(tmp_path))
  assert 'broken ended with code 1' in str(e.value)
  assert "No module named 'benchmarks.not_there'" in str(e.value)


def test_call_gives_each_function_what_it_takes(tmp_path):
  measurement = Measurement('m', 'memory.memory', {'rows': 500, 'refreshes': 4})
  assert measurement.call(str(tmp_path))['rows'] == 500
