# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the spans of a corpus are like: `statistics.json` beside the records."""

import collections
from collections.abc import Mapping
from typing import Any

# What is tallied while spans are found, see `processes.Result.tallies`.
SPANS_PER_SENTENCE = 'spans_per_sentence'
FREQUENT = 'frequent'
_MOST_FREQUENT = 100


def frequent_key(label: str, text: str) -> str:
  """Under which a span is tallied."""
  return f'{label}\t{text}'


def summarize(
  counts: Mapping[str, int], tallies: Mapping[str, collections.Counter]
) -> dict[str, Any]:
  """Makes the statistics of a corpus.

  Args:
    counts: As in the manifest.
    tallies: `SPANS_PER_SENTENCE`, by number, and `FREQUENT`, by
      `frequent_key`. Of the latter each shard gives its most frequent ones
      only, so that counts of rare spans can be too low.

  Returns:
    JSON values.
  """
  per_sentence = tallies.get(SPANS_PER_SENTENCE, collections.Counter())
  frequent = tallies.get(FREQUENT, collections.Counter())
  labels = {
    name.removeprefix('spans_'): count
    for name, count in sorted(counts.items())
    if name.startswith('spans_') and not name.startswith('spans_dropped_')
  }
  sentences = counts.get('sentences', 0)
  ranked = sorted(frequent.items(), key=lambda item: (-item[1], item[0]))
  return {
    'documents': counts.get('kept', 0),
    'sentences': sentences,
    'sentences_with_spans': counts.get('sentences_with_spans', 0),
    'share_with_spans': (
      counts.get('sentences_with_spans', 0) / max(sentences, 1)
    ),
    'spans': sum(labels.values()),
    'spans_by_label': labels,
    'spans_dropped': {
      name.removeprefix('spans_dropped_'): count
      for name, count in sorted(counts.items())
      if name.startswith('spans_dropped_')
    },
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
  """The statistics for people, several lines."""
  share = statistics['share_with_spans']
  lines = [
    f'sentences with a span: {share:.1%} of {statistics["sentences"]:,};'
    f' {statistics["mean_spans_per_sentence"]:.2f} spans a sentence'
  ]
  total = max(statistics['spans'], 1)
  for label, count in statistics['spans_by_label'].items():
    lines.append(f'  {label:<12}{count:>12,}{count / total:>8.1%}')
  top = statistics['most_frequent'][:10]
  shown = (f'{span["text"]} ({span["count"]:,})' for span in top)
  lines.append(f'  most frequent: {", ".join(shown)}')
  return '\n'.join(lines)
