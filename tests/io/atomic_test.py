# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

import pytest
import tensorflow as tf

from realm_tf.io import atomic, faults
from tests.support import damage


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


LEAVE = """
import os, pathlib, sys
from realm_tf.io import atomic
if sys.argv[2:]:
  atomic._boot_and_host = lambda: sys.argv[2:]
with atomic.atomic_directory(pathlib.Path(sys.argv[1], '9')):
  print(os.getpid(), flush=True)
  sys.stdin.read()
"""


@contextlib.contextmanager
def writer(directory, *boot_and_host):
  """A process in the middle of writing `9`; it is killed at the end."""
  command = [sys.executable, '-c', LEAVE, str(directory), *boot_and_host]
  with subprocess.Popen(
    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
  ) as process:
    assert process.stdout is not None and process.stdout.readline()
    try:
      yield process
    finally:
      process.kill()


def test_what_a_container_with_the_same_process_ids_writes_stays(
  tmp_path, monkeypatch
):
  # In another container, no process of this one is seen.
  monkeypatch.setattr(atomic, '_is_running', lambda pid: False)
  with writer(tmp_path):
    assert atomic.remove_stale(tmp_path) == []
    with atomic.atomic_file(tmp_path / '10'):
      assert atomic.remove_stale(tmp_path) == []
  # And here every program has the id of the dead one.
  monkeypatch.setattr(atomic, '_is_running', lambda pid: True)
  (removed,) = atomic.remove_stale(tmp_path)
  assert removed.startswith('.9.tmp-')
  assert os.listdir(tmp_path) == ['10']


def test_what_another_host_left_stays(tmp_path):
  boot, host = atomic._boot_and_host()
  with writer(tmp_path, 'd' * 8, 'c' * 8):
    pass
  assert atomic.remove_stale(tmp_path) == []
  # This host before it was started again; a container that had another name.
  for one in (('b' * 8, host), (boot, 'a' * 8)):
    with writer(tmp_path, *one):
      assert atomic.remove_stale(tmp_path) == []
    (removed,) = atomic.remove_stale(tmp_path)
    assert removed.endswith('-'.join(one))
  assert len(os.listdir(tmp_path)) == 1


def test_writing_sweeps_its_own_name_only(tmp_path):
  left = [f'.{name}.tmp-999999999-0123abcd' for name in ('7', '8')]
  for name in left:
    (tmp_path / name).mkdir()
  write(tmp_path / '7', 'new')
  assert sorted(os.listdir(tmp_path)) == [left[1], '7']
  (tmp_path / '.8.tmp-999999999-0123abcd').rmdir()
  (tmp_path / '.8.tmp-999999999-0123abcd').touch()
  atomic.write_json(tmp_path / '8', {})
  assert sorted(os.listdir(tmp_path)) == ['7', '8']


def test_scratch_directories_of_killed_processes_are_removed(
  tmp_path, monkeypatch
):
  monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))
  with atomic.scratch_directory() as killed:
    (killed / 'file').touch()
    shutil.copytree(killed, tmp_path / 'kept')
  (tmp_path / 'kept').rename(killed)
  other = tmp_path / '.realm_tf-1234567.tmp-999999999-0123abcd'
  other.mkdir()
  with atomic.scratch_directory() as first, atomic.scratch_directory() as one:
    assert not killed.exists() and first.exists() and one.exists()
    assert first.stat().st_mode & 0o777 == 0o700
  assert os.listdir(tmp_path) == [other.name]
  # What is resumed may have no use of another one.
  killed.mkdir()
  with atomic.working_in(tmp_path / 'run'):
    assert not killed.exists()


def test_errors_of_writing_name_the_file(tmp_path):
  with pytest.raises(OSError, match=r'No space left.*/a'):
    with atomic.atomic_file(tmp_path / 'a'):
      with open('/dev/full', 'wb', buffering=0) as full:
        full.write(b'x')
  with pytest.raises(OSError, match=r'No space left.*/b'):
    with atomic.atomic_directory(tmp_path / 'b'):
      os.write(os.open('/dev/full', os.O_WRONLY), b'x')
  assert not os.listdir(tmp_path)


def test_errors_of_tensorflow_and_of_copies_name_the_file(tmp_path):
  (tmp_path / 'from').mkdir()
  (tmp_path / 'from' / 'large').write_bytes(bytes(5000))
  weights = str(tmp_path / 'weights')
  with damage.file_size_limit(1000):
    with pytest.raises(OSError, match=f"File too large: '{weights}"):
      with faults.named_errors():
        tf.raw_ops.SaveV2(
          prefix=weights,
          tensor_names=['x'],
          shape_and_slices=[''],
          tensors=[tf.zeros([5000])],
        )
    with pytest.raises(OSError, match="27] File too large: '.*/to/large'"):
      with faults.named_errors():
        shutil.copytree(tmp_path / 'from', tmp_path / 'to')
  with pytest.raises(tf.errors.InvalidArgumentError):
    with faults.named_errors():
      tf.reshape([1, 2], [3])


def test_a_leftover_that_was_taken_too_early_is_made_again(tmp_path):
  made = []

  def make(path):
    made.append(path)
    if len(made) > 1:
      path.mkdir()

  with atomic._temporary(tmp_path / '7', make) as temporary:
    assert temporary == made[1] and temporary.is_dir()


def test_one_process_at_a_time_works_in_a_directory(tmp_path):
  script = (
    'import sys\nfrom realm_tf.io import atomic\n'
    'with atomic.working_in(sys.argv[1]):\n  print(flush=True)\n'
    '  sys.stdin.read()'
  )
  with subprocess.Popen(
    [sys.executable, '-c', script, str(tmp_path / 'run')],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
  ) as process:
    assert process.stdout is not None and process.stdout.readline()
    with pytest.raises(BlockingIOError) as e:
      with atomic.working_in(tmp_path / 'run', patience=0.2):
        raise AssertionError
    process.kill()
  assert str(e.value) == (
    f'another process (pid {process.pid}, host {socket.gethostname()}) works'
    f' in {tmp_path / "run"}'
  )
  with atomic.working_in(tmp_path / 'run'):
    pass
  assert not os.listdir(tmp_path / 'run')


def test_a_lock_whose_file_was_removed_is_taken_again(tmp_path, monkeypatch):
  flock = atomic.fcntl.flock

  def lose(f, how):
    # The holder before ends between opening and locking.
    monkeypatch.setattr(atomic.fcntl, 'flock', flock)
    (tmp_path / '.lock').unlink()
    flock(f, how)

  monkeypatch.setattr(atomic.fcntl, 'flock', lose)
  with atomic.working_in(tmp_path):
    assert (tmp_path / '.lock').exists()


def test_json_error_names_file_and_line(tmp_path):
  path = tmp_path / 'a.json'
  atomic.write_json(path, {'b': 'ü'})
  assert atomic.read_json(path) == {'b': 'ü'}
  path.write_text('{\n"a": 1,,\n}')
  with pytest.raises(ValueError, match=r'a\.json:2: not JSON'):
    atomic.read_json(path)
