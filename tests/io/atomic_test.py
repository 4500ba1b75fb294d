# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import os
import signal
import subprocess
import sys

import pytest

from realm_tf.io import atomic


def test_file_appears_whole_or_not_at_all(tmp_path):
  path = tmp_path / 'deep' / 'a.txt'
  with atomic.atomic_file(path, 'w') as f:
    f.write('one')
    assert not path.exists()
  assert path.read_text() == 'one'
  with pytest.raises(RuntimeError), atomic.atomic_file(path, 'w') as f:
    f.write('two')
    raise RuntimeError
  assert path.read_text() == 'one'
  assert os.listdir(path.parent) == ['a.txt']


def test_directory_appears_whole_and_replaces(tmp_path):
  path = tmp_path / '7'
  for text in ('old', 'new'):
    with atomic.atomic_directory(path) as d:
      (d / 'sub').mkdir()
      (d / 'sub' / 'x').write_text(text)
  assert (path / 'sub' / 'x').read_text() == 'new'
  with pytest.raises(RuntimeError), atomic.atomic_directory(path) as d:
    raise RuntimeError
  assert os.listdir(tmp_path) == ['7']
  assert (path / 'sub' / 'x').read_text() == 'new'


@pytest.fixture(params=[True, False], ids=['exchange', 'two_renames'])
def can_exchange(request, monkeypatch):
  if not request.param:
    monkeypatch.setattr(atomic, '_exchange', lambda *_: False)
  return request.param


def write(path, text):
  with atomic.atomic_directory(path) as d:
    (d / 'x').write_text(text)


def test_replacing_leaves_nothing_behind(tmp_path, can_exchange):
  path = tmp_path / '7'
  write(path, 'old')
  inode = path.stat().st_ino
  write(path, 'new')
  assert path.stat().st_ino != inode
  assert (path / 'x').read_text() == 'new'
  assert os.listdir(tmp_path) == ['7']
  # A link is replaced, not what it leads to.
  (tmp_path / 'link').symlink_to('7')
  write(tmp_path / 'link', 'newer')
  assert (path / 'x').read_text() == 'new'
  assert (tmp_path / 'link' / 'x').read_text() == 'newer'
  assert not (tmp_path / 'link').is_symlink()
  assert sorted(os.listdir(tmp_path)) == ['7', 'link']


def test_the_names_are_exchanged_at_once(tmp_path, monkeypatch):
  path = tmp_path / '7'
  write(path, 'old')

  def forbidden(*_):
    raise AssertionError('renamed twice')

  monkeypatch.setattr(os, 'rename', forbidden)
  try:
    write(path, 'new')
  except AssertionError:
    pytest.skip('this file system cannot exchange names')
  assert (path / 'x').read_text() == 'new'


def test_a_file_is_not_replaced_by_a_directory(tmp_path):
  (tmp_path / '7').write_text('mine')
  with pytest.raises(NotADirectoryError, match='7 is a file'):
    write(tmp_path / '7', 'new')
  assert (tmp_path / '7').read_text() == 'mine'


def second_rename(then):
  """os.rename whose second call does `then` instead."""
  real, calls = os.rename, []

  def rename(source, target):
    calls.append(source)
    if len(calls) == 2:
      then()
    real(source, target)

  return rename


def test_an_error_between_the_renames_leaves_the_old(tmp_path, monkeypatch):
  path = tmp_path / '7'
  write(path, 'old')

  def fail():
    raise OSError('no')

  monkeypatch.setattr(atomic, '_exchange', lambda *_: False)
  monkeypatch.setattr(os, 'rename', second_rename(fail))
  with pytest.raises(OSError, match='no'):
    write(path, 'new')
  assert (path / 'x').read_text() == 'old'
  assert os.listdir(tmp_path) == ['7']


@pytest.mark.parametrize('next_is', ['remove_stale', 'write', 'failed_write'])
def test_a_kill_between_the_renames_loses_nothing(tmp_path, next_is):
  path = tmp_path / '7'
  write(path, 'old')
  child = os.fork()
  if not child:
    try:
      atomic._exchange = lambda *_: False
      os.rename = second_rename(lambda: os.kill(os.getpid(), signal.SIGKILL))
      write(path, 'new')
    finally:
      os._exit(1)
  assert os.waitpid(child, 0)[1] == signal.SIGKILL
  assert not path.exists() and len(os.listdir(tmp_path)) == 2
  if next_is == 'remove_stale':
    (removed,) = atomic.remove_stale(tmp_path)
    assert removed.startswith('.7.tmp-')
  elif next_is == 'write':
    write(path, 'newer')
  else:
    with pytest.raises(RuntimeError), atomic.atomic_directory(path):
      raise RuntimeError
  expected = 'newer' if next_is == 'write' else 'old'
  assert (path / 'x').read_text() == expected
  atomic.remove_stale(tmp_path)
  assert os.listdir(tmp_path) == ['7']
  assert (path / 'x').read_text() == expected


def test_what_was_replaced_is_removed_after_a_kill(tmp_path):
  child = os.fork()
  if not child:
    os._exit(0)
  os.waitpid(child, 0)
  write(tmp_path / '7', 'new')
  write(tmp_path / f'.7.old-{child}-0123abcd', 'old')
  assert atomic.remove_stale(tmp_path) == [f'.7.old-{child}-0123abcd']
  assert (tmp_path / '7' / 'x').read_text() == 'new'


def test_remove_stale_takes_only_what_the_dead_left(tmp_path):
  dead = subprocess.run(
    [sys.executable, '-c', 'import os; print(os.getpid())'],
    capture_output=True,
    text=True,
    check=True,
  ).stdout.strip()
  (tmp_path / f'.9.tmp-{dead}-0123abcd').mkdir()
  (tmp_path / f'.9.tmp-{os.getpid()}-0123abcd').mkdir()
  (tmp_path / '9').mkdir()
  assert atomic.remove_stale(tmp_path) == [f'.9.tmp-{dead}-0123abcd']
  assert len(os.listdir(tmp_path)) == 2


def test_json_error_names_file_and_line(tmp_path):
  path = tmp_path / 'a.json'
  atomic.write_json(path, {'b': 'ü'})
  assert atomic.read_json(path) == {'b': 'ü'}
  path.write_text('{\n"a": 1,,\n}')
  with pytest.raises(ValueError, match=r'a\.json:2: not JSON'):
    atomic.read_json(path)
