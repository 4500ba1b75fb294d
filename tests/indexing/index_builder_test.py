# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import os
import shutil
import threading
import time

import pytest

from realm_tf.indexing import index_builder, index_directory
from realm_tf.indexing.index_directory import IndexDirectory
from realm_tf.io import atomic
from realm_tf.training import exporters, run_directory
from tests.support import metadata


def export(root, step):
  with atomic.atomic_directory(root / 'export' / str(step)) as directory:
    (directory / 'embedder').mkdir()


class Build:
  """Publishes an empty index; can fail, and can wait to be let on."""

  def __init__(self, root, fails=()):
    self.root, self.fails = root, set(fails)
    self.built, self.started = [], threading.Event()
    self.go_on = threading.Event()
    self.go_on.set()

  def __call__(self, embedder_dir, step, check):
    assert os.path.isdir(embedder_dir)
    self.started.set()
    while not self.go_on.wait(0.01):
      check()
    if step in self.fails:
      raise MemoryError('no room')
    with atomic.atomic_directory(self.root / 'index' / str(step)):
      self.built.append(step)


def make(root, **kwargs):
  build = Build(root, **kwargs)
  builder = index_builder.IndexBuilder(
    str(root / 'export'),
    IndexDirectory(root / 'index'),
    build,
    poll_seconds=0.02,
  )
  return builder, build


def test_builds_the_newest_once(tmp_path):
  builder, build = make(tmp_path)
  assert builder.build_pending() is None
  export(tmp_path, 0)
  export(tmp_path, 100)
  export(tmp_path, 90)
  assert builder.build_pending() == 100
  assert builder.build_pending() is None
  export(tmp_path, 1000)
  assert builder.build_pending() == 1000
  assert build.built == [100, 1000]
  assert IndexDirectory(tmp_path / 'index').versions() == [100, 1000]


def test_a_failure_is_recorded_and_the_next_export_tried(tmp_path):
  builder, build = make(tmp_path, fails=[5])
  export(tmp_path, 5)
  assert builder.build_pending() == 5
  assert builder.build_pending() is None
  assert IndexDirectory(tmp_path / 'index').failures() == {
    5: 'MemoryError: no room'
  }
  export(tmp_path, 6)
  assert builder.build_pending() == 6
  assert IndexDirectory(tmp_path / 'index').versions() == [6]
  # A new builder forgets old failures, and finds nothing to do.
  builder, _ = make(tmp_path)
  assert IndexDirectory(tmp_path / 'index').failures() == {}
  assert builder.pending() is None


class Died(BaseException):
  """As a kill: nobody cleans up."""


def test_an_export_may_go_while_its_index_is_built(tmp_path):
  used = []

  def build(embedder_dir, step, check):
    shutil.rmtree(tmp_path / 'export' / str(step), ignore_errors=True)
    used.append((step, os.listdir(embedder_dir)))
    if len(used) == 1:
      raise Died
    (tmp_path / 'index' / str(step)).mkdir()

  def make_builder():
    return index_builder.IndexBuilder(
      str(tmp_path / 'export'), IndexDirectory(tmp_path / 'index'), build
    )

  export(tmp_path, 5)
  (tmp_path / 'export' / '5' / 'embedder' / 'weights').touch()
  with pytest.raises(Died):
    make_builder().build_pending()
  export(tmp_path, 100)
  # The build that was broken off is ended, though its export is gone.
  builder = make_builder()
  assert builder.build_pending() == 5
  assert builder.build_pending() == 100
  assert used == [(5, ['weights']), (5, ['weights']), (100, [])]
  assert sorted(os.listdir(tmp_path / 'index')) == ['100', '5']


def test_a_broken_off_build_of_another_run_is_not_ended(tmp_path):
  (tmp_path / 'index' / '.embedder-5').mkdir(parents=True)
  builder, build = make(tmp_path)
  export(tmp_path, 0)
  assert builder.build_pending() == 0
  export(tmp_path, 9)
  fingerprints = exporters.Fingerprints(str(tmp_path / 'export'), lambda _: '')
  fingerprints.begin(9)
  (tmp_path / 'index' / '.embedder-5').mkdir(parents=True)
  assert builder.build_pending() == 9
  assert build.built == [0, 9]
  assert sorted(os.listdir(tmp_path / 'index')) == ['0', '9']


def test_an_export_that_goes_before_it_is_copied_is_passed_over(
  tmp_path, monkeypatch
):
  builder, build = make(tmp_path)
  export(tmp_path, 5)
  keep = IndexDirectory.keep_embedder

  def come_late(indexes, step, embedder_dir):
    if step == 5:
      shutil.rmtree(tmp_path / 'export' / '5')
      export(tmp_path, 6)
    return keep(indexes, step, embedder_dir)

  monkeypatch.setattr(IndexDirectory, 'keep_embedder', come_late)
  builder.run(is_over=lambda: True)
  assert build.built == [6]
  assert IndexDirectory(tmp_path / 'index').failures() == {}


def test_indexes_of_another_run_are_none(tmp_path):
  builder, build = make(tmp_path)
  export(tmp_path, 0)
  fingerprints = exporters.Fingerprints(
    str(tmp_path / 'export'), lambda _: 'mine'
  )
  fingerprints.begin(0)
  metadata.write_index(tmp_path / 'index' / '500', 'its')
  metadata.write_index(tmp_path / 'index' / '0', 'its')
  assert builder.pending() == 0
  metadata.write_index(tmp_path / 'index' / '0', 'mine')
  assert builder.pending() is None


def test_the_loop_outlives_what_it_did_not_expect(tmp_path, monkeypatch):
  builder, build = make(tmp_path)
  thread = index_builder.BuilderThread(builder)
  assert not thread.is_alive()
  looked = threading.Event()

  def cannot_look(directory):
    looked.set()
    raise PermissionError(directory)

  with monkeypatch.context() as patch:
    patch.setattr(run_directory, 'list_exports', cannot_look)
    thread.begin(0, -1)
    assert looked.wait(10)
  export(tmp_path, 0)
  wait_for(lambda: build.built == [0])
  assert thread.is_alive()
  assert thread.report(1) == {'index_builder_deaths': 0.0}
  thread.end()


def test_a_failure_that_cannot_be_written_down_ends_nothing(
  tmp_path, monkeypatch
):
  builder, build = make(tmp_path, fails=[5])
  export(tmp_path, 5)

  def full(path, value):
    raise OSError('no space')

  monkeypatch.setattr(atomic, 'write_json', full)
  assert builder.build_pending() == 5
  assert builder.build_pending() is None


def test_a_dead_thread_is_reported_once(tmp_path):
  builder, build = make(tmp_path)
  thread = index_builder.BuilderThread(builder)
  builder.stop()  # as if it had died: nobody said `end`
  thread.begin(0, -1)
  wait_for(lambda: not thread.is_alive())
  report = thread.report(1)
  assert report['index_builder_deaths'] == 1.0
  assert 'has ended' in report['index_builder']
  assert 'index_builder' not in thread.report(2)
  thread.end()


def test_failures_may_go_while_they_are_read(tmp_path, monkeypatch):
  atomic.write_json(tmp_path / 'failed-5.json', {'step': 5, 'error': 'E'})

  def gone(path):
    raise FileNotFoundError(path)

  monkeypatch.setattr(atomic, 'read_json', gone)
  assert IndexDirectory(tmp_path).failures() == {}


def test_leftovers_of_the_dead_are_no_versions(tmp_path):
  (tmp_path / 'index' / '.7.tmp-999999999-0123abcd').mkdir(parents=True)
  export(tmp_path, 7)
  builder, _ = make(tmp_path)
  assert os.listdir(tmp_path / 'index') == []
  assert builder.pending() == 7


def test_one_builder_at_a_time(tmp_path, monkeypatch):
  monkeypatch.setattr(index_directory, '_PATIENCE_SECONDS', 0.1)
  (tmp_path / 'index' / '.partial-5').mkdir(parents=True)
  builder, build = make(tmp_path)
  export(tmp_path, 7)
  with IndexDirectory(tmp_path / 'index').lock():
    with pytest.raises(BlockingIOError, match=rf'{os.getpid()}.* works in'):
      builder.run(lambda: True)
    IndexDirectory(tmp_path / 'index').remove_unfinished()
  assert not build.built and (tmp_path / 'index' / '.partial-5').exists()
  builder.run(lambda: True)
  assert build.built == [7]
  IndexDirectory(tmp_path / 'index').remove_unfinished()
  assert sorted(os.listdir(tmp_path / 'index')) == ['7']


def test_thread_builds_while_told_and_stops_within_a_build(tmp_path):
  builder, build = make(tmp_path)
  thread = index_builder.BuilderThread(builder)
  export(tmp_path, 0)
  thread.begin(0, -1)
  deadline = time.monotonic() + 10
  while not build.built and time.monotonic() < deadline:
    time.sleep(0.01)
  assert build.built == [0]
  build.go_on.clear()
  build.started.clear()
  export(tmp_path, 1)
  thread.exported('', 1)
  assert build.started.wait(10)
  start = time.monotonic()
  thread.end()
  assert time.monotonic() - start < 5
  assert build.built == [0]
  assert IndexDirectory(tmp_path / 'index').failures() == {}


def test_run_ends_when_training_is_over_and_nothing_pends(tmp_path):
  builder, build = make(tmp_path)
  export(tmp_path, 3)
  builder.run(is_over=lambda: True)
  assert build.built == [3]


def wait_for(condition):
  deadline = time.monotonic() + 10
  while not condition() and time.monotonic() < deadline:
    time.sleep(0.01)
  assert condition()


def test_process_is_started_again_after_its_death():
  builder = index_builder.BuilderProcess(threading.Event.wait)
  builder.begin(0, -1)
  assert builder.is_alive()
  first = builder.pid
  builder.exported('', 1)
  assert builder.pid == first
  assert builder.report(1) == {'index_builder_deaths': 0.0}
  os.kill(first, 9)
  wait_for(lambda: not builder.is_alive())
  report = builder.report(2)
  assert report['index_builder_deaths'] == 1.0
  assert 'ended with -9' in report['index_builder']
  assert 'index_builder' not in builder.report(3)
  builder.exported('', 4)
  assert builder.is_alive() and builder.pid != first
  second = builder.pid
  builder.end()
  with pytest.raises(ProcessLookupError):
    os.kill(second, 0)
  builder.end()
