# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Span records: the pre-training corpus on disk, with the original's names.

Gzip TFRecords of tf.train.Example, one per document, with

    title                bytes, one value
    text                 bytes, one value: the document
    sentence_byte_start  int64, one per sentence: its first byte in `text`
    sentence_byte_limit  int64, one per sentence: the byte after its last
    span_byte_start      int64, one per salient span, also in `text`
    span_byte_limit      int64, one per salient span

Sentences are disjoint. A span belongs to the sentence that contains all of it;
spans that no sentence contains are ignored, as in the original (and never
written here). A sentence may have many spans, or none.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

TITLE = 'title'
TEXT = 'text'
_PLACES = ('sentence_byte', 'span_byte')

FEATURES = {
  TITLE: tf.io.FixedLenFeature([], tf.string),
  TEXT: tf.io.FixedLenFeature([], tf.string),
  **{
    f'{name}_{end}': tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int64)
    for name in _PLACES
    for end in ('start', 'limit')
  },
}

# A row is shifted by this much, so that one search serves all of them.
_ROW_STRIDE = 1 << 40


def encode_document(
  title: bytes,
  text: bytes,
  sentences: Sequence[tuple[int, int]],
  spans: Sequence[tuple[int, int]],
) -> bytes:
  """Returns a serialized tf.train.Example.

  Args:
    title: UTF-8.
    text: UTF-8.
    sentences: (start, limit) in bytes of `text`.
    spans: (start, limit) in bytes of `text`.
  """
  example = tf.train.Example()
  feature = example.features.feature
  feature[TITLE].bytes_list.value.append(title)
  feature[TEXT].bytes_list.value.append(text)
  for name, places in zip(_PLACES, (sentences, spans)):
    for i, end in enumerate(('start', 'limit')):
      feature[f'{name}_{end}'].int64_list.value.extend(p[i] for p in places)
  return example.SerializeToString(deterministic=True)


class Ranges(NamedTuple):
  """Byte ranges of a batch of documents, flat, in the documents' order.

  Attributes:
    rows: int64 [ranges], the document of each.
    starts: int64 [ranges], first byte.
    limits: int64 [ranges], byte after the last.
    sentences: int64 [ranges], the sentence of each, counted over the batch.
  """

  rows: tf.Tensor
  starts: tf.Tensor
  limits: tf.Tensor
  sentences: tf.Tensor

  def filtered(self, keep: tf.Tensor) -> 'Ranges':
    """The ranges for which `keep`, bool [ranges], is true."""
    return Ranges(*(tf.boolean_mask(x, keep) for x in self))


class Documents(NamedTuple):
  """A batch of parsed span records.

  Attributes:
    titles: string [batch].
    texts: string [batch].
    sentences: Sentences in order; `sentences.sentences` numbers them.
    spans: Spans that lie within one sentence.
    outside: int64 scalar, number of spans that do not.
  """

  titles: tf.Tensor
  texts: tf.Tensor
  sentences: Ranges
  spans: Ranges
  outside: tf.Tensor

  def texts_and_places(self) -> Iterator[tuple[bytes, np.ndarray, np.ndarray]]:
    """Yields text, sentences and spans of each document, outside of a graph.

    Sentences are int64 [sentences, (start, limit)]; spans are int64 [spans,
    (start, limit, sentence)], where the sentence is counted in the document.
    """
    rows = np.arange(len(self.texts) + 1)
    first, first_span = (
      np.searchsorted(ranges.rows, rows)
      for ranges in (self.sentences, self.spans)
    )
    sentences = np.stack(self.sentences[1:3], 1)
    spans = np.stack(self.spans[1:], 1)
    spans[:, 2] -= first[self.spans.rows]
    for i, text in enumerate(self.texts.numpy().tolist()):
      yield (
        text,
        sentences[first[i] : first[i + 1]],
        spans[first_span[i] : first_span[i + 1]],
      )


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


def parse(serialized: tf.Tensor) -> Documents:
  """Parses span records, and finds the sentence of each span.

  Args:
    serialized: string [batch].
  """
  parsed = tf.io.parse_example(serialized, FEATURES)
  (sentence_starts, sentence_limits), (span_starts, span_limits) = (
    (parsed[f'{name}_start'], parsed[f'{name}_limit']) for name in _PLACES
  )
  sentences = _sorted(
    sentence_starts.value_rowids(),
    sentence_starts.values,
    sentence_limits.values,
  )
  rows = span_starts.value_rowids()
  starts, limits = span_starts.values, span_limits.values
  # The last sentence that starts at or before the span.
  at = tf.searchsorted(
    sentences.rows * _ROW_STRIDE + sentences.starts,
    rows * _ROW_STRIDE + starts,
    side='right',
    out_type=tf.int64,
  )
  # An empty sentence in front, for spans before the first one.
  holder_rows, holder_starts, holder_limits = (
    tf.gather(tf.concat([[-1], x], 0), at) for x in sentences[:3]
  )
  within = (
    (holder_rows == rows)
    & (holder_starts <= starts)
    & (limits <= holder_limits)
    & (starts < limits)
  )
  return Documents(
    parsed[TITLE],
    parsed[TEXT],
    sentences,
    Ranges(rows, starts, limits, at - 1).filtered(within),
    tf.math.count_nonzero(~within),
  )


def draw_one(rows: tf.Tensor, batch: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
  """Draws one item of each row, all of a row's equally likely.

  Args:
    rows: int64 [items], ascending: the row of each item.
    batch: Number of rows.
    seed: int [2].

  Returns:
    int64 [batch], numbers of items; -1 for a row without any.
  """
  counts = tf.math.unsorted_segment_sum(tf.ones_like(rows), rows, batch)
  uniform = tf.random.stateless_uniform([batch], seed, dtype=tf.float64)
  within = tf.cast(uniform * tf.cast(counts, tf.float64), tf.int64)
  return tf.where(counts > 0, tf.cumsum(counts, exclusive=True) + within, -1)
