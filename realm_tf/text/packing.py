# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""From rows of wordpieces to BERT inputs, a batch at a time.

Each segment of a row is gathered into its place in a dense tensor. Joining
ragged tensors instead takes hundreds of small operations: for one question
more time than its embedding.
"""

import dataclasses
from typing import NamedTuple, TypeAlias

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class SpecialIds:
  """Ids of the special wordpieces."""

  cls: int
  sep: int
  mask: int
  pad: int


class Slices(NamedTuple):
  """Rows of a flat tensor; row i is `values[starts[i]:starts[i] + sizes[i]]`.

  Attributes:
    values: Integers [tokens], at least one.
    starts: int64 [batch].
    sizes: int32 [batch].
  """

  values: tf.Tensor
  starts: tf.Tensor
  sizes: tf.Tensor


Rows: TypeAlias = tf.RaggedTensor | Slices


def _slices(rows: Rows) -> Slices:
  if isinstance(rows, Slices):
    return rows
  # One more value, so that there is something to gather from.
  return Slices(
    tf.pad(rows.values, [[0, 1]]),
    tf.cast(rows.row_starts(), tf.int64),
    tf.cast(rows.row_lengths(), tf.int32),
  )


def _pack(
  segments: list[Rows], special: SpecialIds, max_length: int, fixed_length: bool
) -> tuple[dict[str, tf.Tensor], tf.Tensor, tf.Tensor]:
  """Packs `[CLS] segment [SEP] segment [SEP]`; cuts the last segment first.

  Returns:
    The BERT inputs; and the places of the last segment: bool [batch, length]
    of its wordpieces, and int32 [batch, length] counted from its first.
  """
  least = 1 + len(segments)
  if max_length < least:
    raise ValueError(
      f'max_length must be at least {least}. Received: {max_length}'
    )
  room = max_length - least
  columns = []
  for values, starts, sizes in map(_slices, segments):
    sizes = tf.minimum(sizes, room)
    room -= sizes
    columns.append((values, starts[:, tf.newaxis], sizes[:, tf.newaxis]))
  length = max_length
  if not fixed_length:
    length = tf.maximum(max_length - tf.reduce_min(room), least)
  places = tf.range(length)[tf.newaxis]
  ids = tf.where(places == 0, special.cls, special.pad)
  for values, starts, sizes in columns:
    places -= 1  # From the first wordpiece of the segment.
    inside = (places >= 0) & (places < sizes)
    sources = tf.where(inside, starts + tf.cast(places, tf.int64), 0)
    ids = tf.where(inside, tf.cast(tf.gather(values, sources), tf.int32), ids)
    ids = tf.where(places == sizes, special.sep, ids)
    within, places = places, places - sizes
  mask = tf.cast(places <= 0, tf.int32)
  is_second = within >= 0 if len(segments) > 1 else False
  packed = {
    'input_word_ids': ids,
    'input_mask': mask,
    'input_type_ids': tf.where(is_second, mask, 0),
  }
  return packed, inside, within


def pack_query(
  query_ids: Rows,
  *,
  special: SpecialIds,
  max_length: int,
  fixed_length: bool = False,
) -> dict[str, tf.Tensor]:
  """Packs `[CLS] x [SEP]`.

  Args:
    query_ids: int32 [batch, (tokens)]; tokens beyond `max_length` are cut.
    special: Ids of [CLS] and so on.
    max_length: Maximum number of wordpieces of a packed row.
    fixed_length: Whether rows are padded to `max_length` (for TPU) instead of
      the longest row.

  Returns:
    `input_word_ids`, `input_mask`, `input_type_ids`, int32 [batch, length].
  """
  return _pack([query_ids], special, max_length, fixed_length)[0]


def pack_document(
  title_ids: Rows,
  body_ids: Rows,
  *,
  special: SpecialIds,
  max_length: int,
  fixed_length: bool = False,
) -> dict[str, tf.Tensor]:
  """Packs `[CLS] title [SEP] body [SEP]`; cuts the body, then the title.

  The arguments after the ids and the result are those of `pack_query`; the body
  and the [SEP] after it have type 1.
  """
  return _pack([title_ids, body_ids], special, max_length, fixed_length)[0]


# `[CLS] x [SEP] z_body [SEP]`, with a query in the place of the title.
pack_joint = pack_document


def pack_reader(
  question_ids: Rows,
  block_ids: Rows,
  *,
  special: SpecialIds,
  max_length: int,
  fixed_length: bool = False,
) -> dict[str, tf.Tensor]:
  """Packs `[CLS] question [SEP] block body [SEP]` for a span reader.

  Cuts the body, then the question: one of more than `max_length - 3` wordpieces
  leaves no room for the block. Adds to the result of `pack_document`, int32
  [n, length] each,

    block_mask       1 at the wordpieces of the block, else 0
    block_positions  the position within the block, else -1
  """
  packed, inside, within = _pack(
    [question_ids, block_ids], special, max_length, fixed_length
  )
  packed['block_mask'] = tf.cast(inside, tf.int32)
  packed['block_positions'] = tf.where(inside, within, -1)
  return packed
