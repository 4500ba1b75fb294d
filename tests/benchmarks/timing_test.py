# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import time

import pytest

from benchmarks import timing


def test_the_first_call_is_not_counted():
  calls = []

  def work():
    calls.append(1)
    time.sleep(0.3 if len(calls) == 1 else 0.01)

  seconds = timing.time_repeats(work, 3)
  assert len(calls) == 4 and len(seconds) == 3
  assert min(seconds) >= 0.01


def test_rate():
  assert timing.rate(12, [3.0, 2.0, 4.0], 'files') == {
    'files_per_second': pytest.approx(4.0),
    'files_per_second_worst': pytest.approx(3.0),
    'files_per_second_best': pytest.approx(6.0),
  }
