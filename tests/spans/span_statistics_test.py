# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import collections

from realm_tf.spans import span_statistics


def test_statistics():
  tallies = {
    span_statistics.SPANS_PER_SENTENCE: collections.Counter(
      {'0': 1, '2': 2, '10': 1}
    ),
    span_statistics.FREQUENT: collections.Counter(
      {
        span_statistics.frequent_key('PER', 'Ann\tLee'): 3,
        span_statistics.frequent_key('DATE', '1990'): 11,
      }
    ),
  }
  counts = {
    'kept': 2,
    'sentences': 4,
    'sentences_with_spans': 3,
    'spans_PER': 3,
    'spans_DATE': 11,
    'spans_dropped_length': 5,
  }
  found = span_statistics.summarize(counts, tallies)
  assert found['share_with_spans'] == 0.75
  assert found['mean_spans_per_sentence'] == 3.5
  assert list(found['spans_per_sentence'].items()) == [
    ('0', 1),
    ('2', 2),
    ('10', 1),
  ]
  assert found['spans_by_label'] == {'DATE': 11, 'PER': 3}
  assert found['spans_dropped'] == {'length': 5}
  assert found['most_frequent'] == [
    {'label': 'DATE', 'text': '1990', 'count': 11},
    {'label': 'PER', 'text': 'Ann\tLee', 'count': 3},
  ]
  shown = span_statistics.describe(found)
  assert 'sentences with a span: 75.0% of 4; 3.50 spans a sentence' in shown
  assert 'most frequent: 1990 (11), Ann\tLee (3)' in shown


def test_nothing_found():
  found = span_statistics.summarize({'sentences': 0}, {})
  assert found['share_with_spans'] == 0
  assert '0.0% of 0' in span_statistics.describe(found)
