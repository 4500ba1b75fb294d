# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import pytest

from realm_tf.configs.spans_config import SPAN_GROUPS, SpanRulesConfig
from realm_tf.corpus.document import CorpusError
from realm_tf.spans import span_rules
from realm_tf.spans.taggers import Span


def test_overlaps_are_resolved_by_the_rule():
  date, name = Span(3, 10, 'DATE'), Span(0, 20, 'PER')
  other, later = Span(25, 30, 'LOC'), Span(28, 33, 'ORG')
  longer = Span(26, 40, 'ORG')
  resolve = span_rules.resolve
  assert resolve([name, date]) == [date]
  # The longer one; of two as long the first.
  assert resolve([other, later]) == [other]
  assert resolve([longer, other]) == [longer]
  assert resolve([other, other, date]) == [date, other]
  assert resolve([]) == []


def _keep(tagged=SPAN_GROUPS, texts=('Lima', 'Rome'), **rules):
  """The indexes of kept spans of a sentence with these texts and labels."""
  spans, at = [], 0
  for i, text in enumerate(texts):
    spans.append(Span(at, at + len(text), tagged[i % len(tagged)]))
    at += len(text) + 1
  span_filter = span_rules.SpanFilter(SpanRulesConfig(**rules))
  kept = span_filter.keep(' '.join(texts).encode(), spans, set())
  return [spans.index(span) for span in kept], span_filter


def test_groups_hold_the_labels_of_all_taggers():
  groups = {
    'PER': 'person',
    'person': 'person',
    'GPE': 'location',
    'corporation': 'organization',
    'NAME': 'misc',
    'DATE': 'date',
    'EVENT': 'misc',
  }
  assert {label: span_rules.group_of(label) for label in groups} == groups
  found, texts = ['PER', 'GPE', 'LOC', 'DATE'], ['aa', 'bb', 'cc', 'dd']
  assert _keep(found, texts)[0] == [0, 1, 2, 3]
  kept, span_filter = _keep(found, texts, labels=('person', 'GPE'))
  assert kept == [0, 1]
  assert span_filter.counts == {
    'spans_PER': 1,
    'spans_GPE': 1,
    'spans_dropped_label': 2,
    'sentences_with_spans': 1,
  }


def test_lengths_and_repeated_texts():
  texts = ['a', 'bb', 'cccc', 'ddddd', 'BB']
  kept, span_filter = _keep(
    texts=texts, min_span_chars=2, max_span_chars=4, unique_spans=True
  )
  assert kept == [1, 2]
  assert span_filter.counts['spans_dropped_length'] == 2
  assert span_filter.counts['spans_dropped_repeated'] == 1
  assert span_filter.tallies['spans_per_sentence'] == {'2': 1}
  assert _keep(texts=['x' * 10_000], max_span_chars=0)[0] == [0]


@pytest.mark.parametrize('share', [0, 0.25, 1])
def test_a_share_of_sentences_is_dropped(share):
  texts = [f'sentence {i}'.encode() for i in range(2000)]
  rules = SpanRulesConfig(drop_spanless=share)
  dropped, again = (
    [span_rules.SpanFilter(rules).drops_sentence(t) for t in texts]
    for _ in range(2)
  )
  assert abs(sum(dropped) / 2000 - share) < 0.03
  assert dropped == again


def test_labels_that_cannot_occur():
  span_rules.check_labels(['person'], ['PER', 'DATE'])
  with pytest.raises(CorpusError, match="'person' is nothing that this tagger"):
    span_rules.check_labels(['person'], ['NAME', 'DATE'])
  span_rules.check_labels(SPAN_GROUPS, ['NAME'])
