# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Fits the weights of vectors and words to questions, by likelihood."""

from collections.abc import Callable, Sequence

import numpy as np

from realm_tf.configs.retrieval_config import RetrievalConfig
from realm_tf.index.index import Index
from realm_tf.index.retrieval import DEPTH

_BATCH = 64
_STEPS = 100
_CONVERGED = 1e-6
_RIDGE = 1e-6  # Of the curvature, relative to its mean.


def _log_softmax(scores: np.ndarray) -> np.ndarray:
  scores = scores - scores.max(1, keepdims=True)
  return scores - np.log(np.exp(scores).sum(1, keepdims=True))


def maximize(
  products: np.ndarray, bm25: np.ndarray, relevant: np.ndarray
) -> tuple[float, float]:
  """Maximizes the probability of relevant candidates together.

  p(z | x) is the softmax of s <q, d> + w BM25 over the candidates of a
  question, and the likelihood of the question the sum over those that are
  relevant. Newton's method, with the curvature of all candidates.

  Args:
    products: Inner products of questions and candidates `[questions, n]`; -inf
      where there is no candidate.
    bm25: Their BM25.
    relevant: Which candidates are relevant, bool.

  Returns:
    The weights s and w.

  Raises:
    ValueError: No question has relevant candidates and others.
  """
  there = np.isfinite(products)
  relevant = relevant & there
  usable = relevant.any(1) & (there & ~relevant).any(1)
  if not usable.any():
    raise ValueError(
      'the weights of `retrieval` hybrid cannot be fitted: of no question'
      ' a relevant document is found'
    )
  there, relevant = there[usable], relevant[usable]
  values = np.stack([products[usable], bm25[usable]], -1).astype(np.float64)
  values[~there] = 0
  scale = np.sqrt(np.square(values).sum((0, 1)) / there.sum())
  values /= np.where(scale > 0, scale, 1)

  def likelihood(weights: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    scores = np.where(there, values @ weights, -np.inf)
    log_probs = _log_softmax(scores)
    among = np.where(relevant, log_probs, -np.inf)
    total = np.logaddexp.reduce(among, axis=1).mean()
    return total, np.exp(log_probs), np.exp(_log_softmax(among))

  weights = np.ones(2)
  value, probs, posterior = likelihood(weights)
  for _ in range(_STEPS):
    count = len(values)
    gradient = np.einsum('qn,qnf->f', posterior - probs, values) / count
    means = np.einsum('qn,qnf->qf', probs, values)
    curvature = np.einsum('qn,qnf,qng->fg', probs, values, values)
    curvature = (curvature - means.T @ means) / count
    ridge = _RIDGE * np.trace(curvature) + 1e-12
    step = np.linalg.solve(curvature + ridge * np.eye(2), gradient)
    size = 1.0
    while size > _CONVERGED:
      found = likelihood(weights + size * step)
      if found[0] > value:
        break
      size /= 2
    else:
      break
    gain = found[0] - value
    weights = weights + size * step
    value, probs, posterior = found
    if gain < _CONVERGED:
      break
  s, w = weights / np.where(scale > 0, scale, 1)
  return float(s), float(w)


def fit_weights(
  index: Index,
  questions: Sequence[str],
  is_relevant: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> RetrievalConfig:
  """Fits the weights of `hybrid` retrieval to questions.

  They must not be those that it is measured on.

  Args:
    index: Index with vectors, their embedder, and BM25.
    questions: Questions.
    is_relevant: Tells which candidates are relevant, bool `[batch, n]`, from
      numbers of questions, int `[batch]`, and rows, int `[batch, n]`, of which
      some are -1.

  Returns:
    The configuration of the hybrid.

  Raises:
    ValueError: No relevant document is found, or the index lacks a part.
  """
  parts: list[tuple[np.ndarray, ...]] = []
  for start in range(0, len(questions), _BATCH):
    its = questions[start : start + _BATCH]
    rows, products, bm25 = index.candidates(its, DEPTH)
    again = np.pad(rows[:, 1:] == rows[:, :-1], [(0, 0), (1, 0)])
    products = np.where(again | (rows < 0), -np.inf, products)
    relevant = is_relevant(np.arange(start, start + len(its)), rows)
    parts.append((products, bm25, relevant))
  products, bm25, relevant = map(np.concatenate, zip(*parts))
  s, w = maximize(products, bm25, relevant)
  return RetrievalConfig(retrieval='hybrid', dense_weight=s, lexical_weight=w)
