# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import pytest
import tensorflow as tf

from realm_tf.corpus import block_records


def test_round_trip(tmp_path):
  blocks = [
    (b'A', 'Zürich.'.encode(), [5, 30521], [1, 2, 3]),
    (b'', b'no title', [], [7]),
    (b'B', b'', [1], []),
  ]
  path = tmp_path / 'blocks.tfrecord.gz'
  with block_records.record_writer(path) as writer:
    for block in blocks:
      writer.write(block_records.encode_block(*block))
  batches = list(block_records.blocks_dataset([str(path)], batch_size=2))
  read = []
  for batch in batches:
    read += zip(
      batch['title'].numpy().tolist(),
      batch['body'].numpy().tolist(),
      batch['title_token_ids'].to_list(),
      batch['body_token_ids'].to_list(),
    )
  assert read == blocks
  assert len(batches) == 2


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
