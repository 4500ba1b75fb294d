# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds sequences of wordpieces in longer ones, in the graph."""

import tensorflow as tf

_ROWS = tf.RaggedTensorSpec([None, None], tf.int32)


def find_sequences(
  wanted: tf.RaggedTensor, texts: tf.RaggedTensor
) -> tuple[tf.Tensor, tf.Tensor]:
  """Finds all occurrences of each wanted sequence in the text of its row.

  Each text is searched for one wordpiece of the sequence, the one with the
  highest id, since those are rare; the whole sequence is compared only there.
  A million wordpieces take some milliseconds.

  Args:
    wanted: int32 [rows, (tokens)]; an empty sequence occurs nowhere.
    texts: int32 [rows, (tokens)].

  Returns:
    Row and first token of each occurrence, int64 [occurrences], ascending.
  """
  wanted = wanted.with_row_splits_dtype(tf.int64)
  texts = texts.with_row_splits_dtype(tf.int64)
  # At least one column, so that there is something to choose from.
  dense = tf.pad(wanted.to_tensor(-1), [[0, 0], [0, 1]], constant_values=-1)
  rarest = tf.repeat(tf.reduce_max(dense, 1), texts.row_lengths())
  found = tf.where(texts.values == rarest)[:, 0]  # [places]
  row = tf.gather(texts.value_rowids(), found)
  start = found - tf.gather(tf.argmax(dense, 1), row)
  length = tf.gather(wanted.row_lengths(), row)
  inside = (start >= tf.gather(texts.row_starts(), row)) & (
    start + length <= tf.gather(texts.row_limits(), row)
  )
  start, row, length = (
    tf.boolean_mask(x, inside) for x in (start, row, length)
  )
  place = tf.repeat(tf.range(tf.size(start, tf.int64)), length)  # [compared]
  within = tf.range(tf.size(place, tf.int64)) - tf.gather(
    tf.cumsum(length, exclusive=True), place
  )
  in_text = tf.gather(texts.values, tf.gather(start, place) + within)
  first = tf.gather(wanted.row_starts(), tf.gather(row, place))
  is_equal = in_text == tf.gather(wanted.values, first + within)
  whole = tf.math.segment_min(tf.cast(is_equal, tf.int32), place) > 0
  row, start = (tf.boolean_mask(x, whole) for x in (row, start))
  return row, start - tf.gather(texts.row_starts(), row)


@tf.function(input_signature=[_ROWS, _ROWS], autograph=False)
def contains_sentence(
  sentence_ids: tf.RaggedTensor, body_ids: tf.RaggedTensor
) -> tf.Tensor:
  """Finds the trivial retrievals: bodies that contain the sentence itself.

  Args:
    sentence_ids: int32 [batch, (tokens)], not masked.
    body_ids: int32 [batch * k, (tokens)], k candidates for each sentence.

  Returns:
    bool [batch, k]. An empty sentence is contained nowhere.
  """
  batch, bodies = sentence_ids.nrows(), body_ids.nrows()
  k = bodies // tf.maximum(batch, 1)
  wanted = tf.gather(sentence_ids, tf.repeat(tf.range(batch), k))
  rows, _ = find_sequences(wanted, body_ids)
  contained = tf.math.unsorted_segment_max(tf.ones_like(rows), rows, bodies)
  return tf.reshape(contained > 0, [batch, k])
