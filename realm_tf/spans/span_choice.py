# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which sentence each salient span is in, and fair choices among them."""

from typing import NamedTuple

import tensorflow as tf

from realm_tf.spans import span_records

# A row is shifted by this much, so that one search serves all of them.
_ROW_STRIDE = 1 << 40


class Ranges(NamedTuple):
  """Byte ranges of documents, flat, in the order of the documents.

  Attributes:
    rows: int64 [ranges], the document of each.
    starts: int64 [ranges], first byte.
    limits: int64 [ranges], byte after the last.
    sentences: int64 [ranges], number of the sentence of the batch it is in.
  """

  rows: tf.Tensor
  starts: tf.Tensor
  limits: tf.Tensor
  sentences: tf.Tensor

  def filtered(self, keep: tf.Tensor) -> 'Ranges':
    """Those for which `keep`, bool [ranges], is true."""
    return Ranges(*(tf.boolean_mask(x, keep) for x in self))


class SpanDocuments(NamedTuple):
  """A batch of parsed span records.

  Attributes:
    titles: string [batch].
    texts: string [batch].
    sentences: The sentences; `sentences` of these is their own number.
    spans: The spans that lie within one sentence.
    outside: int64 scalar, number of the spans that do not.
  """

  titles: tf.Tensor
  texts: tf.Tensor
  sentences: Ranges
  spans: Ranges
  outside: tf.Tensor


def _sorted(rows: tf.Tensor, starts: tf.Tensor, limits: tf.Tensor) -> Ranges:
  keys = rows * _ROW_STRIDE + starts
  size = tf.size(keys)
  order = tf.cond(
    tf.reduce_all(keys[1:] >= keys[:-1]),
    lambda: tf.range(size),
    lambda: tf.argsort(keys, stable=True),
  )
  rows, starts, limits = (tf.gather(x, order) for x in (rows, starts, limits))
  return Ranges(rows, starts, limits, tf.range(tf.cast(size, tf.int64)))


def parse(serialized: tf.Tensor) -> SpanDocuments:
  """Parses span records and finds the sentence of each span.

  As in the original a span that is not within one sentence is left out.
  Sentences are taken to be disjoint.

  Args:
    serialized: string [batch].
  """
  parsed = span_records.parse_documents(serialized)
  sentence_starts = parsed[span_records.SENTENCE_STARTS]
  sentences = _sorted(
    sentence_starts.value_rowids(),
    sentence_starts.values,
    parsed[span_records.SENTENCE_LIMITS].values,
  )
  rows = parsed[span_records.SPAN_STARTS].value_rowids()
  starts = parsed[span_records.SPAN_STARTS].values
  limits = parsed[span_records.SPAN_LIMITS].values
  # The last sentence that starts at or before the span.
  at = tf.searchsorted(
    sentences.rows * _ROW_STRIDE + sentences.starts,
    rows * _ROW_STRIDE + starts,
    side='right',
    out_type=tf.int64,
  )
  # One that holds nothing, for spans before the first sentence.
  holder_rows, holder_starts, holder_limits = (
    tf.gather(tf.concat([[-1], x], 0), at)
    for x in (sentences.rows, sentences.starts, sentences.limits)
  )
  within = (
    (holder_rows == rows)
    & (holder_starts <= starts)
    & (limits <= holder_limits)
    & (starts < limits)
  )
  return SpanDocuments(
    parsed[span_records.TITLE],
    parsed[span_records.TEXT],
    sentences,
    Ranges(rows, starts, limits, at - 1).filtered(within),
    tf.math.count_nonzero(~within),
  )


def choose(rows: tf.Tensor, batch: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
  """Chooses one item of each row that has any, each equally likely.

  Args:
    rows: int64 [items], ascending: the row of each item.
    batch: Number of rows.
    seed: int [2].

  Returns:
    int64 [batch], numbers of items; -1 for a row that has none.
  """
  counts = tf.math.unsorted_segment_sum(tf.ones_like(rows), rows, batch)
  uniform = tf.random.stateless_uniform([batch], seed, dtype=tf.float64)
  within = tf.cast(uniform * tf.cast(counts, tf.float64), tf.int64)
  return tf.where(counts > 0, tf.cumsum(counts, exclusive=True) + within, -1)
