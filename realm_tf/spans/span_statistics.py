# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Statistics of the spans of a corpus: `statistics.json` beside the records."""

import collections
from collections.abc import Mapping
from typing import Any

# What is tallied while spans are found.
SPANS_PER_SENTENCE = 'spans_per_sentence'
FREQUENT = 'frequent'
_MOST_FREQUENT = 100
_DROPPED = 'spans_dropped_'


def frequent_key(label: str, text: str) -> str:
  """The key under which a span is tallied as `FREQUENT`."""
  return f'{label}\t{text}'


def summarize(
  counts: Mapping[str, int], tallies: Mapping[str, collections.Counter]
) -> dict[str, Any]:
  """Computes the statistics of a corpus.

  Args:
    counts: Counts of the manifest.
    tallies: `SPANS_PER_SENTENCE`, by number, and `FREQUENT`, by `frequent_key`.
      Each shard contributes only its most frequent spans to the latter, so
      that counts of rare ones can be too low.

  Returns:
    JSON values.
  """
  per_sentence: Mapping[str, int] = tallies.get(SPANS_PER_SENTENCE, {})
  frequent: Mapping[str, int] = tallies.get(FREQUENT, {})

  def starting(prefix: str) -> dict[str, int]:
    return {
      name.removeprefix(prefix): count
      for name, count in sorted(counts.items())
      if name.startswith(prefix)
    }

  labels = {
    name: count
    for name, count in starting('spans_').items()
    if not name.startswith('dropped_')
  }
  sentences = counts.get('sentences', 0)
  with_spans = counts.get('sentences_with_spans', 0)
  ranked = sorted(frequent.items(), key=lambda item: (-item[1], item[0]))
  return {
    'documents': counts.get('kept', 0),
    'sentences': sentences,
    'sentences_with_spans': with_spans,
    'share_with_spans': with_spans / max(sentences, 1),
    'spans': sum(labels.values()),
    'spans_by_label': labels,
    'spans_dropped': starting(_DROPPED),
    'spans_per_sentence': {
      number: per_sentence[number] for number in sorted(per_sentence, key=int)
    },
    'mean_spans_per_sentence': sum(labels.values()) / max(sentences, 1),
    'most_frequent': [
      dict(zip(('label', 'text'), key.split('\t', 1)), count=count)
      for key, count in ranked[:_MOST_FREQUENT]
    ],
  }


def describe(statistics: Mapping[str, Any]) -> str:
  """Returns the statistics for people, several lines."""
  total = max(statistics['spans'], 1)
  top = ', '.join(
    f'{span["text"]} ({span["count"]:,})'
    for span in statistics['most_frequent'][:10]
  )
  return '\n'.join(
    [
      f'sentences with a span: {statistics["share_with_spans"]:.1%} of'
      f' {statistics["sentences"]:,};'
      f' {statistics["mean_spans_per_sentence"]:.2f} spans a sentence',
      *(
        f'  {label:<12}{count:>12,}{count / total:>8.1%}'
        for label, count in statistics['spans_by_label'].items()
      ),
      f'  most frequent: {top}',
    ]
  )
