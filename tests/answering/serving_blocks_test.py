# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import tensorflow as tf

from realm_tf.answering import serving_blocks
from realm_tf.text import packing
from tests.support import small_world

BLOCKS = [
  ('France', 'Paris is the capital of France .'),
  ('Italy', 'Rome'),
  ('Peru', 'Lima is big ! ' * 5),
]
SPECIAL = small_world.tokenizer().special


@pytest.fixture(scope='module')
def corpus(tmp_path_factory):
  documents = small_world.store(tmp_path_factory.mktemp('corpus'), BLOCKS)
  return documents, serving_blocks.Blocks(documents)


def questions():
  return small_world.ragged([[5, 6, 7, 8, 9, 10, 11], [], [12]])


@pytest.mark.parametrize('max_length', [8, 14, 50])
@pytest.mark.parametrize('rows', [[[0, 1], [1, 2], [2, 0]], [[1], [1], [1]]])
def test_blocks_are_packed_as_elsewhere(corpus, rows, max_length):
  documents, blocks = corpus
  packed = blocks.pack(
    packing.pack_query(questions(), special=SPECIAL, max_length=6),
    tf.constant(rows),
    special=SPECIAL,
    max_length=max_length,
  )
  _, bodies = documents.gather(rows)
  expected = packing.pack_reader(
    tf.gather(questions()[:, :4], np.repeat(range(3), len(rows[0]))),
    bodies,
    special=SPECIAL,
    max_length=max_length,
  )
  assert blocks.ids.dtype == tf.uint16
  for name, value in packed.items():
    np.testing.assert_array_equal(
      tf.reshape(value, [-1, value.shape[-1]]), expected[name]
    )


def test_no_question(corpus):
  _, blocks = corpus
  packed = blocks.pack(
    packing.pack_query(questions()[:0], special=SPECIAL, max_length=6),
    tf.zeros([0, 2], tf.int32),
    special=SPECIAL,
    max_length=20,
  )
  assert packed['block_mask'].shape[:2] == (0, 2)


def test_texts(corpus):
  _, blocks = corpus
  titles, bodies = blocks.texts(tf.constant([[2, 0]]))
  assert titles.numpy().tolist() == [[b'Peru', b'France']]
  assert bodies.numpy().tolist() == [
    [BLOCKS[2][1].encode(), BLOCKS[0][1].encode()]
  ]
