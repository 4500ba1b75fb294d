# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Settings and exports of a run; checkpoints_test has its checkpoints."""

import pytest

from realm_tf.training.run_directory import (
  RunDirectory,
  find_export,
  find_module,
)


def test_exports_are_found(tmp_path):
  run = RunDirectory(tmp_path / 'run')
  with pytest.raises(FileNotFoundError, match='run has no export'):
    find_export(run.path)
  for step in (5, 10):
    (tmp_path / f'run/export/tf_hub/{step}/embedder').mkdir(parents=True)
  (tmp_path / 'run/export/tf_hub_best/5/bert').mkdir(parents=True)
  assert find_export(run.path) == f'{run.best_exports}/5'
  newest = f'{run.exports}/10'
  assert find_export(run.path, best=False) == find_export(newest) == newest


def test_modules_are_found_by_run_export_and_path(tmp_path):
  run = RunDirectory(tmp_path / 'run')
  for step in (5, 10):
    (tmp_path / f'run/export/tf_hub/{step}/embedder').mkdir(parents=True)
  (tmp_path / 'run/export/tf_hub_best/5/embedder').mkdir(parents=True)
  module = f'{run.exports}/10/embedder'
  for path in (run.path, run.exports, f'{run.exports}/10', module):
    assert find_module(path, 'embedder') == module
  assert (
    find_module(run.path, 'embedder', best=True)
    == f'{run.best_exports}/5/embedder'
  )
  with pytest.raises(ValueError, match='tf_hub/10, the export of .*no bert'):
    find_module(run.path, 'bert')
  # Names of presets, and other weights.
  assert find_module('tiny', 'bert') == 'tiny'


def test_settings_must_stay(tmp_path):
  RunDirectory(tmp_path).check_settings({'a': 1, 'b': [2]}, True)
  RunDirectory(tmp_path).check_settings({'a': 1, 'b': [2]}, False)
  with pytest.raises(ValueError, match=r'a was 1 and is None; b was \[2\] and'):
    RunDirectory(tmp_path).check_settings({'b': [3], 'c': 'x'}, False)
  # Nothing was trained yet: other settings are as good.
  RunDirectory(tmp_path).check_settings({'a': 2}, True)
  RunDirectory(tmp_path).check_settings({'a': 2}, False)


def test_a_setting_that_an_older_version_had_not_is_kept_from_now_on(tmp_path):
  def check(fresh=False, **settings):
    RunDirectory(tmp_path).check_settings(settings, fresh)

  check(fresh=True, a=1)
  check(a=1, b='x', c=None)
  check(a=1, b='x', c=None)
  with pytest.raises(ValueError, match="b was 'x' and is 'y'; c was None and"):
    check(a=1, b='y', c=2)
  # Nothing is recorded of a call that was refused.
  with pytest.raises(ValueError, match='a was 1 and is 2'):
    check(a=2, b='x', d=3)
  check(a=1, b='x', d=4)


def test_settings_of_earlier_versions_are_understood(tmp_path):
  before = {
    'masking': {'strategy': 'salient_span', 'max_masks': 10},
    'model': {'reader_gold_loss': 0.0, 'blocks_at_once': 0},
  }
  RunDirectory(tmp_path).check_settings(before, True)
  now = {
    'masking': {'masking': 'salient_span', 'max_masks': 10},
    'model': {'reader_gold_loss': 0.0},
  }
  RunDirectory(tmp_path).check_settings(now, False)
  now['masking']['max_masks'] = 9
  with pytest.raises(ValueError, match='masking was .* and is '):
    RunDirectory(tmp_path).check_settings(now, False)
