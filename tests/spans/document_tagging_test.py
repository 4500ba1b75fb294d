# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import tensorflow as tf

from realm_tf.corpus.document import Document
from realm_tf.spans import bert_tagger, document_tagging
from realm_tf.spans.taggers import Span
from tests.support import small_tagger


class _All:
  """Takes each text whole for a name."""

  def __init__(self, whole_documents=False):
    self.whole_documents = whole_documents

  def tag(self, texts):
    return [[Span(0, len(t), 'NAME')] for t in texts]


def _spans(record):
  feature = tf.train.Example.FromString(record).features.feature
  text = feature['text'].bytes_list.value[0]
  return [
    text[start:limit].decode()
    for start, limit in zip(
      feature['span_byte_start'].int64_list.value,
      feature['span_byte_limit'].int64_list.value,
    )
  ]


def test_dates_go_before_names():
  (record,), counts, _ = document_tagging.tag_documents(
    [Document('a', 'In May 1990 it was.\nNo date.')], _All()
  )
  assert counts['spans_DATE'] == 1
  assert counts['spans_NAME'] == 1  # the second sentence
  assert counts['spans_dropped_overlap'] == 1
  assert _spans(record) == ['May 1990', 'No date.']


def test_a_span_in_two_sentences_is_in_none():
  (record,), counts, _ = document_tagging.tag_documents(
    [Document('a', 'Ann was.\nLee was.'), Document('b', 'Ann Lee was.')],
    _All(whole_documents=True),
  )
  assert _spans(record) == ['Ann Lee was.']
  assert counts['spans_dropped_across_sentences'] == 1
  assert counts['spans_NAME'] == counts['skipped_no_spans'] == 1


def test_documents_are_tagged_whole(tmp_path):
  tagger = bert_tagger.BertTagger(
    small_tagger.export(tmp_path / 'tagger', whole_documents=True)
  )
  assert tagger.whole_documents and tagger.labels == {'LOC', 'PER'}
  assert tagger.tag([]) == []
  text = 'Ann Lee saw Rome in May 1990.\nÄnn saw it. Rome\nLee and Ann.'
  (record,), counts, tallies = document_tagging.tag_documents(
    [Document('a', text), Document('b', 'x saw x.')], tagger
  )
  assert _spans(record) == (
    ['Ann Lee', 'Rome', 'May 1990', 'Änn', 'Rome', 'Lee', 'Ann']
  )
  assert counts['spans_LOC'] == 2 and counts['spans_PER'] == 4
  assert counts['sentences'] == 5 and counts['sentences_with_spans'] == 4
  assert tallies['spans_per_sentence'] == {'3': 1, '1': 2, '2': 1, '0': 1}
  # Rome and Lee of two sentences are sure of their labels: not one entity.
  assert 'spans_dropped_across_sentences' not in counts
