# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Measures of retrieval and question answering, with confidence intervals."""

from collections.abc import Sequence

import numpy as np

# Numbers of blocks at which retrieval is measured.
RECALL_AT = (1, 5, 10, 20, 50, 100, 500, 1000, 5000)


def recall_depths(depth: int) -> tuple[int, ...]:
  """Returns those of `RECALL_AT` that `depth` retrieved blocks can measure.

  Raises:
    ValueError: `depth` is not positive.
  """
  if depth < 1:
    raise ValueError(f'depth must be at least 1. Received: {depth}')
  return tuple(k for k in RECALL_AT if k <= depth)


def bootstrap_interval(
  right: int,
  count: int,
  *,
  confidence: float = 0.95,
  samples: int = 100_000,
  seed: int = 0,
) -> tuple[float, float]:
  """Returns the percentile bootstrap interval of `right / count`.

  The number of right answers in a sample drawn with replacement is binomial,
  so that it is drawn directly.

  Args:
    right: Number of right answers.
    count: Number of answers.
    confidence: Share of the samples within the interval.
    samples: Number of bootstrap samples.
    seed: Seed of the bootstrap. Defaults to 0.

  Returns:
    Lower and upper end, as shares; nan if `count` is 0.

  Raises:
    ValueError: `right` is not between 0 and `count`, `confidence` not between
      0 and 1, or `samples` not positive.
  """
  if not 0 <= right <= count:
    raise ValueError(f'right must be 0 to count. Received: {right} of {count}')
  if not 0 < confidence < 1 or samples < 1:
    raise ValueError(
      'confidence must be between 0 and 1, and samples at least 1. Received:'
      f' {confidence}, {samples}'
    )
  if not count:
    return np.nan, np.nan
  rng = np.random.default_rng(seed)
  shares = rng.binomial(count, right / count, samples) / count
  tail = (1 - confidence) / 2
  low, high = np.quantile(shares, [tail, 1 - tail])
  return float(low), float(high)


def share_with_interval(name: str, right: int, count: int) -> dict[str, float]:
  """Returns a share as `name`, and its interval as `name_low`, `name_high`.

  All are nan where `count` is 0.
  """
  low, high = bootstrap_interval(right, count)
  share = right / (count or np.nan)
  return {name: share, f'{name}_low': low, f'{name}_high': high}


def relevance(retrieved: np.ndarray, relevant: np.ndarray) -> np.ndarray:
  """Finds out which of the retrieved documents are relevant.

  Args:
    retrieved: Rows of documents `[queries, n]`, best first. Negative rows are
      no documents (the null document) and do not take a place.
    relevant: Relevant rows `[queries]` or `[queries, r]`, padded with -1.

  Returns:
    bool `[queries, n]`; False after the last document.
  """
  retrieved = np.asarray(retrieved)
  relevant = np.asarray(relevant)
  if relevant.ndim == 1:
    relevant = relevant[:, None]
  hits = (retrieved[:, :, None] == relevant[:, None, :]).any(-1)
  order = np.argsort(retrieved < 0, axis=1, kind='stable')
  return np.take_along_axis(hits & (retrieved >= 0), order, axis=1)


class HitsAt:
  """Share of queries with a hit among the first k of a list, over batches.

  With `relevance` as hits this is recall, with blocks that contain an answer
  answer recall, and with span candidates that are right the reader's oracle.

  Example:
    recall = HitsAt([1, 5])
    for batch in batches:
      recall.update(relevance(rows_found, rows_relevant))
    recall.result()  # {1: 0.41, 5: 0.73}

  Attributes:
    count: Number of queries.
  """

  def __init__(self, ks: Sequence[int]):
    """Counts hits among the first k, for each k of `ks`."""
    if not ks or min(ks) < 1:
      raise ValueError(f'each k must be at least 1. Received: {list(ks)}')
    self._hits = dict.fromkeys(sorted(set(ks)), 0)
    self.count = 0

  @property
  def hits(self) -> dict[int, int]:
    """Number of queries with a hit among the first k, by k."""
    return dict(self._hits)

  def update(self, hits: np.ndarray) -> None:
    """Counts a batch.

    Args:
      hits: bool `[batch, n]`, best first; n is at least the largest k. False
        where a list is shorter.

    Raises:
      ValueError: The lists are too short, or `hits` is no matrix.
    """
    hits = np.asarray(hits, bool)
    if hits.ndim != 2:
      raise ValueError(f'hits must be [batch, n]. Received: {hits.shape}')
    if len(hits) and hits.shape[1] < max(self._hits):
      raise ValueError(
        f'hits at {max(self._hits)} need as many places for each query.'
        f' Received: {hits.shape[1]}'
      )
    for k in self._hits:
      self._hits[k] += int(hits[:, :k].any(1).sum())
    self.count += len(hits)

  def result(self) -> dict[int, float]:
    """Returns the share by k; nan before the first query."""
    return {k: hits / (self.count or np.nan) for k, hits in self._hits.items()}


class QaMetrics:
  """All measures of open-domain question answering over batches.

  Example:
    metrics = QaMetrics(depth=5000, reader_beam=5, spans=5)
    for batch in batches:
      metrics.update(correct=..., has_answer=..., spans_correct=...)
    metrics.result()  # {'exact_match': 0.39, 'answer_recall@1': 0.33, ...}
  """

  def __init__(self, *, depth: int, reader_beam: int = 5, spans: int = 5):
    """Starts with no questions.

    Args:
      depth: Number of blocks retrieved for each question; recall is measured at
        the `RECALL_AT` that are not greater.
      reader_beam: Number of first blocks that the reader reads.
      spans: Number of the reader's candidates among which the oracle chooses.
    """
    self._reader_beam = reader_beam
    self._measures = {
      'exact_match': HitsAt([1]),
      'exact_match_if_retrieved': HitsAt([1]),
      'reader_oracle': HitsAt([1, spans]),
      'answer_recall': HitsAt(recall_depths(depth)),
      'gold_recall': HitsAt(recall_depths(depth)),
    }
    self._used: set[str] = set()
    self.questions = 0

  def _count(self, name: str, hits: np.ndarray) -> None:
    self._measures[name].update(hits)
    # Among no questions a share is nan, and told.
    if len(hits) or name == 'exact_match_if_retrieved':
      self._used.add(name)

  def update(
    self,
    *,
    correct: np.ndarray | None = None,
    spans_correct: np.ndarray | None = None,
    has_answer: np.ndarray | None = None,
    read_has_answer: np.ndarray | None = None,
    retrieved: np.ndarray | None = None,
    gold: np.ndarray | None = None,
  ) -> None:
    """Counts a batch; what is not measured is left out.

    Args:
      correct: bool [batch], whether the predicted answer is right.
      spans_correct: bool [batch, spans], whether each of the reader's
        candidates is right, best first.
      has_answer: bool [batch, depth], whether a retrieved block contains an
        answer, best first.
      read_has_answer: bool [batch, blocks], whether a block that the reader
        read contains one. Defaults to the first `reader_beam` of `has_answer`.
      retrieved: Rows of the retrieved blocks [batch, depth].
      gold: Rows of the gold paragraph [batch] or [batch, r], padded with -1;
        questions without any are not counted. Needs `retrieved`.

    Raises:
      ValueError: The arguments are of different batch sizes, `gold` comes
        without `retrieved`, or lists are too short.
    """
    given = (
      correct,
      spans_correct,
      has_answer,
      read_has_answer,
      retrieved,
      gold,
    )
    sizes = {len(value) for value in given if value is not None}
    if len(sizes) != 1:
      raise ValueError(f'all must be of one batch. Received sizes: {sizes}')
    if spans_correct is not None:
      self._count('reader_oracle', spans_correct)
    if has_answer is not None:
      self._count('answer_recall', has_answer)
    if gold is not None:
      if retrieved is None:
        raise ValueError('gold rows need the retrieved ones. Received: None')
      rows = np.asarray(gold)
      known = rows >= 0 if rows.ndim == 1 else (rows >= 0).any(1)
      hits = relevance(np.asarray(retrieved)[known], rows[known])
      self._count('gold_recall', hits)
    if correct is not None:
      right = np.asarray(correct, bool)[:, np.newaxis]
      self._count('exact_match', right)
      read = read_has_answer
      if read is None and has_answer is not None:
        read = np.asarray(has_answer)[:, : self._reader_beam]
      if read is not None:
        has_read = np.asarray(read, bool).any(1)
        self._count('exact_match_if_retrieved', right[has_read])
    self.questions += sizes.pop()

  def result(self) -> dict[str, float]:
    """Returns what was measured, as shares, each with `_low` and `_high`.

    `exact_match`; `exact_match_if_retrieved`, among the questions with an
    answer in a block that the reader read, nan if there are none;
    `reader_oracle@n`; `answer_recall@k`; `gold_recall@k`; `questions` and
    `gold_questions`, their numbers.
    """
    result: dict[str, float] = {'questions': self.questions}
    for name, measure in self._measures.items():
      if name not in self._used:
        continue
      for k, hits in measure.hits.items():
        label = name if name.startswith('exact') else f'{name}@{k}'
        result.update(share_with_interval(label, hits, measure.count))
    if 'gold_recall' in self._used:
      result['gold_questions'] = self._measures['gold_recall'].count
    return result
