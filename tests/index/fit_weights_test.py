# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from realm_tf.index import fit_weights


def _questions(s, w, count=4000, n=30, seed=0):
  """Candidates of which the relevant one is drawn by the softmax."""
  rng = np.random.default_rng(seed)
  products = rng.normal(0.5, 0.2, (count, n))
  bm25 = rng.gamma(2.0, 4.0, (count, n))
  scores = s * products + w * bm25 + rng.gumbel(size=(count, n))
  relevant = np.arange(n) == scores.argmax(1)[:, None]
  return products, bm25, relevant


@pytest.mark.parametrize(('s', 'w'), [(10.0, 0.3), (2.0, 0.0), (0.0, 0.8)])
def test_weights_of_the_distribution_are_found(s, w):
  products, bm25, relevant = _questions(s, w)
  # Places without a candidate, and questions without a relevant one.
  products[:, -1] = -np.inf
  relevant[::10] = False
  found = fit_weights.maximize(products, bm25, relevant)
  np.testing.assert_allclose(found, (s, w), rtol=0.1, atol=0.15)


def test_it_is_the_maximum_where_several_are_relevant():
  products, bm25, relevant = _questions(8.0, 0.2, count=300)
  relevant |= np.random.default_rng(1).random(relevant.shape) < 0.1
  s, w = fit_weights.maximize(products, bm25, relevant)

  def likelihood(s, w):
    scores = s * products + w * bm25
    among = np.where(relevant, scores, -np.inf)
    total = np.logaddexp.reduce(among, 1) - np.logaddexp.reduce(scores, 1)
    return total.mean()

  best = likelihood(s, w)
  for ds, dw in ((0.1, 0), (-0.1, 0), (0, 0.01), (0, -0.01)):
    assert likelihood(s + ds, w + dw) < best


def test_nothing_to_fit():
  products, bm25, relevant = _questions(1.0, 1.0, count=5)
  with pytest.raises(ValueError, match='of no question a relevant document'):
    fit_weights.maximize(products, bm25, relevant & False)
