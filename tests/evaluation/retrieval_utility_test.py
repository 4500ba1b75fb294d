# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest

from realm_tf.evaluation import retrieval_utility
from tests import shared_data

GOLD = np.log([[[0.1, 0.5], [0.4, 0.25], [0.2, 0.9]]])  # [1, 3, 2]
LOG_PROBS = np.log([[0.5, 0.3, 0.2]])


def test_candidate_utility():
  both = retrieval_utility.candidate_utility(GOLD, np.ones([1, 2]))
  np.testing.assert_allclose(both, [[0, math.log(2), math.log(3.6)]])
  first = retrieval_utility.candidate_utility(GOLD, np.array([[1.0, 0.0]]))
  np.testing.assert_allclose(first, [[0, math.log(4), math.log(2)]])


def test_marginal_utility():
  found = retrieval_utility.marginal_utility(GOLD, LOG_PROBS)
  marginal = [0.5 * 0.1 + 0.3 * 0.4 + 0.2 * 0.2, 0.25 + 0.075 + 0.18]
  np.testing.assert_allclose(
    found, [[math.log(marginal[0] / 0.1), math.log(marginal[1] / 0.5)]]
  )


def test_means_are_by_mask_and_by_query():
  metric = retrieval_utility.RetrievalUtility()
  mask = np.array([[1.0, 0.0]])
  metric.update(GOLD, LOG_PROBS, mask)
  metric.update(GOLD, LOG_PROBS, np.zeros([1, 2]))
  metric.update(GOLD, LOG_PROBS, np.ones([1, 2]))
  found = metric.result()
  utility = retrieval_utility.marginal_utility(GOLD, LOG_PROBS)[0]
  assert found['retrieval_utility'] == pytest.approx(
    (2 * utility[0] + utility[1]) / 3
  )
  assert found['best_candidate_utility'] == pytest.approx(
    (math.log(4) + math.log(3.6)) / 2
  )
  assert found['top_candidate_utility'] == pytest.approx(
    (math.log(4) + math.log(2)) / 2
  )
  assert found['null_probability'] == pytest.approx(0.5)
  assert (metric.masks, metric.queries) == (3, 2)


def test_nothing_is_nan():
  found = retrieval_utility.RetrievalUtility().result()
  assert all(math.isnan(value) for value in found.values())


def test_goldens():
  folder = shared_data.path('goldens')
  model = np.load(folder / 'model_tiny.npz')
  mask = np.load(folder / 'featurization.npz')['mlm_mask'][model['sel']]
  metric = retrieval_utility.RetrievalUtility()
  metric.update(model['gold_log_probs'], model['candidate_log_probs'], mask)
  assert metric.result()['retrieval_utility'] == pytest.approx(
    float(model['retrieval_utility']), abs=1e-6
  )
