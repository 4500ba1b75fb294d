# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How well entities are found: exact spans, by label, and what is confused."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from seqeval import metrics
from seqeval.scheme import IOB2

# In a row's place: found where there is none. In a column's: not found at all,
# or with another beginning or end.
NOTHING = '(none)'
OTHER_BOUNDS = '(other bounds)'


class Span(NamedTuple):
  """An entity of a sentence: tokens from `start` to before `limit`."""

  start: int
  limit: int
  label: str


def spans_over_tokens(
  spans: Sequence[tuple[int, int, str]], tokens: np.ndarray
) -> list[Span]:
  """Turns byte spans into token spans: the tokens that begin in them.

  Args:
    spans: (start, limit, label) in bytes, ascending, disjoint.
    tokens: int [tokens, 2], first byte of each token and byte after its last.

  Returns:
    Those that hold a token.
  """
  found: list[Span] = []
  for start, limit, label in spans:
    first, end = np.searchsorted(tokens[:, 0], [start, limit])
    # A span that begins inside of a token has it, too.
    if first and tokens[first - 1, 1] > start:
      first -= 1
    if found and found[-1].limit > first:
      first = found[-1].limit
    if first < end:
      found.append(Span(int(first), int(end), label))
  return found


def _tags(spans: Sequence[Span], size: int) -> list[str]:
  tags = ['O'] * size
  for start, limit, label in spans:
    tags[start] = f'B-{label}'
    tags[start + 1 : limit] = [f'I-{label}'] * (limit - start - 1)
  return tags


def _key(label: str, name: str) -> str:
  return f'{name}/{label}'


def entity_scores(
  gold: Sequence[Sequence[Span]],
  found: Sequence[Sequence[Span]],
  sizes: Sequence[int],
) -> dict[str, float]:
  """Precision, recall and F1 of exact spans, by seqeval.

  Args:
    gold: The entities of each sentence.
    found: Those that a tagger found.
    sizes: Tokens of each sentence.

  Returns:
    `precision`, `recall`, `f1`, `entities`; and each of them by label, as in
    `f1/PER`.
  """
  report = metrics.classification_report(
    [_tags(spans, size) for spans, size in zip(gold, sizes)],
    [_tags(spans, size) for spans, size in zip(found, sizes)],
    output_dict=True,
    mode='strict',
    scheme=IOB2,
    zero_division=0,
  )
  scores = {}
  for label, values in sorted(report.items()):
    if label in ('macro avg', 'weighted avg'):
      continue
    for ours, theirs in (
      ('precision', 'precision'),
      ('recall', 'recall'),
      ('f1', 'f1-score'),
      ('entities', 'support'),
    ):
      key = ours if label == 'micro avg' else _key(label, ours)
      scores[key] = float(values[theirs])
  return scores


def confusion(
  gold: Sequence[Sequence[Span]],
  found: Sequence[Sequence[Span]],
  labels: Sequence[str],
) -> np.ndarray:
  """Counts which label entities got.

  Args:
    gold: The entities of each sentence.
    found: Those that a tagger found.
    labels: Of both.

  Returns:
    int64 [labels + 1, labels + 2]. Rows: gold labels, `NOTHING` (found spans
    that overlap no gold entity). Columns: labels given to exactly these
    tokens, `OTHER_BOUNDS` (only spans that overlap it were found), `NOTHING`.
  """
  index = {label: i for i, label in enumerate(labels)}
  size = len(labels)
  table = np.zeros([size + 1, size + 2], np.int64)
  for its, ours in zip(gold, found):
    exact = {(s.start, s.limit): s.label for s in ours}
    for entity in its:
      label = exact.get((entity.start, entity.limit))
      overlaps = any(
        s.start < entity.limit and entity.start < s.limit for s in ours
      )
      column = size if overlaps else size + 1
      if label is not None:
        column = index[label]
      table[index[entity.label], column] += 1
    for span in ours:
      if not any(e.start < span.limit and span.start < e.limit for e in its):
        table[size, index[span.label]] += 1
  return table


def describe_confusion(table: np.ndarray, labels: Sequence[str]) -> str:
  """The table of `confusion` for people, a line a row."""
  rows, columns = [*labels, NOTHING], [*labels, OTHER_BOUNDS, NOTHING]
  first = max(len(name) for name in (*rows, 'gold \\ found'))
  widths = [max(len(name), 6) for name in columns]
  lines = [
    '  '.join(
      [
        'gold \\ found'.ljust(first),
        *(name.rjust(w) for name, w in zip(columns, widths)),
      ]
    )
  ]
  for name, counts in zip(rows, table):
    cells = (f'{n:,}'.rjust(w) for n, w in zip(counts, widths))
    lines.append('  '.join([name.ljust(first), *cells]))
  return '\n'.join(lines)


def describe_scores(scores: Mapping[str, float]) -> str:
  """The result of `entity_scores` for people, a line a label."""
  names = ('precision', 'recall', 'f1', 'entities')
  labels = [key.split('/')[1] for key in scores if key.startswith('f1/')]
  width = max(len(label) for label in (*labels, 'all'))
  lines = [' ' * width + ''.join(f'{name:>11}' for name in names)]
  for label in (*labels, ''):
    values = [scores[_key(label, n) if label else n] for n in names]
    cells = [f'{v:>11.4f}' for v in values[:3]] + [f'{values[3]:>11,.0f}']
    lines.append((label or 'all').ljust(width) + ''.join(cells))
  return '\n'.join(lines)
