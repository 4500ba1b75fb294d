# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import pytest

from realm_tf.corpus.document import CorpusError
from realm_tf.spans import span_rules
from realm_tf.spans.taggers import Span


def test_overlaps_are_resolved_by_the_rule():
  date, name = Span(3, 10, 'DATE'), Span(0, 20, 'PER')
  other, behind = Span(25, 30, 'LOC'), Span(28, 33, 'ORG')
  assert span_rules.resolve([name, date]) == [date]
  # The longer one; of two as long the first.
  assert span_rules.resolve([other, behind]) == [other]
  assert span_rules.resolve([Span(26, 40, 'ORG'), other]) == [
    Span(26, 40, 'ORG')
  ]
  assert span_rules.resolve([other, other, date]) == [date, other]
  assert span_rules.resolve([]) == []


def test_groups_hold_the_labels_of_all_taggers():
  groups = {'PER', 'person', 'GPE', 'corporation', 'NAME', 'DATE', 'EVENT'}
  assert {label: span_rules.group_of(label) for label in groups} == {
    'PER': 'person',
    'person': 'person',
    'GPE': 'location',
    'corporation': 'organization',
    'NAME': 'misc',
    'DATE': 'date',
    'EVENT': 'misc',
  }
  rules = span_rules.SpanRules(labels=('person', 'GPE'))
  wanted = [x for x in ('PER', 'GPE', 'LOC', 'DATE') if rules.wants(x)]
  assert wanted == ['PER', 'GPE']
  assert all(span_rules.DEFAULT_RULES.wants(label) for label in groups)


def test_lengths():
  rules = span_rules.SpanRules(min_span_chars=2, max_span_chars=4)
  assert [n for n in range(7) if rules.fits(n)] == [2, 3, 4]
  assert span_rules.SpanRules(max_span_chars=0).fits(10_000)


def test_a_share_of_sentences_is_dropped():
  texts = [f'sentence {i}'.encode() for i in range(2000)]
  for share in (0, 0.25, 1):
    rules = span_rules.SpanRules(drop_spanless=share)
    dropped = [rules.drops_sentence(t) for t in texts]
    assert abs(sum(dropped) / 2000 - share) < 0.03
    assert dropped == [rules.drops_sentence(t) for t in texts]


def test_labels_that_cannot_occur():
  rules = span_rules.SpanRules(labels=('person',))
  rules.check_labels(['PER', 'DATE'])
  with pytest.raises(CorpusError, match="'person' is nothing that this tagger"):
    rules.check_labels(['NAME', 'DATE'])
  span_rules.DEFAULT_RULES.check_labels(['NAME'])
