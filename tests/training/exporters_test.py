# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import os
import pathlib

import pytest

from realm_tf.io import atomic
from realm_tf.training import exporters, run_directory


def write_step(directory, step):
  with open(os.path.join(directory, 'step'), 'w') as f:
    f.write(str(step))


def test_latest_keeps_the_last(tmp_path):
  exporter = exporters.LatestExporter(write_step, str(tmp_path), keep=2)
  for step in (0, 5, 20, 100):
    path = exporter.export(step)
    assert pathlib.Path(path, 'step').read_text() == str(step)
  assert run_directory.list_exports(tmp_path) == [20, 100]
  assert exporter.has(20) and not exporter.has(5)
  assert exporter.drop_after(50) == [100]
  assert run_directory.list_exports(tmp_path) == [20]


def test_an_export_that_fails_is_never_seen(tmp_path):
  def fail(directory, step):
    write_step(directory, step)
    raise OSError('full')

  exporter = exporters.LatestExporter(fail, str(tmp_path))
  with pytest.raises(OSError, match='full'):
    exporter.export(3)
  assert os.listdir(tmp_path) == []


def test_leftovers_of_a_killed_export_are_removed(tmp_path):
  leftover = tmp_path / '.40.tmp-999999999-0a1b2c3d'
  leftover.mkdir()
  (leftover / 'half').touch()
  exporters.LatestExporter(write_step, str(tmp_path))
  assert not leftover.exists()


def test_best_by_metric_over_restarts(tmp_path):
  best = exporters.BestExporter(write_step, str(tmp_path), 'utility')
  assert best.consider(0, {'utility': -1.0})
  assert not best.consider(10, {'utility': -1.5})
  assert not best.consider(15, {'utility': float('nan')})
  assert best.consider(20, {'utility': 0.25, 'loss': 3.0})
  assert run_directory.list_exports(tmp_path) == [20]
  assert atomic.read_json(tmp_path / '20' / 'metrics.json') == {
    'utility': 0.25,
    'loss': 3.0,
    'step': 20,
  }
  again = exporters.BestExporter(write_step, str(tmp_path), 'utility')
  assert again.best == 0.25
  assert not again.consider(30, {'utility': 0.2})
  assert again.consider(40, {'utility': 0.3})
  assert run_directory.list_exports(tmp_path) == [40]


def test_best_survives_a_kill_while_it_removes_the_second_best(tmp_path):
  best = exporters.BestExporter(write_step, str(tmp_path), 'utility')
  best.consider(1, {'utility': 0.5})
  half_removed = tmp_path / '0'
  half_removed.mkdir()
  (half_removed / 'step').touch()
  again = exporters.BestExporter(write_step, str(tmp_path), 'utility')
  assert again.best == 0.5
  assert run_directory.list_exports(tmp_path) == [1]


def test_best_of_a_step_after_the_restart_is_dropped(tmp_path):
  best = exporters.BestExporter(write_step, str(tmp_path), 'utility')
  best.consider(20, {'utility': 0.5})
  again = exporters.BestExporter(write_step, str(tmp_path), 'utility')
  assert again.drop_after(20) == [] and again.best == 0.5
  assert again.drop_after(10) == [20]
  assert os.listdir(tmp_path) == []
  assert again.consider(20, {'utility': 0.25})


def test_fingerprints_outlive_exports(tmp_path):
  def read_step(directory):
    return f'weights {pathlib.Path(directory, "step").read_text()}'

  exporter = exporters.LatestExporter(write_step, str(tmp_path), keep=1)
  fingerprints = exporters.Fingerprints(str(tmp_path), read_step)
  for step in (0, 5):
    exporter.export(step)
    fingerprints.note(step)
  exporter.export(10)  # killed before it was noted
  again = exporters.Fingerprints(str(tmp_path), read_step)
  again.begin(10)
  assert exporters.read_fingerprints(tmp_path) == {
    0: 'weights 0',
    5: 'weights 5',
    10: 'weights 10',
  }
  exporter.drop_after(5)
  again.begin(5)
  assert again.of(10) is None and again.of(5) == 'weights 5'


def test_best_names_the_metrics_there_are(tmp_path):
  best = exporters.BestExporter(write_step, str(tmp_path), 'utility')
  with pytest.raises(ValueError, match="'utility', but .* only accuracy, loss"):
    best.consider(1, {'loss': 1.0, 'accuracy': 0.5})


def test_keep_must_be_positive(tmp_path):
  with pytest.raises(ValueError, match='keep must be at least 1'):
    exporters.LatestExporter(write_step, str(tmp_path), keep=0)
