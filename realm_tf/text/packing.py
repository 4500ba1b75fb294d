# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""From ragged wordpieces to BERT inputs, a batch at a time."""

import dataclasses

import tensorflow as tf
import tensorflow_text as tf_text


@dataclasses.dataclass(frozen=True)
class SpecialIds:
  """Ids of the wordpieces that are no text."""

  cls: int
  sep: int
  mask: int
  pad: int


def _pack(
  segments: list[tf.RaggedTensor],
  special: SpecialIds,
  max_length: int,
  fixed_length: bool,
) -> dict[str, tf.Tensor]:
  """Joins segments between [CLS] and [SEP] and pads to one length."""
  ids, types = tf_text.combine_segments(segments, special.cls, special.sep)
  shape = [None, max_length if fixed_length else None]
  return {
    'input_word_ids': ids.to_tensor(special.pad, shape=shape),
    'input_mask': tf.ones_like(ids).to_tensor(0, shape=shape),
    'input_type_ids': types.to_tensor(0, shape=shape),
  }


def _check(max_length: int, least: int) -> None:
  if max_length < least:
    raise ValueError(
      f'max_length must be at least {least}. Received: {max_length}'
    )


def pack_query(
  query_ids: tf.RaggedTensor,
  *,
  special: SpecialIds,
  max_length: int,
  fixed_length: bool = False,
) -> dict[str, tf.Tensor]:
  """Packs `[CLS] x [SEP]`.

  Args:
    query_ids: int32 [batch, (tokens)]; tokens beyond `max_length` are cut.
    special: Ids of [CLS] and so on.
    max_length: Wordpieces of a packed row at most.
    fixed_length: Pad to `max_length` and not to the longest row (TPU).

  Returns:
    `input_word_ids`, `input_mask`, `input_type_ids`, int32 [batch, length].
  """
  _check(max_length, 2)
  return _pack(
    [query_ids[:, : max_length - 2]], special, max_length, fixed_length
  )


def pack_document(
  title_ids: tf.RaggedTensor,
  body_ids: tf.RaggedTensor,
  *,
  special: SpecialIds,
  max_length: int,
  fixed_length: bool = False,
) -> dict[str, tf.Tensor]:
  """Packs `[CLS] title [SEP] body [SEP]`; the body is cut, then the title.

  Args:
    title_ids: int32 [batch, (tokens)].
    body_ids: int32 [batch, (tokens)].
    special: Ids of [CLS] and so on.
    max_length: Wordpieces of a packed row at most.
    fixed_length: Pad to `max_length` and not to the longest row (TPU).

  Returns:
    As `pack_query`; the body and the [SEP] after it have type 1.
  """
  _check(max_length, 3)
  title_ids = title_ids[:, : max_length - 3]
  room = max_length - 3 - title_ids.row_lengths()
  return _pack(
    [title_ids, _cut(body_ids, room)], special, max_length, fixed_length
  )


def pack_joint(
  query_ids: tf.RaggedTensor,
  body_ids: tf.RaggedTensor,
  *,
  special: SpecialIds,
  max_length: int,
  fixed_length: bool = False,
) -> dict[str, tf.Tensor]:
  """Packs `[CLS] x [SEP] z_body [SEP]`; the body is cut, then the query.

  Args:
    query_ids: int32 [batch, (tokens)].
    body_ids: int32 [batch, (tokens)].
    special: Ids of [CLS] and so on.
    max_length: Wordpieces of a packed row at most.
    fixed_length: Pad to `max_length` and not to the longest row (TPU).

  Returns:
    As `pack_query`; the body and the [SEP] after it have type 1.
  """
  return pack_document(
    query_ids,
    body_ids,
    special=special,
    max_length=max_length,
    fixed_length=fixed_length,
  )


def pack_reader(
  question_ids: tf.RaggedTensor,
  block_ids: tf.RaggedTensor,
  *,
  special: SpecialIds,
  max_length: int,
  fixed_length: bool = False,
) -> dict[str, tf.Tensor]:
  """Packs `[CLS] question [SEP] block body [SEP]` for a reader of spans.

  The body is cut, then the question: one of more than `max_length - 3`
  wordpieces leaves no room for the block.

  Args:
    question_ids: int32 [n, (tokens)], the question of each block.
    block_ids: int32 [n, (tokens)].
    special: Ids of [CLS] and so on.
    max_length: Wordpieces of a packed row at most.
    fixed_length: Pad to `max_length` and not to the longest row (TPU).

  Returns:
    As `pack_joint`, and each int32 [n, length]:
      `block_mask`: 1 where a wordpiece of the block is, else 0.
      `block_positions`: which wordpiece of the block it is, else -1.
  """
  packed = pack_joint(
    question_ids,
    block_ids,
    special=special,
    max_length=max_length,
    fixed_length=fixed_length,
  )
  questions = tf.minimum(question_ids.row_lengths(), max_length - 3)
  blocks = tf.minimum(block_ids.row_lengths(), max_length - 3 - questions)
  questions, blocks = (
    tf.cast(x, tf.int32)[:, tf.newaxis] for x in (questions, blocks)
  )
  ids = packed['input_word_ids']
  length = ids.shape[1] or tf.shape(ids)[1]
  positions = tf.range(length)[tf.newaxis] - questions - 2
  inside = (positions >= 0) & (positions < blocks)
  packed['block_mask'] = tf.cast(inside, tf.int32)
  packed['block_positions'] = tf.where(inside, positions, -1)
  return packed


def _cut(ids: tf.RaggedTensor, lengths: tf.Tensor) -> tf.RaggedTensor:
  """The first `lengths[i]` tokens of each row i."""
  positions = tf.range(tf.size(ids.values, out_type=ids.row_splits.dtype))
  positions -= tf.gather(ids.row_starts(), ids.value_rowids())
  kept = positions < tf.gather(
    tf.cast(lengths, positions.dtype), ids.value_rowids()
  )
  return tf.ragged.boolean_mask(ids, ids.with_values(kept))
