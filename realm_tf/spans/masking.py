# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What of a sentence is masked: salient spans, or random tokens or spans."""

from typing import NamedTuple

import tensorflow as tf

from realm_tf.configs.masking_config import MaskingConfig
from realm_tf.text.tokenizer import TokensWithOffsets

SALIENT_SPAN = 'salient_span'
RANDOM_TOKENS = 'random_tokens'
RANDOM_SPANS = 'random_spans'

# A row is shifted by this much, so that one search serves all of them.
_ROW_STRIDE = 1 << 40


class MaskedTokens(NamedTuple):
  """Sentences with a part masked.

  Attributes:
    query_ids: int32 [batch, (tokens)], masked, cut to `max_query_tokens`.
    sentence_ids: The same unmasked.
    positions: int32 [batch, max_masks], ascending; [CLS] stands at 0.
    targets: int32 [batch, max_masks], what was masked.
    mask: float32 [batch, max_masks], 1 for each that counts.
  """

  query_ids: tf.RaggedTensor
  sentence_ids: tf.RaggedTensor
  positions: tf.Tensor
  targets: tf.Tensor
  mask: tf.Tensor


class TokenRanges(NamedTuple):
  """The wordpieces of spans.

  Attributes:
    first: int64 [spans], counted from the start of the row.
    limit: int64 [spans].
    too_long: bool [spans], more than `max_masks` wordpieces.
    truncated: bool [spans], part of it is beyond `query_seq_len`.
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


def _keys(rows: tf.Tensor, offsets: tf.Tensor) -> tf.Tensor:
  return rows * _ROW_STRIDE + tf.cast(offsets, tf.int64)


def find_tokens(
  tokens: TokensWithOffsets,
  rows: tf.Tensor,
  starts: tf.Tensor,
  limits: tf.Tensor,
  config: MaskingConfig,
) -> TokenRanges:
  """Finds the wordpieces of byte spans.

  These are the wordpieces that lie within the span, as in the original, and
  those that hold its first byte, which the original leaves out.

  Args:
    tokens: Of the sentences, not cut.
    rows: int64 [spans], the sentence of each span.
    starts: int [spans], first byte.
    limits: int [spans], byte after the last.
    config: What fits.
  """
  token_rows = tokens.ids.value_rowids()
  start_keys = _keys(token_rows, tokens.starts.values)
  limit_keys = _keys(token_rows, tokens.limits.values)

  def count_up_to(keys: tf.Tensor, offsets: tf.Tensor) -> tf.Tensor:
    wanted = _keys(rows, offsets)
    return tf.searchsorted(keys, wanted, side='right', out_type=tf.int64)

  row_starts = tf.gather(tokens.ids.row_starts(), rows)
  first = count_up_to(limit_keys, starts)
  within = count_up_to(limit_keys, limits)
  holding = count_up_to(start_keys, starts)
  limit = tf.maximum(tf.maximum(within, holding), first)
  first -= row_starts
  limit -= row_starts
  empty = (limit <= first) | (limits <= starts)
  return TokenRanges(
    first,
    limit,
    limit - first > config.max_masks,
    limit > config.max_query_tokens,
    empty,
  )


def mask_dense(
  ids: tf.RaggedTensor,
  chosen: tf.Tensor,
  mask_id: int,
  config: MaskingConfig,
) -> MaskedTokens:
  """Masks the chosen wordpieces.

  Args:
    ids: int32 [batch, (tokens)], cut to `max_query_tokens`.
    chosen: bool [batch, longest row], at most `max_masks` in each row.
    mask_id: Id of [MASK].
    config: Sizes.
  """
  dense = ids.to_tensor()  # [batch, length]
  length = tf.shape(dense)[1]
  count = tf.minimum(config.max_masks, length)
  # The first of those chosen have the highest rank.
  rank = tf.where(chosen, length - tf.range(length), 0)
  best, positions = tf.math.top_k(rank, count)
  padding = [[0, 0], [0, config.max_masks - count]]
  predicted = tf.pad(best > 0, padding)
  positions = tf.pad(positions, padding)
  targets = tf.gather(tf.pad(dense, [[0, 0], [0, 1]]), positions, batch_dims=1)
  query = tf.RaggedTensor.from_tensor(
    tf.where(chosen, mask_id, dense), lengths=ids.row_lengths()
  )
  shape = [None, config.max_masks]
  return MaskedTokens(
    query,
    ids,
    tf.ensure_shape(tf.where(predicted, positions + 1, 0), shape),
    tf.ensure_shape(tf.where(predicted, targets, 0), shape),
    tf.ensure_shape(tf.cast(predicted, tf.float32), shape),
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
  shape = [ids.nrows(), tf.reduce_max(tf.concat([ids.row_lengths(), [0]], 0))]
  size = shape[1]
  edges = tf.concat(
    [
      tf.stack([rows, tf.minimum(first, size)], 1),
      tf.stack([rows, tf.minimum(limit, size)], 1),
    ],
    0,
  )
  signs = tf.repeat(tf.constant([1, -1]), tf.size(rows))
  steps = tf.scatter_nd(edges, signs, tf.stack([shape[0], size + 1]))
  return tf.cumsum(steps, axis=1)[:, :-1] > 0


def _budget(lengths: tf.Tensor, config: MaskingConfig) -> tf.Tensor:
  """How many wordpieces of each sentence an ablation masks, int32 [batch]."""
  wanted = tf.cast(
    tf.round(config.mask_rate * tf.cast(lengths, tf.float32)), tf.int32
  )
  return tf.minimum(
    tf.clip_by_value(wanted, 1, config.max_masks), tf.cast(lengths, tf.int32)
  )


def choose_random_tokens(
  ids: tf.RaggedTensor, seed: tf.Tensor, config: MaskingConfig
) -> tf.Tensor:
  """Chooses wordpieces one by one; returns bool [batch, longest row]."""
  valid = tf.sequence_mask(ids.row_lengths())
  noise = tf.random.stateless_uniform(tf.shape(valid), seed)
  order = tf.argsort(
    tf.where(valid, noise, -1.0), axis=1, direction='DESCENDING', stable=True
  )
  rank = tf.argsort(order, axis=1)
  return rank < _budget(ids.row_lengths(), config)[:, tf.newaxis]


def choose_random_spans(
  ids: tf.RaggedTensor, seed: tf.Tensor, config: MaskingConfig
) -> tf.Tensor:
  """Chooses runs of wordpieces; returns bool [batch, longest row].

  Lengths are geometric and cut at `max_masks`; a run starts anywhere in the
  sentence; runs are drawn until enough is masked, and the last one is cut.
  """
  lengths = tf.cast(ids.row_lengths(), tf.int32)
  batch = tf.shape(lengths)[0]
  budget = _budget(lengths, config)
  seeds = tf.random.experimental.stateless_split(seed, 2)
  # As many draws as there can be masks, should each run be of one wordpiece.
  shape = [batch, config.max_masks]
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
  columns = tf.range(tf.reduce_max(tf.concat([lengths, [0]], 0)))
  chosen = tf.zeros([batch, tf.size(columns)], tf.bool)
  for i in range(config.max_masks):
    begin = starts[:, i, tf.newaxis]
    inside = (columns >= begin) & (columns < begin + runs[:, i, tf.newaxis])
    fresh = inside & ~chosen
    left = budget - tf.reduce_sum(tf.cast(chosen, tf.int32), axis=1)
    order = tf.cumsum(tf.cast(fresh, tf.int32), axis=1)
    chosen |= fresh & (order <= left[:, tf.newaxis])
  return chosen
