# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import dataclasses
import os

import pytest

from benchmarks import child_process, tokenizing
from benchmarks.child_process import Measurement


def test_measures_in_another_process(material, tmp_path):
  figures = child_process.run(
    Measurement(
      'short',
      'tokenizing',
      dataclasses.asdict(tokenizing.Settings(32, 16, 1)),
      dataclasses.asdict(material),
      cores=1,
    ),
    str(tmp_path),
  )
  assert figures['megabytes_per_second'] > 0
  assert 200 < figures['peak_memory_mb'] < 4000
  assert figures['seconds'] > 0.5 and figures['busy_cores_before'] >= 0
  assert os.path.exists(tmp_path / 'short.log')


def test_a_failure_tells_what_was_wrong(tmp_path):
  with pytest.raises(child_process.MeasurementError) as e:
    child_process.run(Measurement('broken', 'not_there'), str(tmp_path))
  assert 'broken ended with code 1' in str(e.value)
  assert "No module named 'benchmarks.not_there'" in str(e.value)


def test_call_gives_each_module_what_it_takes(tmp_path):
  measurement = Measurement(
    'm', 'memory', {'rows': 500, 'dim': 8, 'refreshes': 4, 'searcher': 'exact'}
  )
  assert child_process.call(measurement, str(tmp_path))['rows'] == 500
