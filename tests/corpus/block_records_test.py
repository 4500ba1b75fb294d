# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import pytest
import tensorflow as tf

from realm_tf.corpus import block_records
from realm_tf.corpus.store import Blocks


def test_records_of_blocks():
  rows = [
    (b'A', 'Zürich.'.encode(), [5, 30521], [1, 2, 3]),
    (b'', b'no title', [], [7]),
    (b'B', b'', [1], []),
  ]
  blocks = Blocks.make(*zip(*rows), vocab_size=30522)
  found = list(block_records.encode_blocks(blocks))
  assert found == [block_records.encode_block(*row) for row in rows]
  assert list(block_records.encode_blocks(blocks.chunk(1, 1))) == []


def test_as_the_original_reads_it():
  record = block_records.encode_block(b'A', b'B', [1, 2], [3])
  feature = tf.train.Example.FromString(record).features.feature
  assert set(feature) == {'title', 'body', 'title_token_ids', 'body_token_ids'}
  assert list(feature['title_token_ids'].int64_list.value) == [1, 2]
  assert block_records.texts_of(record) == (b'A', b'B')


def test_the_same_bytes_each_time():
  first = block_records.encode_block(b'A', b'B', [1, 2], [3])
  assert all(
    block_records.encode_block(b'A', b'B', [1, 2], [3]) == first
    for _ in range(20)
  )


@pytest.mark.parametrize('record', [b'\xff\xff', b''])
def test_not_a_block(record):
  with pytest.raises(ValueError, match='not a block record'):
    block_records.texts_of(record)
