# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Masks salient spans of sentences, or random tokens or spans."""

from typing import NamedTuple

import tensorflow as tf

from realm_tf.configs.masking_config import MaskingConfig
from realm_tf.text.tokenizer import TokensWithOffsets

# A row is shifted by this much, so that one search serves all of them.
_ROW_STRIDE = 1 << 40


class TokenRanges(NamedTuple):
  """The wordpieces of spans.

  Attributes:
    first: int64 [spans], counted from the start of the row.
    limit: int64 [spans].
    too_long: bool [spans], more than `max_masks` wordpieces.
    truncated: bool [spans], partly beyond `query_seq_len`.
    empty: bool [spans], no wordpiece at all.
  """

  first: tf.Tensor
  limit: tf.Tensor
  too_long: tf.Tensor
  truncated: tf.Tensor
  empty: tf.Tensor

  @property
  def fit(self) -> tf.Tensor:
    """Which spans can be masked and predicted whole, bool [spans]."""
    return ~(self.too_long | self.truncated | self.empty)


def find_tokens(
  tokens: TokensWithOffsets,
  rows: tf.Tensor,
  starts: tf.Tensor,
  limits: tf.Tensor,
  config: MaskingConfig,
) -> TokenRanges:
  """Finds the wordpieces of byte spans.

  These are the wordpieces within the span, as in the original, and those that
  contain its first byte, which the original leaves out.

  Args:
    tokens: Wordpieces of the sentences, not cut.
    rows: int64 [spans], the sentence of each span.
    starts: int [spans], first byte.
    limits: int [spans], byte after the last.
    config: Limits of what fits.
  """

  def count(ends: tf.RaggedTensor, offsets: tf.Tensor) -> tf.Tensor:
    """Number of wordpieces of the row that start or end by an offset."""
    keys, wanted = (
      r * _ROW_STRIDE + tf.cast(o, tf.int64)
      for r, o in ((ends.value_rowids(), ends.values), (rows, offsets))
    )
    found = tf.searchsorted(keys, wanted, side='right', out_type=tf.int64)
    return found - tf.gather(ends.row_starts(), rows)

  first = count(tokens.limits, starts)
  limit = tf.maximum(count(tokens.limits, limits), count(tokens.starts, starts))
  limit = tf.maximum(limit, first)
  return TokenRanges(
    first,
    limit,
    limit - first > config.max_masks,
    limit > config.max_query_tokens,
    (limit <= first) | (limits <= starts),
  )


def cover(
  ids: tf.RaggedTensor, rows: tf.Tensor, first: tf.Tensor, limit: tf.Tensor
) -> tf.Tensor:
  """Marks ranges of wordpieces.

  Args:
    ids: int32 [batch, (tokens)].
    rows: int64 [spans], the row of each range.
    first: int64 [spans], counted from the start of the row.
    limit: int64 [spans].

  Returns:
    bool [batch, longest row].
  """
  shape = ids.bounding_shape()
  ends = tf.minimum(tf.stack([first, limit], 1), shape[1])
  edges = tf.stack([tf.stack([rows, rows], 1), ends], 2)  # [spans, 2, 2]
  signs = tf.tile([[1, -1]], [tf.size(rows), 1])
  steps = tf.scatter_nd(edges, signs, shape + [0, 1])
  return tf.cumsum(steps, axis=1)[:, :-1] > 0


def mask_tokens(
  ids: tf.RaggedTensor,
  chosen: tf.Tensor,
  mask_id: int,
  config: MaskingConfig,
) -> dict[str, tf.Tensor | tf.RaggedTensor]:
  """Masks the chosen wordpieces.

  Args:
    ids: int32 [batch, (tokens)], cut to `max_query_tokens`.
    chosen: bool [batch, longest row], at most `max_masks` in each row.
    mask_id: Id of [MASK].
    config: Sizes.

  Returns:
    query_ids: int32 [batch, (tokens)], masked.
    sentence_ids: `ids`.
    mlm_positions: int32 [batch, max_masks], ascending, where [CLS] is at 0.
    mlm_targets: int32 [batch, max_masks], what was masked.
    mlm_mask: float32 [batch, max_masks], 1 for each that counts.
  """
  dense = ids.to_tensor()  # [batch, length]
  length = tf.shape(dense)[1]
  count = tf.minimum(config.max_masks, length)
  # The first of those chosen have the highest rank.
  rank = tf.where(chosen, length - tf.range(length), 0)
  best, positions = tf.math.top_k(rank, count)
  targets = tf.gather(dense, positions, batch_dims=1)

  def padded(values: tf.Tensor) -> tf.Tensor:
    values = tf.pad(values, [[0, 0], [0, config.max_masks - count]])
    return tf.ensure_shape(values, [None, config.max_masks])

  return {
    'query_ids': tf.RaggedTensor.from_tensor(
      tf.where(chosen, mask_id, dense), lengths=ids.row_lengths()
    ),
    'sentence_ids': ids,
    'mlm_positions': padded(tf.where(best > 0, positions + 1, 0)),
    'mlm_targets': padded(tf.where(best > 0, targets, 0)),
    'mlm_mask': padded(tf.cast(best > 0, tf.float32)),
  }


def _num_masks(lengths: tf.Tensor, config: MaskingConfig) -> tf.Tensor:
  """Number of wordpieces of each sentence to mask at random, int32 [batch]."""
  wanted = tf.round(config.mask_rate * tf.cast(lengths, tf.float32))
  wanted = tf.clip_by_value(tf.cast(wanted, tf.int32), 1, config.max_masks)
  return tf.minimum(wanted, tf.cast(lengths, tf.int32))


def choose_random_tokens(
  ids: tf.RaggedTensor, seed: tf.Tensor, config: MaskingConfig
) -> tf.Tensor:
  """Chooses single wordpieces; returns bool [batch, longest row]."""
  valid = tf.sequence_mask(ids.row_lengths())
  noise = tf.random.stateless_uniform(tf.shape(valid), seed)
  order = tf.argsort(
    tf.where(valid, noise, -1.0), axis=1, direction='DESCENDING', stable=True
  )
  rank = tf.argsort(order, axis=1)
  return rank < _num_masks(ids.row_lengths(), config)[:, tf.newaxis]


def choose_random_spans(
  ids: tf.RaggedTensor, seed: tf.Tensor, config: MaskingConfig
) -> tf.Tensor:
  """Chooses runs of wordpieces; returns bool [batch, longest row].

  Lengths are geometric and cut at `max_masks`; a run starts anywhere in the
  sentence; runs are drawn until enough is masked, and the last one is cut.
  """
  lengths = tf.cast(ids.row_lengths(), tf.int32)
  budget = _num_masks(lengths, config)
  seeds = tf.random.experimental.stateless_split(seed, 2)
  # As many draws as there can be masks, should each run be of one wordpiece.
  shape = [tf.size(lengths), config.max_masks]
  uniform = tf.random.stateless_uniform(shape, seeds[0], minval=1e-6)
  stop = 1.0 / config.mean_span_length
  if stop < 1.0:
    runs = tf.math.ceil(tf.math.log(uniform) / tf.math.log1p(-stop))
  else:
    runs = tf.ones(shape)
  runs = tf.clip_by_value(tf.cast(runs, tf.int32), 1, config.max_masks)
  runs = tf.minimum(runs, budget[:, tf.newaxis])
  places = tf.random.stateless_uniform(shape, seeds[1])
  room = tf.cast(lengths[:, tf.newaxis] - runs + 1, tf.float32)
  starts = tf.cast(places * room, tf.int32)
  columns = tf.range(tf.cast(ids.bounding_shape()[1], tf.int32))
  chosen = tf.zeros([shape[0], tf.size(columns)], tf.bool)
  for i in range(config.max_masks):
    begin = starts[:, i, tf.newaxis]
    inside = (columns >= begin) & (columns < begin + runs[:, i, tf.newaxis])
    fresh = inside & ~chosen
    left = budget - tf.reduce_sum(tf.cast(chosen, tf.int32), axis=1)
    order = tf.cumsum(tf.cast(fresh, tf.int32), axis=1)
    chosen |= fresh & (order <= left[:, tf.newaxis])
  return chosen
