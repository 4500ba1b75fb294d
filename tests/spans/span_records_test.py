# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import tensorflow as tf

from realm_tf.spans import span_records


def test_round_trip():
  records = [
    span_records.encode_document(
      b'A', 'Zürich is. It.'.encode(), [(0, 11), (12, 15)], [(0, 7)]
    ),
    span_records.encode_document(b'', b'b', [(0, 1)], []),
  ]
  parsed = span_records.parse_documents(tf.constant(records))
  assert parsed['title'].numpy().tolist() == [b'A', b'']
  assert parsed['text'].numpy()[0].decode() == 'Zürich is. It.'
  assert parsed['sentence_byte_start'].to_list() == [[0, 12], [0]]
  assert parsed['sentence_byte_limit'].to_list() == [[11, 15], [1]]
  assert parsed['span_byte_start'].to_list() == [[0], []]
  assert parsed['span_byte_limit'].to_list() == [[7], []]
  feature = tf.train.Example.FromString(records[0]).features.feature
  assert set(feature) == set(span_records.FEATURES)


def test_a_span_belongs_to_the_first_sentence_that_holds_it():
  sentences = [(0, 10), (5, 20), (20, 30)]
  spans = [(0, 10), (5, 10), (6, 11), (19, 21), (20, 30), (29, 31)]
  assert span_records.sentence_of_spans(sentences, spans) == [
    0, 0, 1, -1, 2, -1,
  ]  # fmt: skip
  assert span_records.sentence_of_spans([], [(0, 1)]) == [-1]
