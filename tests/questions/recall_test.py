# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest

from realm_tf.questions import recall

RETRIEVED = np.array([[4, 2, 9], [4, 2, 9], [4, 2, 9], [7, 7, 1]])
RELEVANT = np.array([4, 9, 5, 1])


def test_recall():
  np.testing.assert_array_equal(
    recall.ranks_of(RETRIEVED, RELEVANT), [0, 2, 3, 2]
  )
  assert recall.recall_at(RETRIEVED, RELEVANT, [1, 2, 3]) == {
    1: 0.25,
    2: 0.25,
    3: 0.75,
  }


def test_any_of_several_relevant_documents_counts():
  relevant = [[9, 2], [0, -1], [4, 9], [-1, -1]]
  np.testing.assert_array_equal(
    recall.ranks_of(RETRIEVED, relevant), [1, 3, 0, 3]
  )


def test_the_null_document_takes_no_place_and_is_never_right():
  rows = np.array([[-1, 4, 2], [-1, -1, 9]])
  np.testing.assert_array_equal(
    recall.ranks_of(rows, [[2, -1], [9, 9]]), [1, 0]
  )
  np.testing.assert_array_equal(recall.ranks_of(rows, [-1, -1]), [3, 3])


def test_batches_are_as_good_as_one():
  metric = recall.RecallAt([3, 1])
  metric.update(RETRIEVED[:3], RELEVANT[:3])
  metric.update(RETRIEVED[3:], RELEVANT[3:])
  metric.update(np.zeros([0, 3]), np.zeros([0]))
  assert metric.result() == recall.recall_at(RETRIEVED, RELEVANT, [1, 3])
  assert metric.count == 4
  assert math.isnan(recall.RecallAt([1]).result()[1])


def test_errors_name_what_was_given():
  with pytest.raises(ValueError, match='Received: 3'):
    recall.recall_at(RETRIEVED, RELEVANT, [1, 4])
  with pytest.raises(ValueError, match=r'Received: \[0, 1\]'):
    recall.RecallAt([0, 1])
