# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Random documents with the interface of `realm_tf.corpus.corpus`."""

import numpy as np
import tensorflow as tf


class ToyDocuments:
  def __init__(self, size, seed=0):
    rng = np.random.default_rng(int(seed))

    def sentences(longest):
      return [
        rng.integers(4, 900, size=rng.integers(longest)).tolist()
        for _ in range(size)
      ]

    self.titles, self.bodies = sentences(6), sentences(60)
    self.fingerprint = f'toy-{size}-{int(seed)}'
    self.vocab_fingerprint = 'toy-vocabulary'

  def __len__(self):
    return len(self.titles)

  @property
  def title_lengths(self):
    return np.array([len(t) for t in self.titles], np.int64)

  @property
  def body_lengths(self):
    return np.array([len(b) for b in self.bodies], np.int64)

  def gather(self, rows):
    return tuple(
      tf.ragged.constant(
        [texts[r] if r >= 0 else [] for r in rows],
        dtype=tf.int32,
        ragged_rank=1,
        row_splits_dtype=tf.int64,
      )
      for texts in (self.titles, self.bodies)
    )
