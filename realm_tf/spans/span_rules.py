# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which of the spans found are kept for masking.

Of spans that overlap one stays: a date before anything else, then the longer
one, then the one that begins first. So the spans of a document are disjoint,
and none is there twice.
"""

import dataclasses
import zlib
from collections.abc import Iterable, Sequence

from realm_tf.configs.spans_config import SPAN_GROUPS, SpanRulesConfig
from realm_tf.corpus.document import CorpusError
from realm_tf.spans.taggers import Span

# What taggers call their labels, in four groups; `misc` is all the rest.
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class SpanRules(SpanRulesConfig):
  """What is kept."""

  def check_labels(self, known: Iterable[str]) -> None:
    """Checks that each of `labels` can occur.

    Args:
      known: The labels that the tagger gives, with `DATE` if dates are found.

    Raises:
      CorpusError: One cannot.
    """
    known = sorted(known)
    possible = {*known, *map(group_of, known)}
    for label in self.labels:
      # All groups is the default, whatever the tagger tells apart.
      if label not in possible and set(self.labels) != set(SPAN_GROUPS):
        raise CorpusError(
          f'`labels`: {label!r} is nothing that this tagger finds; it has'
          f' {", ".join(sorted(possible))}'
        )

  def wants(self, label: str) -> bool:
    """Whether spans of a label are masked."""
    return label in self.labels or group_of(label) in self.labels

  def fits(self, chars: int) -> bool:
    """Whether a span is neither too short nor too long."""
    return self.min_span_chars <= chars <= (self.max_span_chars or chars)

  def drops_sentence(self, sentence: bytes) -> bool:
    """Whether a sentence without a span is left out."""
    if not 0 < self.drop_spanless < 1:
      return self.drop_spanless == 1
    return zlib.crc32(sentence) < self.drop_spanless * (1 << 32)


DEFAULT_RULES = SpanRules()


def resolve(spans: Sequence[Span]) -> list[Span]:
  """Returns disjoint spans in order, by the rule at the head of this module."""
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
