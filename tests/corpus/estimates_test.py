# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import bz2
import gzip
import random

import pytest

from realm_tf.corpus import block_records, estimates

LINE = b'{"title": "a", "text": "b"}\n'


@pytest.mark.parametrize('name', ['a.jsonl', 'a.jsonl.gz', 'a.jsonl.bz2'])
def test_small_files_are_counted(tmp_path, name):
  pack = {'gz': gzip.compress, 'z2': bz2.compress}.get(name[-2:], bytes)
  (tmp_path / name).write_bytes(pack(LINE * 70))
  assert estimates.estimate_records(str(tmp_path / name), 'jsonl') == 70


def test_large_files_are_estimated(tmp_path):
  rng = random.Random(1)
  path = tmp_path / 'a.jsonl.gz'
  lines = [b'%s\n' % rng.randbytes(100).hex().encode() for _ in range(30_000)]
  path.write_bytes(gzip.compress(b''.join(lines)))
  assert path.stat().st_size > 3 << 20
  guess = estimates.estimate_records(str(path), 'jsonl')
  assert abs(guess - 30_000) < 300


def test_other_formats(tmp_path):
  path = tmp_path / 'blocks.tfrecord.gz'
  with block_records.record_writer(path) as writer:
    for _ in range(9):
      writer.write(block_records.encode_block(b'T', b'text', [1], [2]))
  assert estimates.estimate_records(str(path), 'blocks') == 9
  (tmp_path / 'a.xml').write_text('<page> </page>' * 3)
  assert estimates.estimate_records(str(tmp_path / 'a.xml'), 'mediawiki') == 3
  (tmp_path / 'a.txt').write_text('a\n' * 9)
  assert estimates.estimate_records(str(tmp_path / 'a.txt'), 'text') == 1


def test_damaged_files_are_no_error(tmp_path):
  path = tmp_path / 'a.jsonl.gz'
  path.write_bytes(b'no gzip')
  assert estimates.estimate_records(str(path), 'jsonl') == 0
