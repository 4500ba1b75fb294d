# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How often the right document is among the first that were retrieved."""

from collections.abc import Sequence

import numpy as np


def ranks_of(retrieved: np.ndarray, relevant: np.ndarray) -> np.ndarray:
  """Where the first relevant document stands in each list.

  Args:
    retrieved: Rows of documents `[queries, n]`, the best first. Negative rows
      are no documents (the null document) and do not take a place.
    relevant: Right rows `[queries]` or `[queries, r]`; padded with -1.

  Returns:
    int64 `[queries]`: 0 for the first place; n where there is none.
  """
  retrieved = np.asarray(retrieved)
  relevant = np.asarray(relevant).reshape(len(retrieved), -1)
  real = retrieved >= 0
  hits = real & (retrieved[:, :, None] == relevant[:, None, :]).any(-1)
  places = np.cumsum(real, axis=1) - 1
  first = hits.argmax(axis=1)
  found = np.take_along_axis(places, first[:, None], axis=1)[:, 0]
  return np.where(hits.any(axis=1), found, retrieved.shape[1]).astype(np.int64)


def recall_at(
  retrieved: np.ndarray, relevant: np.ndarray, ks: Sequence[int]
) -> dict[int, float]:
  """Share of queries with a relevant document among the first k, by k.

  Args:
    retrieved: As of `ranks_of`.
    relevant: As of `ranks_of`.
    ks: Numbers of documents; at most n, or recall would be told too low.
  """
  metric = RecallAt(ks)
  metric.update(retrieved, relevant)
  return metric.result()


class RecallAt:
  """Recall over batches.

  Example:
    recall = RecallAt([1, 5])
    for batch in batches:
      recall.update(rows_found, rows_right)
    recall.result()  # {1: 0.41, 5: 0.73}
  """

  def __init__(self, ks: Sequence[int]):
    """Counts hits among the first k, for each k of `ks`."""
    if not ks or min(ks) < 1:
      raise ValueError(f'each k must be at least 1. Received: {list(ks)}')
    self._ks = sorted(set(ks))
    self._hits = np.zeros(len(self._ks), np.int64)
    self.count = 0

  def update(self, retrieved: np.ndarray, relevant: np.ndarray) -> None:
    """Counts a batch; see `ranks_of`."""
    retrieved = np.asarray(retrieved)
    if not len(retrieved):
      return
    if retrieved.shape[1] < self._ks[-1]:
      raise ValueError(
        f'recall at {self._ks[-1]} needs as many documents for each query.'
        f' Received: {retrieved.shape[1]}'
      )
    ranks = ranks_of(retrieved, relevant)
    self._hits += (ranks[:, None] < np.array(self._ks)).sum(0)
    self.count += len(ranks)

  @property
  def hits(self) -> dict[int, int]:
    """Queries with a relevant document among the first k, by k."""
    return {k: int(count) for k, count in zip(self._ks, self._hits)}

  def result(self) -> dict[int, float]:
    """Recall by k; nan before the first query."""
    return {k: hits / (self.count or np.nan) for k, hits in self.hits.items()}
