# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np

from benchmarks import machine


def test_facts_name_processor_and_versions():
  facts = machine.facts()
  assert facts['cores'] >= 1 and facts['memory_gb'] > 0.5 and facts['cpu']
  assert facts['versions']['tensorflow'].startswith('2.')
  assert facts['date'].startswith('20')


def test_peak_memory_remembers_what_was_freed():
  held = np.ones(20_000_000)  # 153 MB
  during = machine.memory_mb()
  del held
  assert machine.peak_memory_mb() > during - 5
  assert machine.memory_mb() < during - 100


def test_busy_cores_are_not_more_than_there_are():
  assert 0 <= machine.busy_cores(0.1) <= machine.facts()['cores']
