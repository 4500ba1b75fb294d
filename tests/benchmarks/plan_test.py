# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import inspect
import subprocess
import sys

import pytest

from benchmarks import material as material_lib
from benchmarks import plan
from benchmarks.pipeline import PipelineConfig

MATERIAL = {
  'directory': 'd',
  'knowledge': 'k',
  'queries': 'q',
  'vocab_file': 'v',
}


@pytest.mark.parametrize('toy', [False, True])
def test_all_settings_are_known_to_their_functions(toy):
  measurements = plan.make_plan(MATERIAL, toy=toy)
  for measurement in measurements:
    parameters = inspect.signature(measurement.load()).parameters
    unknown = measurement.settings.keys() - parameters.keys()
    if 'sizes' in parameters:
      PipelineConfig(**{name: measurement.settings[name] for name in unknown})
    else:
      assert not unknown
    if measurement.material:
      assert material_lib.Material(**measurement.material).num_documents > 0
  names = [m.name for m in measurements]
  assert len(set(names)) == len(names)
  assert {target[0] for target in plan.TARGETS} <= set(names)


def test_launcher_shapes():
  config = PipelineConfig()
  assert (config.batch_size, config.num_candidates) == (4, 8)
  assert (config.query_seq_len, config.candidate_seq_len) == (96, 288)
  assert config.max_masks == 10
  (measurement,) = plan.make_plan(MATERIAL, only=['steps_tiny'])[1:]
  assert measurement.settings == {'preset': 'tiny', 'mixed_precision': False}


def test_material_is_made_before_it_is_needed():
  names = [m.name for m in plan.make_plan(MATERIAL, only=['steps'])]
  assert names == ['material_5000', 'steps_tiny', 'steps_mini']
  names = [m.name for m in plan.make_plan(MATERIAL, only=['memory'])]
  assert names == ['memory']


def test_what_is_bound_to_one_core():
  cores = {m.name: m.cores for m in plan.make_plan(MATERIAL, cores=3)}
  assert cores.pop('tokenizing') == cores.pop('lexical') == 1
  assert set(cores.values()) == {3}


def test_unknown_names_are_refused():
  with pytest.raises(ValueError, match="no measurement 'speed'; there are cor"):
    plan.make_plan(MATERIAL, only=['speed'])


def test_targets_are_compared():
  results = {
    'tokenizing': {'megabytes_per_second': 9.0},
    'steps_tiny': {'step_seconds': 0.5, 'peak_memory_mb': 1700.0},
  }
  compared = {c['figure']: c for c in plan.compare(results)}
  assert compared['megabytes_per_second'] == {
    'measurement': 'tokenizing',
    'figure': 'megabytes_per_second',
    'value': 9.0,
    'at_least': 10,
    'met': False,
  }
  assert compared['step_seconds']['met'] and compared['peak_memory_mb']['met']
  assert 'at_least' not in compared['step_seconds']
  # 1.8 GB are 1,717 MiB.
  for megabytes, met in ((1716, True), (1718, False)):
    results['steps_tiny']['peak_memory_mb'] = megabytes
    compared = {c['figure']: c for c in plan.compare(results)}
    assert compared['peak_memory_mb']['met'] == met


def test_the_parent_starts_no_tensorflow():
  code = (
    'import sys; from benchmarks import child_process, machine, plan;'
    'sys.exit("tensorflow" in sys.modules)'
  )
  assert not subprocess.run(
    [sys.executable, '-c', code], check=False
  ).returncode
