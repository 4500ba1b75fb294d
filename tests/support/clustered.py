# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Vectors with neighbours, as embeddings have: ScaNN fails on pure noise."""

import numpy as np


def vectors(seed: int, rows: int, dim: int = 32, clusters: int = 300):
  """Returns float32 `[rows, dim]` around centres that all seeds share."""
  centres = np.random.default_rng(0).standard_normal((clusters, dim))
  rng = np.random.default_rng(seed)
  noise = 0.3 * rng.standard_normal((rows, dim))
  return (centres[rng.integers(clusters, size=rows)] + noise).astype(np.float32)


def best_rows(embeddings: np.ndarray, queries: np.ndarray, k: int):
  """The true answer: int `[batch, k]`."""
  scores = queries.astype(np.float64) @ embeddings.astype(np.float64).T
  return np.argsort(-scores, axis=1, kind='stable')[:, :k]
