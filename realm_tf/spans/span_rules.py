# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which of the spans found are kept for masking.

One of spans that overlap is kept: a date before anything else, then the longer
one, then the one that begins first. So the spans of a document are disjoint.
"""

import collections
import zlib
from collections.abc import Iterable, Sequence

from realm_tf.configs.spans_config import SPAN_GROUPS, SpanRulesConfig
from realm_tf.corpus.document import CorpusError
from realm_tf.spans import span_statistics
from realm_tf.spans.taggers import Span

# Labels of taggers in four groups; `misc` is all the rest.
_MEMBERS = {
  'person': {'PER', 'PERSON'},
  'organization': {'ORG', 'ORGANIZATION', 'CORPORATION', 'GROUP'},
  'location': {'LOC', 'LOCATION', 'GPE', 'FAC'},
  'date': {'DATE'},
}
_GROUP_OF = {m: group for group, its in _MEMBERS.items() for m in its}


def group_of(label: str) -> str:
  """The group of a label of any tagger."""
  return _GROUP_OF.get(label.upper(), 'misc')


def check_labels(labels: Sequence[str], known: Iterable[str]) -> None:
  """Checks that labels can occur.

  Args:
    labels: Labels or groups of labels to keep.
    known: The labels that the tagger gives, with `DATE` if dates are found.

  Raises:
    CorpusError: One cannot.
  """
  known = sorted(known)
  possible = {*known, *map(group_of, known)}
  for label in labels:
    # All groups is the default, whatever the tagger tells apart.
    if label not in possible and set(labels) != set(SPAN_GROUPS):
      raise CorpusError(
        f'`labels`: {label!r} is nothing that this tagger finds; it has'
        f' {", ".join(sorted(possible))}'
      )


def resolve(spans: Sequence[Span]) -> list[Span]:
  """Returns disjoint spans in order, by this module's rule."""
  ordered = sorted(spans)
  if all(a.limit <= b.start for a, b in zip(ordered, ordered[1:])):
    return ordered
  ordered.sort(
    key=lambda s: (group_of(s.label) != 'date', s.start - s.limit, s.start)
  )
  kept: list[Span] = []
  for span in ordered:
    if all(span.limit <= k.start or k.limit <= span.start for k in kept):
      kept.append(span)
  return sorted(kept)


class SpanFilter:
  """Keeps some of the spans of sentences, and counts.

  Attributes:
    counts: `sentences_with_spans`, `spans_LABEL` and `spans_dropped_REASON`.
    tallies: Spans per sentence and frequent spans, for `span_statistics`.
  """

  def __init__(self, rules: SpanRulesConfig):
    """Starts at zero."""
    self._rules = rules
    self.counts: collections.Counter = collections.Counter()
    self.tallies: dict[str, collections.Counter] = {
      span_statistics.SPANS_PER_SENTENCE: collections.Counter(),
      span_statistics.FREQUENT: collections.Counter(),
    }

  def keep(
    self, sentence: bytes, found: Sequence[Span], seen: set[str]
  ) -> list[Span]:
    """Returns the spans of a sentence that are kept, in order.

    Args:
      sentence: UTF-8.
      found: Its spans, in any order; they may overlap.
      seen: Texts of the document's spans so far; they are added here.
    """
    rules = self._rules
    wanted = [span for span in found if self._wants(span.label)]
    self.drop('label', len(found) - len(wanted))
    disjoint = resolve(wanted)
    self.drop('overlap', len(wanted) - len(disjoint))
    kept = []
    for span in disjoint:
      text = sentence[span.start : span.limit].decode()
      longest = rules.max_span_chars or len(text)
      if not rules.min_span_chars <= len(text) <= longest:
        self.drop('length')
      elif rules.unique_spans and text.casefold() in seen:
        self.drop('repeated')
      else:
        if rules.unique_spans:
          seen.add(text.casefold())
        kept.append(span)
        self.counts[f'spans_{span.label}'] += 1
        key = span_statistics.frequent_key(span.label, text)
        self.tallies[span_statistics.FREQUENT][key] += 1
    self.counts['sentences_with_spans'] += bool(kept)
    self.tallies[span_statistics.SPANS_PER_SENTENCE][str(len(kept))] += 1
    return kept

  def _wants(self, label: str) -> bool:
    return label in self._rules.labels or group_of(label) in self._rules.labels

  def drop(self, reason: str, count: int = 1) -> None:
    """Counts spans that are dropped."""
    # No zeros: they would be in the manifest.
    if count:
      self.counts[f'spans_dropped_{reason}'] += count

  def drops_sentence(self, sentence: bytes) -> bool:
    """Whether a sentence without a span is left out."""
    return zlib.crc32(sentence) < self._rules.drop_spanless * (1 << 32)
