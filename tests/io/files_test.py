# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import bz2
import gzip
import lzma

import pytest
import zstandard

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


TEXT = 'é\nb\u2028c\n' * 3

PACKERS = {
  'plain': bytes,
  'gzip': gzip.compress,
  'bzip2': bz2.compress,
  'xz': lzma.compress,
  'zstd': zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize('packing', PACKERS)
@pytest.mark.parametrize(
  'encoding', ['utf-8', 'utf-8-sig', 'utf-16', 'utf-16-be', 'utf-32']
)
def test_open_binary_by_first_bytes(tmp_path, packing, encoding):
  path = tmp_path / 'x.of.any.name'
  mark = '\ufeff' if encoding.endswith('-be') else ''
  packed = PACKERS[packing]((mark + TEXT).encode(encoding))
  path.write_bytes(packed)
  with files.open_binary(path) as f:
    assert [line.decode() for line in f] == ['é\n', 'b\u2028c\n'] * 3
  assert f.closed


@pytest.mark.parametrize('packing', list(PACKERS)[1:])
def test_members_follow_one_another_and_damage_is_one_error(tmp_path, packing):
  pack = PACKERS[packing]
  path = tmp_path / 'x'
  path.write_bytes(pack(b'one\n') + pack(b'two\n' * 1000))
  with files.open_binary(path) as f:
    assert len(f.read()) == 4004
  path.write_bytes(path.read_bytes()[:-3])
  with (
    pytest.raises(files.DamagedFileError, match=f'/x: damaged {packing}'),
    files.open_binary(path) as f,
  ):
    f.read()


def test_half_a_character_of_utf_16_is_damage(tmp_path):
  path = tmp_path / 'x'
  path.write_bytes('ab'.encode('utf-16') + b'c')
  with (
    pytest.raises(files.DamagedFileError, match='/x: damaged utf-16'),
    files.open_binary(path) as f,
  ):
    f.read()


def test_a_pointer_of_git_lfs_and_an_empty_file(tmp_path):
  path = tmp_path / 'x.jsonl'
  path.write_text('version https://git-lfs.github.com/spec/v1\nsize 7\n')
  with pytest.raises(OSError, match='x.jsonl: a pointer of git-lfs'):
    files.open_binary(path)
  path.write_text('')
  with files.open_binary(path) as f:
    assert f.read() == b''
