# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import itertools

import numpy as np
import pytest

from realm_tf.questions import retrieval_measures

RELEVANCE = {
  'q2': {'d1': 1},
  'q1': {'d1': 2, 'd3': 1, 'd9': 0},
  'q3': {'d5': 1},
}
RUN = {
  'q1': {'d9': 3.0, 'd1': 2.0, 'd2': 1.0, 'd3': 0.5},
  'q2': {'d1': 0.1, 'd2': 0.0},
  'unknown': {'d1': 1.0},
}


def test_measures_by_query():
  values = retrieval_measures.by_query(
    RELEVANCE, RUN, ['Success@1', 'R@3', 'RR@10', 'nDCG@10']
  )
  np.testing.assert_allclose(values['Success@1'], [1, 0, 0])
  np.testing.assert_allclose(values['R@3'], [1, 1 / 2, 0])
  np.testing.assert_allclose(values['RR@10'], [1, 1 / 2, 0])
  gain = 2 / np.log2(3) + 1 / np.log2(5)
  ideal = 2 / np.log2(2) + 1 / np.log2(3)
  np.testing.assert_allclose(values['nDCG@10'], [1, gain / ideal, 0])
  with pytest.raises(ValueError, match='`measures`'):
    retrieval_measures.by_query(RELEVANCE, RUN, ['NoSuch@3'])


def test_interval_of_a_mean():
  values = np.repeat([0, 1], [70, 30])
  low, high = retrieval_measures.mean_interval(values)
  error = 1.96 * np.sqrt(0.3 * 0.7 / 100)
  np.testing.assert_allclose([low, high], [0.3 - error, 0.3 + error], atol=0.01)
  assert retrieval_measures.mean_interval(np.ones(9)) == (1, 1)


def test_paired_test_is_the_exact_one():
  one = np.array([1, 0.5, 0.25, 1, 0, 1, 1, 0.5])
  other = np.array([0, 0.5, 0.5, 0, 0, 0.5, 0, 0.25])
  differences = (one - other)[one != other]
  signs = np.array(list(itertools.product([-1, 1], repeat=len(differences))))
  sums = np.abs(signs @ np.abs(differences))
  exact = np.mean(sums >= abs(differences.sum()))
  p = retrieval_measures.paired_p_value(one, other)
  assert abs(p - exact) < 0.01
  assert p == retrieval_measures.paired_p_value(other, one)
  assert retrieval_measures.paired_p_value(one, one) == 1


def test_table():
  systems = {
    'BM25': {'RR@10': np.repeat([0.0, 1.0], 100)},
    'hybrid': {'RR@10': np.repeat([0.0, 1.0], [50, 150])},
  }
  header, bm25, hybrid, test = retrieval_measures.table(systems).split('\n')
  assert header.split() == ['system', 'RR@10']
  assert bm25.startswith('BM25    0.500 (0.4')
  assert hybrid.startswith('hybrid  0.750 (0.6')
  assert test == 'hybrid against BM25: RR@10 +0.250 (p 0.0001)'
