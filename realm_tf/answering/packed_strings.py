# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Many short strings in a SavedModel, such as ids and addresses."""

import numpy as np
import tensorflow as tf

# Strings that are stored as one: TensorFlow's own take at least 24 bytes each,
# and 16 more with their bytes elsewhere where they are longer than 22.
_TOGETHER = 64


class PackedStrings(tf.Module):
  """A column of text as variables: its bytes, and four or eight for each row.

  A column that is wholly empty takes nothing.
  """

  def __init__(self, values: np.ndarray, splits: np.ndarray, name: str):
    """Packs a column.

    Args:
      values: UTF-8 of all rows, uint8.
      splits: Where the rows begin and end, int64 `[rows + 1]`.
      name: Name of the variables.
    """
    super().__init__(name=name)
    self._is_empty = not len(values)
    if self._is_empty:
      return
    first = splits[:-1:_TOGETHER].tolist()
    packs = [
      values[start:limit].tobytes()
      for start, limit in zip(first, [*first[1:], splits[-1]])
    ]
    dtype = np.int32 if len(values) < 1 << 31 else np.int64
    self._packs = tf.Variable(packs, trainable=False, name='packs')
    self._splits = tf.Variable(
      splits.astype(dtype), trainable=False, name='splits'
    )

  def gather(self, rows: tf.Tensor) -> tf.Tensor:
    """Returns the strings of rows, int32 of any shape; -1 has an empty one."""
    if self._is_empty:
      return tf.fill(tf.shape(rows), '')
    real = tf.maximum(rows, 0)
    start = tf.gather(self._splits, real)
    size = tf.gather(self._splits, rows + 1) - start
    pack = real // _TOGETHER
    within = start - tf.gather(self._splits, pack * _TOGETHER)
    size = tf.where(rows < 0, tf.zeros_like(size), size)
    return tf.strings.substr(
      tf.gather(self._packs, pack), within, size, unit='BYTE'
    )
