# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Accuracy of filled blanks."""

from collections.abc import Sequence

import numpy as np


def filled_right(
  predicted: np.ndarray, answers: Sequence[Sequence[int]]
) -> np.ndarray:
  """Which sentences have every wordpiece of their blank right.

  Args:
    predicted: Likeliest wordpiece of each blank, int [batch, blanks]; what
      stands behind a sentence's own blanks does not count.
    answers: The wordpieces that were taken out.

  Returns:
    bool [batch].

  Raises:
    ValueError: A sentence has fewer predictions than wordpieces taken out.
  """
  right = np.zeros(len(answers), np.bool_)
  for i, answer in enumerate(answers):
    if len(answer) > predicted.shape[1]:
      raise ValueError(
        f'sentence {i} has {len(answer)} wordpieces to fill and'
        f' {predicted.shape[1]} predictions'
      )
    right[i] = list(predicted[i, : len(answer)]) == list(answer)
  return right


def titles_found(
  titles: Sequence[Sequence[str]], gold: Sequence[str], ks: Sequence[int]
) -> dict[int, float]:
  """Recall at k: how often a document of the gold title is among the first k.

  Args:
    titles: Of the retrieved documents of each query, best first.
    gold: The title to be found for each query.
    ks: Numbers of documents looked at.
  """
  if not gold:
    raise ValueError('there is no query to measure recall on')
  return {
    k: sum(g in found[:k] for found, g in zip(titles, gold)) / len(gold)
    for k in ks
  }
