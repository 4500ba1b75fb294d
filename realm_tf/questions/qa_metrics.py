# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How well questions are answered, and which part is at fault where not."""

from collections.abc import Sequence

import numpy as np

from realm_tf.questions.recall import RecallAt

# Numbers of blocks at which retrieval is measured.
RECALL_AT = (1, 5, 10, 20, 50, 100, 500, 1000, 5000)


def recall_depths(depth: int) -> tuple[int, ...]:
  """Those of `RECALL_AT` that `depth` retrieved blocks tell something about.

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
  """The percentile bootstrap interval of a share.

  Of `count` answers that are right or wrong, a sample drawn with replacement
  has a number of right ones that is binomial: it is drawn as such, which is
  the bootstrap without its loops.

  Args:
    right: How many are right.
    count: Of how many.
    confidence: Share of the samples within the interval.
    samples: How many are drawn.
    seed: The same one gives the same interval.

  Returns:
    Its ends, as shares; nan if there is nothing to draw from.

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


def share_with_interval(
  name: str,
  right: int,
  count: int,
  *,
  confidence: float = 0.95,
  seed: int = 0,
) -> dict[str, float]:
  """A share under `name`, and its interval under `name` with `_low`, `_high`.

  All are nan where `count` is 0. For the arguments see `bootstrap_interval`.
  """
  low, high = bootstrap_interval(right, count, confidence=confidence, seed=seed)
  share = right / (count or np.nan)
  return {name: share, f'{name}_low': low, f'{name}_high': high}


class ExactMatch:
  """Share of questions that are answered rightly, with its interval.

  Example:
    exact_match = ExactMatch()
    for batch in batches:
      exact_match.update([is_correct(p, e.answers) for p, e in batch])
    exact_match.result()['exact_match']
  """

  def __init__(self, *, confidence: float = 0.95, seed: int = 0):
    """See `bootstrap_interval`."""
    self._confidence = confidence
    self._seed = seed
    self.right = 0
    self.count = 0

  def update(self, correct: np.ndarray | Sequence[bool]) -> None:
    """Counts a batch: bool [batch]."""
    correct = np.asarray(correct, bool)
    self.right += int(correct.sum())
    self.count += len(correct)

  def result(self) -> dict[str, float]:
    """`exact_match`, and `_low` and `_high`; nan before the first question."""
    return share_with_interval(
      'exact_match',
      self.right,
      self.count,
      confidence=self._confidence,
      seed=self._seed,
    )


class HitAt:
  """Share of questions with a hit among the first n of a list.

  With blocks that hold an answer it is answer recall, with span candidates
  that are right the reader's oracle.
  """

  def __init__(self, ns: Sequence[int]):
    """Counts hits among the first n, for each n of `ns`."""
    self._recall = RecallAt(ns)

  @property
  def count(self) -> int:
    """Questions so far."""
    return self._recall.count

  @property
  def hits(self) -> dict[int, int]:
    """Questions with a hit among the first n, by n."""
    return self._recall.hits

  def update(self, hits: np.ndarray) -> None:
    """Counts a batch.

    Args:
      hits: bool [batch, n], the best first; n is at least the largest of `ns`,
        with False where a list is shorter.

    Raises:
      ValueError: The lists are too short, or there is no list.
    """
    hits = np.asarray(hits, bool)
    if hits.ndim != 2:
      raise ValueError(f'hits must be [batch, n]. Received: {hits.shape}')
    # Row 1 is right, row 0 is not.
    self._recall.update(hits.astype(np.int64), np.ones(len(hits), np.int64))

  def result(self) -> dict[int, float]:
    """Share by n; nan before the first question."""
    return self._recall.result()


class QaMetrics:
  """All measures of open-domain question answering over batches.

  Example:
    metrics = QaMetrics(depth=5000, reader_beam=5, spans=5)
    for batch in batches:
      metrics.update(correct=..., has_answer=..., spans_correct=...)
    metrics.result()  # {'exact_match': 0.39, 'answer_recall@1': 0.33, ...}
  """

  def __init__(
    self,
    *,
    depth: int,
    reader_beam: int = 5,
    spans: int = 5,
    confidence: float = 0.95,
    seed: int = 0,
  ):
    """Starts with nothing.

    Args:
      depth: Blocks retrieved for each question; recall is measured at those of
        `RECALL_AT` that are not more.
      reader_beam: The first of them, which the reader reads.
      spans: Candidates of the reader among which the oracle chooses.
      confidence: Of the intervals.
      seed: Of the same.

    Raises:
      ValueError: One of the numbers is not positive, or the reader reads more
        than is retrieved.
    """
    if not 1 <= reader_beam <= depth or spans < 1:
      raise ValueError(
        'it must hold 1 <= reader_beam <= depth and 1 <= spans. Received:'
        f' {reader_beam}, {depth}, {spans}'
      )
    self._reader_beam = reader_beam
    self._confidence = confidence
    self._seed = seed
    self._exact_match = ExactMatch()
    self._if_retrieved = ExactMatch()
    self._oracle = HitAt(sorted({1, spans}))
    self._answer_recall = HitAt(recall_depths(depth))
    self._gold_recall = RecallAt(recall_depths(depth))
    self._knows_read = False
    self.questions = 0

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
      spans_correct: bool [batch, spans], the same of the reader's candidates,
        the best first.
      has_answer: bool [batch, depth], whether a retrieved block holds an
        answer, the best first.
      read_has_answer: bool [batch, blocks], the same of the blocks that the
        reader read; without it these are the first `reader_beam` of those.
      retrieved: Rows of the blocks retrieved [batch, depth].
      gold: Rows of the gold paragraph [batch] or [batch, r], padded with -1;
        questions without any are not counted. Needs `retrieved`.

    Raises:
      ValueError: The arguments are of different batch sizes, `gold` comes
        without `retrieved`, or lists are shorter than promised.
    """
    given = {
      name: np.asarray(value)
      for name, value in (
        ('correct', correct),
        ('spans_correct', spans_correct),
        ('has_answer', has_answer),
        ('read_has_answer', read_has_answer),
        ('retrieved', retrieved),
        ('gold', gold),
      )
      if value is not None
    }
    sizes = {name: len(value) for name, value in given.items()}
    if len(set(sizes.values())) != 1:
      raise ValueError(f'all must be of one batch. Received sizes: {sizes}')
    if 'gold' in given and 'retrieved' not in given:
      raise ValueError('gold rows need the retrieved ones. Received: None')
    if 'spans_correct' in given:
      self._oracle.update(given['spans_correct'])
    if 'has_answer' in given:
      self._answer_recall.update(given['has_answer'])
    if 'gold' in given:
      rows = given['gold']
      rows = rows[:, None] if rows.ndim == 1 else rows
      known = (rows >= 0).any(1)
      self._gold_recall.update(given['retrieved'][known], rows[known])
    if 'correct' in given:
      right = given['correct'].astype(bool)
      self._exact_match.update(right)
      read = given.get('read_has_answer')
      if read is None and 'has_answer' in given:
        read = given['has_answer'][:, : self._reader_beam]
      if read is not None:
        self._if_retrieved.update(right[read.astype(bool).any(1)])
        self._knows_read = True
    self.questions += next(iter(sizes.values()))

  def result(self) -> dict[str, float]:
    """What was measured, as shares, each with `_low` and `_high`.

    `exact_match`; `exact_match_if_retrieved`, of the questions with an answer
    in a block that the reader read, nan if there are none; `reader_oracle@n`;
    `answer_recall@k`; `gold_recall@k`; `questions` and `gold_questions`, their
    numbers.
    """
    result: dict[str, float] = {'questions': self.questions}

    def tell(name: str, right: int, count: int) -> None:
      result.update(
        share_with_interval(
          name, right, count, confidence=self._confidence, seed=self._seed
        )
      )

    if self._exact_match.count:
      tell('exact_match', self._exact_match.right, self._exact_match.count)
    if self._knows_read:
      its = self._if_retrieved
      tell('exact_match_if_retrieved', its.right, its.count)
    for name, metric in (
      ('reader_oracle', self._oracle),
      ('answer_recall', self._answer_recall),
      ('gold_recall', self._gold_recall),
    ):
      if metric.count:
        for k, hits in metric.hits.items():
          tell(f'{name}@{k}', hits, metric.count)
    if self._gold_recall.count:
      result['gold_questions'] = self._gold_recall.count
    return result
