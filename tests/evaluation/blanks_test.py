# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from realm_tf.evaluation import blanks


def test_every_wordpiece_must_be_right():
  predicted = np.array([[5, 6, 0], [5, 7, 0], [8, 1, 1], [1, 2, 3]])
  right = blanks.filled_right(predicted, [[5, 6], [5, 6], [8], [1, 2, 3]])
  assert right.tolist() == [True, False, True, True]
  with pytest.raises(ValueError, match='sentence 0'):
    blanks.filled_right(predicted, [[1, 2, 3, 4]])


def test_recall_of_titles():
  titles = [['a', 'b', 'c'], ['b', 'b', 'd'], ['x', 'y', 'z']]
  recall = blanks.titles_found(titles, ['b', 'b', 'w'], [1, 2, 3])
  assert recall == {1: pytest.approx(1 / 3), 2: pytest.approx(2 / 3), 3: 2 / 3}
  with pytest.raises(ValueError, match='no query'):
    blanks.titles_found([], [], [1])
