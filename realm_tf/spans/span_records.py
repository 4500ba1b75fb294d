# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Span records: the pre-training corpus on disk, as the original names it.

Gzip TFRecords of tf.train.Example, one per document, with

    title                bytes, one value
    text                 bytes, one value: the document
    sentence_byte_start  int64, one per sentence: its first byte in `text`
    sentence_byte_limit  int64, one per sentence: the byte after its last
    span_byte_start      int64, one per salient span, in `text` as well
    span_byte_limit      int64, one per salient span

Nothing links spans with sentences but their places: a span belongs to the
first sentence that holds all of it, and one that no sentence holds to none (the
original's rule; we write only spans that a sentence holds). A sentence may have
many spans, or none.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

TITLE = 'title'
TEXT = 'text'
SENTENCE_STARTS = 'sentence_byte_start'
SENTENCE_LIMITS = 'sentence_byte_limit'
SPAN_STARTS = 'span_byte_start'
SPAN_LIMITS = 'span_byte_limit'

FEATURES = {
  TITLE: tf.io.FixedLenFeature([], tf.string),
  TEXT: tf.io.FixedLenFeature([], tf.string),
  **{
    name: tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int64)
    for name in (SENTENCE_STARTS, SENTENCE_LIMITS, SPAN_STARTS, SPAN_LIMITS)
  },
}


def encode_document(
  title: bytes,
  text: bytes,
  sentences: Iterable[tuple[int, int]],
  spans: Iterable[tuple[int, int]],
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
  sentences, spans = list(sentences), list(spans)
  for name, values in (
    (SENTENCE_STARTS, [s[0] for s in sentences]),
    (SENTENCE_LIMITS, [s[1] for s in sentences]),
    (SPAN_STARTS, [s[0] for s in spans]),
    (SPAN_LIMITS, [s[1] for s in spans]),
  ):
    feature[name].int64_list.value.extend(values)
  return example.SerializeToString(deterministic=True)


def parse_documents(serialized: tf.Tensor) -> dict[str, Any]:
  """Parses a batch of records.

  Args:
    serialized: string `[batch]`.

  Returns:
    `title` and `text`: string `[batch]`; the others: ragged int64
    `[batch, (sentences)]` and `[batch, (spans)]`.
  """
  return tf.io.parse_example(serialized, FEATURES)


def sentence_of_spans(
  sentences: Sequence[tuple[int, int]], spans: Sequence[tuple[int, int]]
) -> list[int]:
  """Returns for each span the first sentence that holds it, or -1."""
  starts = np.array([s[0] for s in sentences], np.int64)
  limits = np.array([s[1] for s in sentences], np.int64)
  result = []
  for start, limit in spans:
    holding = np.flatnonzero((starts <= start) & (limit <= limits))
    result.append(int(holding[0]) if len(holding) else -1)
  return result
