# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which documents contain a sentence, word for word."""

import tensorflow as tf

_ROWS = tf.RaggedTensorSpec([None, None], tf.int32)


@tf.function(input_signature=[_ROWS, _ROWS], autograph=False)
def contains_sentence(
  sentence_ids: tf.RaggedTensor, body_ids: tf.RaggedTensor
) -> tf.Tensor:
  """Finds the trivial retrievals: bodies in which the sentence itself stands.

  Bodies are searched for one wordpiece of the sentence, the one with the
  highest id, since those are rare; only there the whole sentence is compared.
  A million wordpieces take some milliseconds.

  Args:
    sentence_ids: int32 [batch, (tokens)], not masked.
    body_ids: int32 [batch * k, (tokens)], k candidates for each sentence.

  Returns:
    bool [batch, k]. An empty sentence stands nowhere.
  """
  batch = sentence_ids.nrows()
  bodies = body_ids.nrows()
  k = bodies // tf.maximum(batch, 1)
  # At least one column, so that there is always a place to look at.
  dense = tf.pad(
    sentence_ids.to_tensor(-1), [[0, 0], [0, 1]], constant_values=-1
  )
  place = tf.argmax(dense, axis=1)  # [batch]
  rarest = tf.reduce_max(dense, axis=1)

  flat = body_ids.values
  wanted = tf.repeat(tf.repeat(rarest, k), body_ids.row_lengths())
  found = tf.where(flat == wanted)[:, 0]  # int64 [hits]
  owner = tf.gather(body_ids.value_rowids(), found)
  sentence = owner // tf.maximum(k, 1)
  start = found - tf.gather(place, sentence)
  length = tf.gather(sentence_ids.row_lengths(), sentence)
  inside = (start >= tf.gather(body_ids.row_starts(), owner)) & (
    start + length <= tf.gather(body_ids.row_limits(), owner)
  )
  start, owner, sentence, length = (
    tf.boolean_mask(x, inside) for x in (start, owner, sentence, length)
  )

  hit = tf.repeat(tf.range(tf.size(start, tf.int64)), length)  # [compared]
  within = tf.range(tf.size(hit, tf.int64)) - tf.gather(
    tf.cumsum(length, exclusive=True), hit
  )
  in_body = tf.gather(flat, tf.gather(start, hit) + within)
  of_row = tf.gather(sentence_ids.row_starts(), tf.gather(sentence, hit))
  in_sentence = tf.gather(sentence_ids.values, of_row + within)
  equal = tf.math.segment_min(tf.cast(in_body == in_sentence, tf.int32), hit)
  contained = tf.math.unsorted_segment_max(equal, owner, bodies)
  return tf.reshape(contained > 0, [batch, k])
