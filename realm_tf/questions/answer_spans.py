# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds answers in blocks by their wordpieces.

As in the original, an answer matches wherever its wordpieces follow one
another, at word boundaries or not. An answer without wordpieces matches
nowhere; in the original it matches everywhere.
"""

from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from realm_tf.text import overlap


def gold_spans(
  block_ids: tf.RaggedTensor, answer_ids: tf.RaggedTensor
) -> tuple[tf.Tensor, tf.Tensor]:
  """Finds all spans of blocks that are an answer; works in a graph, too.

  Args:
    block_ids: int32 [batch * k, (tokens)], k blocks for each question.
    answer_ids: int32 [batch, (answers), (tokens)].

  Returns:
    First and last wordpieces, int32 [batch * k, spans] each, in the order of
    the answers and padded with -1.
  """
  answer_ids = answer_ids.with_row_splits_dtype(tf.int64)
  batch, blocks = answer_ids.nrows(), block_ids.nrows()
  blocks = tf.cast(blocks, tf.int64)
  k = blocks // tf.maximum(batch, 1)
  # Every pair of a block and an answer to its question.
  question = tf.repeat(tf.range(batch), k)
  pairs = tf.gather(answer_ids, question)  # [batch * k, (answers), (tokens)]
  of_pair = pairs.value_rowids()
  wanted = pairs.values
  pair, starts = overlap.find_sequences(wanted, tf.gather(block_ids, of_pair))
  lengths = tf.gather(wanted.row_lengths(), pair)

  def padded(values: tf.Tensor) -> tf.Tensor:
    rows = tf.RaggedTensor.from_value_rowids(
      tf.cast(values, tf.int32),
      tf.gather(of_pair, pair),
      blocks,
      validate=False,
    )
    return rows.to_tensor(-1)

  return padded(starts), padded(starts + lengths - 1)


def pad_spans(spans: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
  """Pads spans as `gold_spans` does.

  Args:
    spans: int [spans, 2] for each block: first and last wordpieces.

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
  """Returns where `wanted` begins in `values`, also across rows."""
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
  """Finds out which of thousands of blocks contain an answer.

  A million wordpieces and one answer take less than a millisecond. With bytes
  of texts in place of wordpieces, this is the original's rule for the
  retriever, which is case-sensitive.

  Args:
    values: int [tokens], the wordpieces of all blocks.
    row_splits: int [blocks + 1], the beginnings of the blocks and the end.
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
