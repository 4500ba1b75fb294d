# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import os
import threading
import time

import pytest

from realm_tf.indexing import index_refresh
from realm_tf.indexing.index_directory import IndexDirectory
from realm_tf.io import atomic
from realm_tf.training import exporters
from tests.support import metadata


class Slot:
  def __init__(self):
    self.held = []

  def swap(self, new):
    self.held.append(new)


def publish(root, step, content='good'):
  with atomic.atomic_directory(root / str(step)) as directory:
    (directory / 'content').write_text(content)


def load(path):
  with open(os.path.join(path, 'content')) as f:
    if f.read() != 'good':
      raise ValueError('garbage')
  return int(os.path.basename(path))


def make(root, **kwargs):
  slot = Slot()
  refresher = index_refresh.IndexRefresher(
    IndexDirectory(root), slot, load, poll_seconds=0.02, **kwargs
  )
  return refresher, slot


def wait_for(condition):
  deadline = time.monotonic() + 10
  while not condition() and time.monotonic() < deadline:
    time.sleep(0.01)
  assert condition()


def test_swaps_in_newer_versions_up_to_the_step(tmp_path):
  publish(tmp_path, 0)
  refresher, slot = make(tmp_path)
  refresher.begin(0, -1)
  assert slot.held == [0]
  publish(tmp_path, 100)
  time.sleep(0.1)
  assert slot.held == [0]  # of a step that was not taken yet
  refresher.report(100)
  wait_for(lambda: slot.held == [0, 100])
  publish(tmp_path, 50)
  time.sleep(0.1)
  report = refresher.report(150)
  assert slot.held == [0, 100]
  assert report['index_swaps'] == 1 and report['index_failures'] == 0
  refresher.end()
  assert 'index_refresh' not in [t.name for t in threading.enumerate()]


def test_resumes_with_the_version_of_the_checkpoint(tmp_path):
  for step in (0, 100, 200):
    publish(tmp_path, step)
  refresher, slot = make(tmp_path)
  refresher.begin(250, 100)
  assert slot.held[0] == 100
  wait_for(lambda: slot.held == [100, 200])
  refresher.end()


def test_goes_on_with_the_newest_when_that_version_is_gone(tmp_path):
  for step in (0, 100, 300):
    publish(tmp_path, step)
  refresher, slot = make(tmp_path)
  refresher.begin(250, 200)
  assert slot.held == [100]
  refresher.end()


def test_a_broken_version_is_reported_and_left(tmp_path):
  publish(tmp_path, 0)
  refresher, slot = make(tmp_path)
  refresher.begin(0, -1)
  publish(tmp_path, 1, 'bad')
  refresher.report(2)
  wait_for(lambda: 1 in refresher._broken)
  report = refresher.report(3)
  assert (
    'index of step 1 cannot be used: ValueError: garbage'
    in (report['index_trouble'])
  )
  assert report['index_failures'] == 1
  assert 'index_trouble' not in refresher.report(4)
  publish(tmp_path, 2)
  wait_for(lambda: slot.held == [0, 2])
  refresher.end()


def test_a_failed_build_is_reported_once(tmp_path):
  publish(tmp_path, 0)
  refresher, slot = make(tmp_path)
  refresher.begin(0, -1)
  atomic.write_json(
    tmp_path / 'failed-9.json', {'step': 9, 'error': 'MemoryError: no room'}
  )
  wait_for(lambda: refresher._news)
  report = refresher.report(9)
  assert (
    'step 9 could not be built (MemoryError: no room)'
    in (report['index_trouble'])
  )
  time.sleep(0.1)
  assert 'index_trouble' not in refresher.report(10)
  assert slot.held == [0]
  refresher.end()


def test_waits_for_the_first_index(tmp_path):
  refresher, slot = make(tmp_path)
  threading.Timer(0.2, lambda: publish(tmp_path, 0)).start()
  refresher.begin(0, -1)
  assert slot.held == [0]
  refresher.end()


def test_gives_up_when_nobody_will_build_the_first(tmp_path):
  refresher, _ = make(tmp_path, builder_is_alive=lambda: False)
  with pytest.raises(
    index_refresh.NoIndexError, match='builder that was to make it has'
  ):
    refresher.begin(0, -1)
  refresher, _ = make(tmp_path)
  atomic.write_json(tmp_path / 'failed-0.json', {'step': 0, 'error': 'E: why'})
  with pytest.raises(index_refresh.NoIndexError) as e:
    refresher.begin(0, -1)
  assert str(e.value) == (
    'there is no index to train with: the index of step 0 could not be built'
    ' (E: why)'
  )
  refresher.end()


def test_failures_of_an_earlier_run_are_forgotten(tmp_path):
  atomic.write_json(tmp_path / 'failed-0.json', {'step': 0, 'error': 'E: why'})
  refresher, slot = make(tmp_path)
  threading.Timer(0.2, lambda: publish(tmp_path, 0)).start()
  refresher.begin(0, -1)
  assert slot.held == [0]
  assert refresher.report(0)['index_failures'] == 0
  refresher.end()


def test_the_loop_outlives_what_it_did_not_expect(tmp_path, monkeypatch):
  publish(tmp_path, 0)
  refresher, slot = make(tmp_path)
  refresher.begin(0, -1)
  looked = threading.Event()

  def cannot_look(directory):
    looked.set()
    raise PermissionError(directory)

  with monkeypatch.context() as patch:
    patch.setattr(IndexDirectory, 'failures', cannot_look)
    assert looked.wait(10)
  publish(tmp_path, 1)
  refresher.report(1)
  wait_for(lambda: slot.held == [0, 1])
  refresher.end()


def make_of_a_run(tmp_path):
  """A refresher that knows its exports, and the exports' directory."""
  export_dir = tmp_path / 'export'
  fingerprints = exporters.Fingerprints(
    str(export_dir), lambda path: f'mine-{os.path.basename(path)}'
  )
  refresher, slot = make(tmp_path / 'index', fingerprints=fingerprints)
  return refresher, slot, export_dir


def test_only_indexes_of_this_run_s_exports_are_used(tmp_path):
  refresher, slot, export_dir = make_of_a_run(tmp_path)
  index_dir = tmp_path / 'index'
  (export_dir / '0').mkdir(parents=True)
  refresher.exported(str(export_dir / '0'), 0)
  metadata.write_index(index_dir / '0', 'its')
  timer = threading.Timer(
    0.3, lambda: metadata.write_index(index_dir / '0', 'mine-0')
  )
  start = time.monotonic()
  timer.start()
  refresher.begin(0, -1)
  assert time.monotonic() - start > 0.25 and slot.held == [0]
  metadata.write_index(index_dir / '500', 'its')
  refresher.report(1000)
  time.sleep(0.1)
  assert slot.held == [0]
  (export_dir / '600').mkdir()
  refresher.exported(str(export_dir / '600'), 600)
  metadata.write_index(index_dir / '600', 'mine-600')
  wait_for(lambda: slot.held == [0, 600])
  refresher.saved(1000, 600)
  # What is not of this run is not this run's to remove.
  assert sorted(os.listdir(index_dir)) == ['500', '600']
  refresher.end()


def test_resumes_with_an_index_whose_export_is_gone(tmp_path):
  refresher, slot, export_dir = make_of_a_run(tmp_path)
  for step in (0, 100):
    (export_dir / str(step)).mkdir(parents=True)
    refresher.exported(str(export_dir / str(step)), step)
  for step in (0, 100):
    metadata.write_index(tmp_path / 'index' / str(step), f'mine-{step}')
  atomic.remove_directory(export_dir / '100')
  refresher, slot, _ = make_of_a_run(tmp_path)
  refresher.begin(150, 100)
  assert slot.held == [100]
  refresher.end()
  # As a run was left by a version of this program that wrote no fingerprints.
  os.remove(export_dir / 'fingerprints.json')
  refresher, slot, _ = make_of_a_run(tmp_path)
  refresher.begin(150, 100)
  assert slot.held == [100]
  refresher.end()


def test_the_checkpoint_s_index_was_replaced_by_another_run_s(tmp_path):
  refresher, slot, export_dir = make_of_a_run(tmp_path)
  for step in (0, 100):
    (export_dir / str(step)).mkdir(parents=True)
    refresher.exported(str(export_dir / str(step)), step)
  metadata.write_index(tmp_path / 'index' / '0', 'mine-0')
  metadata.write_index(tmp_path / 'index' / '100', 'its')
  refresher.begin(150, 100)
  assert slot.held == [0]
  refresher.end()


def test_versions_before_the_checkpoint_s_are_removed(tmp_path):
  for step in (0, 100, 200, 300):
    publish(tmp_path, step)
  refresher, _ = make(tmp_path)
  refresher.saved(0, -1)
  assert sorted(os.listdir(tmp_path)) == ['0', '100', '200', '300']
  refresher.saved(350, 200)
  assert sorted(os.listdir(tmp_path)) == ['200', '300']
