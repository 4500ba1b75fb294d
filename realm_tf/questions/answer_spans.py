# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Where answers stand in blocks, by their wordpieces.

As in the original an answer stands where its wordpieces stand one after the
other, at the borders of words or not. An answer without wordpieces stands
nowhere; in the original it stands everywhere.
"""

from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from realm_tf.text import packing


def without_unknown(
  answer_ids: tf.RaggedTensor, unk_id: int
) -> tf.RaggedTensor:
  """Empties the answers in which a word is that the vocabulary lacks.

  All such words have one id, so that they would match one another.

  Args:
    answer_ids: int32 [batch, (answers), (tokens)].
    unk_id: Id of [UNK].

  Returns:
    The same, with no wordpieces where [UNK] was one.
  """
  answers = answer_ids.values
  known = ~tf.reduce_any(answers == unk_id, axis=1)
  kept = tf.gather(known, answers.value_rowids())
  cut = tf.ragged.boolean_mask(answers, answers.with_values(kept))
  return answer_ids.with_values(cut)


def _first_in_row(rows: tf.RaggedTensor, which: tf.Tensor) -> tf.Tensor:
  return tf.gather(rows.row_starts(), which)


def gold_spans(
  block_ids: tf.RaggedTensor,
  answer_ids: tf.RaggedTensor,
  block_lengths: tf.Tensor | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
  """Finds all spans of blocks that are an answer, in a graph too.

  Args:
    block_ids: int32 [batch * k, (tokens)], k blocks for each question.
    answer_ids: int32 [batch, (answers), (tokens)].
    block_lengths: int [batch * k], how many wordpieces of each block there
      was room for: the sum of `block_mask` of `packing.pack_reader`. What was
      cut off is no answer. None if all are there.

  Returns:
    First and last wordpieces, int32 [batch * k, spans] each, in the order of
    the answers and padded with -1.
  """
  if block_lengths is not None:
    block_ids = packing.cut_rows(block_ids, block_lengths)
  splits = tf.int64
  block_ids = block_ids.with_row_splits_dtype(splits)
  answer_ids = answer_ids.with_row_splits_dtype(splits)
  batch, blocks = answer_ids.nrows(), block_ids.nrows()
  k = blocks // tf.maximum(batch, 1)
  answers = answer_ids.values  # [all answers, (tokens)]

  # Every block with every answer of its question that is not empty.
  counts = tf.repeat(answer_ids.row_lengths(), k)  # [batch * k]
  pair_block = tf.repeat(tf.range(blocks), counts)
  within = tf.range(tf.size(pair_block, splits)) - tf.gather(
    tf.cumsum(counts, exclusive=True), pair_block
  )
  question = pair_block // tf.maximum(k, 1)
  pair_answer = _first_in_row(answer_ids, question) + within
  lengths = tf.gather(answers.row_lengths(), pair_answer)
  pair_block, pair_answer, lengths = (
    tf.boolean_mask(x, lengths > 0) for x in (pair_block, pair_answer, lengths)
  )

  # Where the first wordpiece stands and the others have room behind it.
  texts = tf.gather(block_ids, pair_block)  # [pairs, (tokens)]
  pair = texts.value_rowids()
  first = tf.gather(answers.values, _first_in_row(answers, pair_answer))
  place = tf.range(tf.size(pair, splits))
  room = place + tf.gather(lengths, pair) <= tf.gather(texts.row_limits(), pair)
  start = tf.where((texts.values == tf.gather(first, pair)) & room)[:, 0]
  pair = tf.gather(pair, start)

  # There the whole is compared.
  lengths = tf.gather(lengths, pair)
  hit = tf.repeat(tf.range(tf.size(start, splits)), lengths)
  within = tf.range(tf.size(hit, splits)) - tf.gather(
    tf.cumsum(lengths, exclusive=True), hit
  )
  in_block = tf.gather(texts.values, tf.gather(start, hit) + within)
  answer = tf.gather(pair_answer, tf.gather(pair, hit))
  in_answer = tf.gather(answers.values, _first_in_row(answers, answer) + within)
  equal = tf.math.segment_min(tf.cast(in_block == in_answer, tf.int32), hit) > 0
  start, pair, lengths = (
    tf.boolean_mask(x, equal) for x in (start, pair, lengths)
  )

  starts = start - _first_in_row(texts, pair)
  of_block = tf.gather(pair_block, pair)

  def padded(values: tf.Tensor) -> tf.Tensor:
    rows = tf.RaggedTensor.from_value_rowids(
      tf.cast(values, tf.int32), of_block, blocks, validate=False
    )
    return rows.to_tensor(-1)

  return padded(starts), padded(starts + lengths - 1)


def pad_spans(spans: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
  """Pads spans found elsewhere in the way of `gold_spans`.

  Args:
    spans: For each block, int [spans, 2]: first and last wordpieces.

  Returns:
    First and last wordpieces, int32 [blocks, spans] each, padded with -1.
  """
  spans = list(spans)
  counts = np.array([len(s) for s in spans], np.int64)
  padded = np.full([len(spans), counts.max(initial=0), 2], -1, np.int32)
  inside = np.arange(padded.shape[1]) < counts[:, np.newaxis]
  if counts.any():
    padded[inside] = np.concatenate([s for s in spans if len(s)])
  return padded[..., 0], padded[..., 1]


def _occurrences(values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
  """Places in `values` where `wanted` begins, also across rows."""
  # Wordpieces with high ids are rare.
  rarest = int(np.argmax(wanted))
  # A Python int, so that the flat array is not converted.
  hits = np.flatnonzero(values == int(wanted[rarest])) - rarest
  hits = hits[(hits >= 0) & (hits + len(wanted) <= len(values))]
  for i, token in enumerate(wanted):
    if i != rarest and len(hits):
      hits = hits[values[hits + i] == token]
  return hits


def contains_any(
  values: np.ndarray, row_splits: np.ndarray, answers: Iterable[np.ndarray]
) -> np.ndarray:
  """Which of thousands of blocks contain an answer.

  A million wordpieces and one answer take less than a millisecond. With the
  bytes of texts instead of wordpieces it is the original's rule for the
  retriever, which is case-sensitive.

  Args:
    values: int [tokens], the wordpieces of all blocks.
    row_splits: int [blocks + 1], where each block begins and the last ends.
    answers: The wordpieces of each answer, int [tokens].

  Returns:
    bool [blocks].
  """
  values, row_splits = np.asarray(values), np.asarray(row_splits)
  found = np.zeros(len(row_splits) - 1, bool)
  for answer in {tuple(np.asarray(a).tolist()) for a in answers}:
    if not answer:
      continue
    starts = _occurrences(values, np.array(answer))
    rows = np.searchsorted(row_splits, starts, side='right') - 1
    inside = starts + len(answer) <= row_splits[rows + 1]
    found[rows[inside]] = True
  return found
