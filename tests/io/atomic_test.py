# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import os
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
