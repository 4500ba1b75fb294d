# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import zlib

import pytest

from realm_tf.io import checksums
from tests.support import damage


def test_files_are_compared_with_what_was_written(tmp_path, monkeypatch):
  monkeypatch.setattr(checksums, '_CHUNK', 1000)
  (tmp_path / 'below').mkdir()
  content = {'a': b'a' * 2500, 'below/b': bytes(range(256)), 'empty': b''}
  for name, data in content.items():
    (tmp_path / name).write_bytes(data)
  found = checksums.of_directory(tmp_path)
  assert found == {n: f'{zlib.crc32(d):08x}' for n, d in content.items()}
  assert checksums.of_files(tmp_path, ['a']) == {'a': found['a']}
  monkeypatch.chdir(tmp_path.parent)
  assert checksums.of_directory(tmp_path.name) == found
  (tmp_path / 'new').touch()
  assert checksums.verify(tmp_path, found) == 3
  for place in (0, 0.5, 0.999):
    with damage.flipped(tmp_path / 'a', place):
      with pytest.raises(ValueError, match=r'/a is damaged \(crc32 \w{8}, not'):
        checksums.verify(tmp_path, found)
  (tmp_path / 'below/b').unlink()
  (tmp_path / 'empty').write_bytes(b'x')
  with pytest.raises(ValueError, match='b is not there; .*empty is damaged'):
    checksums.verify(tmp_path, found)
  assert checksums.verify(tmp_path, None) == 0
