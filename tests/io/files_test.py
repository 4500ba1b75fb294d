# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import bz2
import gzip

import pytest

from realm_tf.io import files


def test_expand_sorts_and_names_the_pattern_without_match(tmp_path):
  for name in ('b.txt', 'a.txt', 'c.md'):
    (tmp_path / name).write_text('')
  found = files.expand(f'{tmp_path}/*.txt,{tmp_path}/a.txt')
  assert found == [f'{tmp_path}/a.txt', f'{tmp_path}/b.txt']
  with pytest.raises(FileNotFoundError, match='nothing.json'):
    files.expand([f'{tmp_path}/*.txt', f'{tmp_path}/nothing.json'])
  with pytest.raises(FileNotFoundError):
    files.expand('')


@pytest.mark.parametrize(
  'ending, pack', [('', bytes), ('.gz', gzip.compress), ('.bz2', bz2.compress)]
)
def test_open_binary_by_ending(tmp_path, ending, pack):
  path = tmp_path / f'x{ending}'
  path.write_bytes(pack('é\nb'.encode()))
  with files.open_binary(path) as f:
    assert f.read().decode() == 'é\nb'
