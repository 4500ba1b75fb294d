# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Scores of entities that a tagger found: exact spans, by label."""

from collections.abc import Mapping, Sequence

import numpy as np
from seqeval import metrics
from seqeval.scheme import IOB2

from realm_tf.spans.conll import Entity

# In a row's place: found where there is none. In a column's: not found at all,
# or with another beginning or end.
NOTHING = '(none)'
OTHER_BOUNDS = '(other bounds)'

# Our names of what seqeval reports.
_SCORES = {
  'precision': 'precision',
  'recall': 'recall',
  'f1': 'f1-score',
  'entities': 'support',
}


def spans_over_tokens(
  spans: Sequence[tuple[int, int, str]], tokens: np.ndarray
) -> list[Entity]:
  """Turns byte spans into token spans: the tokens that begin in them.

  Args:
    spans: (start, limit, label) in bytes, ascending, disjoint.
    tokens: int [tokens, 2], first byte of each token and byte after its last.

  Returns:
    Those that contain a token.
  """
  found: list[Entity] = []
  for start, limit, label in spans:
    first, end = np.searchsorted(tokens[:, 0], [start, limit])
    # A span that begins inside a token contains it, too.
    if first and tokens[first - 1, 1] > start:
      first -= 1
    if found and found[-1].limit > first:
      first = found[-1].limit
    if first < end:
      found.append(Entity(int(first), int(end), label))
  return found


def _tags(entities: Sequence[Entity], size: int) -> list[str]:
  tags = ['O'] * size
  for start, limit, label in entities:
    tags[start] = f'B-{label}'
    tags[start + 1 : limit] = [f'I-{label}'] * (limit - start - 1)
  return tags


def entity_scores(
  gold: Sequence[Sequence[Entity]],
  found: Sequence[Sequence[Entity]],
  sizes: Sequence[int],
) -> dict[str, float]:
  """Precision, recall and F1 of exact spans, by seqeval.

  Args:
    gold: The entities of each sentence.
    found: The entities that a tagger found.
    sizes: Tokens of each sentence.

  Returns:
    `precision`, `recall`, `f1`, `entities`; and each of them by label, as in
    `f1/PER`.
  """
  report = metrics.classification_report(
    *([_tags(e, n) for e, n in zip(side, sizes)] for side in (gold, found)),
    output_dict=True,
    mode='strict',
    scheme=IOB2,
    zero_division=0,
  )
  scores = {}
  for label, values in sorted(report.items()):
    if label not in ('macro avg', 'weighted avg'):
      suffix = '' if label == 'micro avg' else f'/{label}'
      for ours, theirs in _SCORES.items():
        scores[f'{ours}{suffix}'] = float(values[theirs])
  return scores


def _overlap(a: Entity, b: Entity) -> bool:
  return a.start < b.limit and b.start < a.limit


def confusion(
  gold: Sequence[Sequence[Entity]],
  found: Sequence[Sequence[Entity]],
  labels: Sequence[str],
) -> np.ndarray:
  """Counts which label entities got.

  Args:
    gold: The entities of each sentence.
    found: The entities that a tagger found.
    labels: Labels of both.

  Returns:
    int64 [labels + 1, labels + 2]. Rows: gold labels, `NOTHING` (found spans
    that overlap no gold entity). Columns: labels given to exactly these
    tokens, `OTHER_BOUNDS` (only spans that overlap it were found), `NOTHING`.
  """
  index = {label: i for i, label in enumerate(labels)}
  size = len(labels)
  table = np.zeros([size + 1, size + 2], np.int64)
  for its, ours in zip(gold, found):
    exact = {e[:2]: index[e.label] for e in ours}
    for entity in its:
      overlaps = any(_overlap(entity, e) for e in ours)
      column = exact.get(entity[:2], size if overlaps else size + 1)
      table[index[entity.label], column] += 1
    for entity in ours:
      if not any(_overlap(entity, e) for e in its):
        table[size, index[entity.label]] += 1
  return table


def describe_confusion(table: np.ndarray, labels: Sequence[str]) -> str:
  """Returns the table of `confusion` for people, one line per row."""
  rows, columns = [*labels, NOTHING], [*labels, OTHER_BOUNDS, NOTHING]
  corner = 'gold \\ found'
  first = max(len(name) for name in (*rows, corner))
  widths = [max(len(name), 6) for name in columns]
  cells = [columns, *([f'{n:,}' for n in counts] for counts in table)]
  return '\n'.join(
    '  '.join([name.ljust(first), *(c.rjust(w) for c, w in zip(line, widths))])
    for name, line in zip([corner, *rows], cells)
  )


def describe_scores(scores: Mapping[str, float]) -> str:
  """Returns the result of `entity_scores` for people, one line per label."""
  labels = [key.split('/')[1] for key in scores if key.startswith('f1/')]
  width = max(len(label) for label in (*labels, 'all'))
  lines = [' ' * width + ''.join(f'{name:>11}' for name in _SCORES)]
  for label in (*labels, ''):
    suffix = f'/{label}' if label else ''
    *shares, count = (scores[name + suffix] for name in _SCORES)
    cells = [*(f'{share:>11.4f}' for share in shares), f'{count:>11,.0f}']
    lines.append((label or 'all').ljust(width) + ''.join(cells))
  return '\n'.join(lines)
