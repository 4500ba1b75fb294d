# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Span records, the pre-training text, and the choice of a sentence in them.

A record is a document, a tf.train.Example with the original's features

    title                                   bytes, one value
    text                                    bytes, one value
    sentence_byte_start, ..._byte_limit     int64 lists, offsets into text
    span_byte_start, span_byte_limit        int64 lists, offsets into text
"""

from typing import NamedTuple

import tensorflow as tf

FEATURES = {
  'title': tf.io.FixedLenFeature([], tf.string),
  'text': tf.io.FixedLenFeature([], tf.string),
  'sentence_byte_start': tf.io.RaggedFeature(
    tf.int64, row_splits_dtype=tf.int64
  ),
  'sentence_byte_limit': tf.io.RaggedFeature(
    tf.int64, row_splits_dtype=tf.int64
  ),
  'span_byte_start': tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int64),
  'span_byte_limit': tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int64),
}
# A row is shifted by this much, so that one search serves all of them.
_ROW_STRIDE = 1 << 40


class Spans(NamedTuple):
  """Byte ranges of documents, flat, in the order of the documents.

  Attributes:
    rows: int64 [spans], the document of each.
    starts: int64 [spans], first byte.
    limits: int64 [spans], byte after the last.
    sentences: int64 [spans], number of the sentence of the batch it is in.
  """

  rows: tf.Tensor
  starts: tf.Tensor
  limits: tf.Tensor
  sentences: tf.Tensor


class Documents(NamedTuple):
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
  sentences: Spans
  spans: Spans
  outside: tf.Tensor


def _sorted(rows: tf.Tensor, starts: tf.Tensor, limits: tf.Tensor) -> Spans:
  keys = rows * _ROW_STRIDE + starts
  order = tf.cond(
    tf.reduce_all(keys[1:] >= keys[:-1]),
    lambda: tf.range(tf.size(keys)),
    lambda: tf.argsort(keys, stable=True),
  )
  rows, starts, limits = (tf.gather(x, order) for x in (rows, starts, limits))
  return Spans(rows, starts, limits, tf.range(tf.size(keys, tf.int64)))


def parse(serialized: tf.Tensor) -> Documents:
  """Parses records and finds the sentence of each span.

  Args:
    serialized: string [batch].
  """
  parsed = tf.io.parse_example(serialized, FEATURES)
  sentence_starts = parsed['sentence_byte_start']
  sentences = _sorted(
    sentence_starts.value_rowids(),
    sentence_starts.values,
    parsed['sentence_byte_limit'].values,
  )
  span_starts = parsed['span_byte_start']
  rows = span_starts.value_rowids()
  starts = span_starts.values
  limits = parsed['span_byte_limit'].values
  last = tf.size(sentences.rows, tf.int64) - 1
  at = tf.searchsorted(
    sentences.rows * _ROW_STRIDE + sentences.starts,
    rows * _ROW_STRIDE + starts,
    side='right',
    out_type=tf.int64,
  )
  at = tf.maximum(at - 1, 0)
  # A row of padding, so that a batch without sentences is no special case.
  safe = tf.minimum(at, tf.maximum(last, 0))
  sentence_rows = tf.concat([sentences.rows, [-1]], 0)
  padded_starts = tf.concat([sentences.starts, [0]], 0)
  padded_limits = tf.concat([sentences.limits, [0]], 0)
  within = (
    (tf.gather(sentence_rows, safe) == rows)
    & (tf.gather(padded_starts, safe) <= starts)
    & (limits <= tf.gather(padded_limits, safe))
    & (starts < limits)
  )
  spans = Spans(
    *(tf.boolean_mask(x, within) for x in (rows, starts, limits, safe))
  )
  return Documents(
    parsed['title'],
    parsed['text'],
    sentences,
    spans,
    tf.math.count_nonzero(~within),
  )


def choose(items: Spans, batch: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
  """Chooses one item of each document that has any, each equally likely.

  Args:
    items: Sorted by document.
    batch: Number of documents.
    seed: int [2].

  Returns:
    int64 [batch], numbers of items; -1 for a document that has none.
  """
  counts = tf.math.bincount(
    tf.cast(items.rows, tf.int32),
    minlength=tf.cast(batch, tf.int32),
    dtype=tf.int64,
  )
  uniform = tf.random.stateless_uniform([batch], seed, dtype=tf.float64)
  within = tf.cast(uniform * tf.cast(counts, tf.float64), tf.int64)
  return tf.where(
    counts > 0, tf.cumsum(counts, exclusive=True) + within, -1
  )
