# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import tensorflow as tf

from realm_tf.answering.packed_strings import PackedStrings


def pack(strings):
  splits = np.cumsum([0, *map(len, strings)]).astype(np.int64)
  values = np.frombuffer(b''.join(strings), np.uint8)
  return PackedStrings(values, splits, 'ids')


@pytest.mark.parametrize('count', [1, 63, 64, 65, 200])
def test_rows_have_their_strings(count):
  strings = [b'\xc3\xa9%d' % i * (i % 4) for i in range(1, count + 1)]
  packed = pack(strings)
  rows = tf.constant([[*range(count), -1], [-1, *reversed(range(count))]])
  found = tf.function(packed.gather)(rows).numpy()
  assert found.tolist() == [[*strings, b''], [b'', *strings[::-1]]]
  number = sum(int(tf.size(v)) for v in packed.variables)
  assert number == count + 1 + -(-count // 64)


def test_nothing_is_kept_of_an_empty_column():
  packed = pack([b''] * 100)
  assert not packed.variables
  assert packed.gather(tf.constant([[0, -1]])).numpy().tolist() == [[b'', b'']]
