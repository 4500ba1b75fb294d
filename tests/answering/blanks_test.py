# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np

from realm_tf.answering import blanks

TARGETS = np.array([[5, 6, 0], [5, 6, 0], [7, 0, 0], [0, 0, 0]])
PREDICTED = np.array([[5, 6, 9], [5, 8, 0], [7, 1, 1], [0, 0, 0]])
MASK = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 0], [0, 0, 0]])


def test_all_wordpieces_of_a_blank_must_be_right():
  np.testing.assert_array_equal(
    blanks.filled_right(PREDICTED, TARGETS, MASK), [True, False, True, False]
  )


def test_accuracy_over_batches():
  metric = blanks.BlankAccuracy()
  metric.update(PREDICTED[:1], TARGETS[:1], MASK[:1])
  metric.update(PREDICTED[1:], TARGETS[1:], MASK[1:])
  assert metric.result() == {
    'blank_accuracy': 2 / 3,
    'wordpiece_accuracy': 4 / 5,
  }
  assert (metric.blanks, metric.wordpieces) == (3, 5)


def test_nothing_is_nan():
  assert all(math.isnan(v) for v in blanks.BlankAccuracy().result().values())
