# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import collections

import numpy as np
import tensorflow as tf

from realm_tf.spans import span_records
from tests.support import small_world


def _parse(*records):
  return span_records.parse(tf.constant(records))


def test_the_features_are_the_originals():
  record = span_records.encode_document(
    b'A', 'Zürich is. It.'.encode(), [(0, 11), (12, 15)], [(0, 7)]
  )
  feature = tf.train.Example.FromString(record).features.feature
  assert feature['title'].bytes_list.value == [b'A']
  assert feature['text'].bytes_list.value[0].decode() == 'Zürich is. It.'
  assert {
    name: list(value.int64_list.value)
    for name, value in feature.items()
    if name not in ('title', 'text')
  } == {
    'sentence_byte_start': [0, 12],
    'sentence_byte_limit': [11, 15],
    'span_byte_start': [0],
    'span_byte_limit': [7],
  }
  assert set(feature) == set(span_records.FEATURES)


def test_each_span_finds_its_sentence():
  got = _parse(
    small_world.span_record('a', ['no sentence has a span.'], []),
    small_world.span_record(
      'b', ['é Paris.', 'the city is in France.', 'Rome'], ['Rome', 'France']
    ),
    small_world.span_record('c', ['Lima', 'in Peru'], ['Lima', 'Peru']),
  )
  assert got.titles.numpy().tolist() == [b'a', b'b', b'c']
  assert got.spans.rows.numpy().tolist() == [1, 1, 2, 2]
  # Sentences are counted over the batch.
  assert got.spans.sentences.numpy().tolist() == [3, 2, 4, 5]
  assert got.sentences.rows.numpy().tolist() == [0, 1, 1, 1, 2, 2]
  assert int(got.outside) == 0


def _first_holder(sentences, start, limit):
  return next(
    (i for i, (a, b) in enumerate(sentences) if a <= start and limit <= b), -1
  )


def test_the_same_as_one_by_one():
  rng = np.random.default_rng(0)
  records, expected = [], []
  for _ in range(50):
    edges = np.cumsum(rng.integers(1, 9, 2 * rng.integers(0, 6)))
    sentences = list(zip(edges[::2].tolist(), edges[1::2].tolist()))
    starts = rng.integers(0, 60, 20)
    spans = [(int(s), int(s + rng.integers(1, 5))) for s in starts]
    order = rng.permutation(len(sentences))
    given = [sentences[i] for i in order]
    records.append(span_records.encode_document(b't', b'x' * 100, given, spans))
    found = [_first_holder(sentences, *span) for span in spans]
    expected += [
      (len(records) - 1, *spans[i], *sentences[s])
      for i, s in enumerate(found)
      if s >= 0
    ]
  got = _parse(*records)
  place = got.spans.sentences
  columns = (
    got.spans.rows,
    got.spans.starts,
    got.spans.limits,
    tf.gather(got.sentences.starts, place),
    tf.gather(got.sentences.limits, place),
  )
  assert list(zip(*(c.numpy().tolist() for c in columns))) == expected
  assert int(got.outside) == 50 * 20 - len(expected) > 0


def test_documents_one_by_one():
  got = _parse(
    small_world.span_record('a', ['no span.'], []),
    small_world.span_record('b', ['é Paris.', 'Rome'], ['Rome', 'Paris']),
    span_records.encode_document(b'c', b'abc', [], [(0, 2)]),
  )
  found = [
    (text.decode(), sentences.tolist(), spans.tolist())
    for text, sentences, spans in got.texts_and_places()
  ]
  assert found == [
    ('no span.', [[0, 8]], []),
    ('é Paris. Rome', [[0, 9], [10, 14]], [[10, 14, 1], [3, 8, 0]]),
    ('abc', [], []),
  ]


def test_batches_with_nothing():
  got = _parse(span_records.encode_document(b'', b'', [], []))
  assert got.spans.rows.shape == [0]
  got = _parse(span_records.encode_document(b'', b'abc', [], [(0, 2)]))
  assert got.spans.rows.shape == [0]
  assert int(got.outside) == 1


def test_choices_are_fair():
  rows = tf.constant([0, 0, 0, 2], tf.int64)
  seen = collections.Counter()
  for i in range(300):
    pick = span_records.draw_one(rows, tf.constant(4, tf.int64), [7, i]).numpy()
    assert pick[1] == pick[3] == -1
    assert pick[2] == 3
    seen[int(pick[0])] += 1
  assert set(seen) == {0, 1, 2}
  # 100 each with a standard deviation of 8.
  assert min(seen.values()) > 60
