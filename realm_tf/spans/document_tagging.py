# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds the salient spans of documents."""

import bisect
import collections
from collections.abc import Sequence
from typing import NamedTuple

from realm_tf.configs.spans_config import SpanRulesConfig
from realm_tf.corpus.document import Document
from realm_tf.spans import span_records, taggers
from realm_tf.spans.span_rules import SpanFilter
from realm_tf.text import sentences

_DEFAULT_RULES = SpanRulesConfig()


class Tagged(NamedTuple):
  """Documents with their salient spans.

  Attributes:
    records: Serialized span records of documents with spans, in order.
    counts: `sentences`, `sentences_with_spans`, `spans_LABEL`,
      `spans_dropped_REASON`, `sentences_dropped`, `skipped_no_spans`.
    tallies: Counts for `span_statistics`.
  """

  records: list[bytes]
  counts: collections.Counter
  tallies: dict[str, collections.Counter]


def _by_sentence(
  spans: Sequence[taggers.Span], places: Sequence[tuple[int, int]]
) -> list[list[taggers.Span]]:
  """Divides the spans of a document among its sentences.

  Args:
    spans: In bytes of the document.
    places: (start, limit) of its sentences.

  Returns:
    The spans of each sentence, from its start. A span that goes on in the next
    sentence is in none.
  """
  found: list[list[taggers.Span]] = [[] for _ in places]
  starts = [start for start, _ in places]
  for start, limit, label in spans:
    i = bisect.bisect(starts, start) - 1
    if i >= 0 and limit <= places[i][1]:
      shifted = taggers.Span(start - starts[i], limit - starts[i], label)
      found[i].append(shifted)
  return found


def tag_documents(
  documents: Sequence[Document],
  tagger: taggers.Tagger | None,
  rules: SpanRulesConfig = _DEFAULT_RULES,
  with_dates: bool = True,
) -> Tagged:
  """Finds the salient spans of documents.

  Args:
    documents: Documents in order.
    tagger: Tagger of names; None for dates alone.
    rules: Which spans are kept.
    with_dates: Whether to look for dates.
  """
  span_filter = SpanFilter(rules)
  counts = span_filter.counts
  texts = [d.text.encode() for d in documents]
  in_chars = [sentences.sentence_spans(d.text) for d in documents]
  split = [d.text[a:b] for d, its in zip(documents, in_chars) for a, b in its]
  places = [
    sentences.byte_spans(d.text, its) for d, its in zip(documents, in_chars)
  ]
  names: list[list[taggers.Span]] = [[] for _ in split]
  if getattr(tagger, 'whole_documents', False):
    assert tagger is not None
    tagged = tagger.tag([d.text for d in documents])
    names = [
      spans
      for found, its in zip(tagged, places)
      for spans in _by_sentence(found, its)
    ]
    across = sum(map(len, tagged)) - sum(map(len, names))
    span_filter.drop('across_sentences', across)
  elif tagger is not None:
    names = tagger.tag(split)
  dates = taggers.tag_dates(split) if with_dates else [[] for _ in split]
  found = (a + b for a, b in zip(dates, names))
  records = []
  for document, text, its in zip(documents, texts, places):
    kept_places = []
    kept_spans = []
    seen: set[str] = set()
    for start, limit in its:
      sentence = text[start:limit]
      kept = span_filter.keep(sentence, next(found), seen)
      if not kept and span_filter.drops_sentence(sentence):
        counts['sentences_dropped'] += 1
        continue
      kept_places.append((start, limit))
      kept_spans += [(start + s.start, start + s.limit) for s in kept]
    counts['sentences'] += len(its)
    if kept_spans:
      title = document.title.encode()
      records.append(
        span_records.encode_document(title, text, kept_places, kept_spans)
      )
    else:
      counts['skipped_no_spans'] += 1
  return Tagged(records, counts, span_filter.tallies)
