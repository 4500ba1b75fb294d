# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from realm_tf.spans import entities
from realm_tf.spans.conll import Entity

GOLD = [[Entity(0, 2, 'PER'), Entity(3, 4, 'LOC')], [Entity(1, 3, 'LOC')], []]
FOUND = [
  [Entity(0, 2, 'PER'), Entity(3, 4, 'PER')],
  [Entity(1, 2, 'LOC')],
  [Entity(0, 1, 'LOC')],
]


def test_scores_are_of_exact_spans():
  scores = entities.entity_scores(GOLD, FOUND, [5, 4, 2])
  assert scores['precision'] == pytest.approx(1 / 4)
  assert scores['recall'] == pytest.approx(1 / 3)
  assert scores['f1'] == pytest.approx(2 / 7)
  assert scores['f1/PER'] == pytest.approx(2 / 3)
  assert scores['f1/LOC'] == 0
  assert (scores['entities'], scores['entities/LOC']) == (3, 2)
  # Side by side with one label, they are two.
  two = [[Entity(0, 1, 'A'), Entity(1, 2, 'A')]]
  assert entities.entity_scores(two, [[Entity(0, 2, 'A')]], [2])['f1'] == 0
  assert entities.entity_scores(two, two, [2])['f1'] == 1
  assert 'LOC' in entities.describe_scores(scores)
  last = entities.describe_scores(scores).splitlines()[-1].split()
  assert last == ['all', '0.2500', '0.3333', '0.2857', '3']


def test_confusion():
  table = entities.confusion(GOLD, FOUND, ('LOC', 'PER'))
  assert table.tolist() == [[0, 1, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0]]
  shown = entities.describe_confusion(table, ('LOC', 'PER')).splitlines()
  assert shown[0].split('  ')[0] == 'gold \\ found'
  assert shown[1].split() == ['LOC', '0', '1', '1', '0']


def test_byte_spans_over_tokens():
  tokens = np.array([[0, 3], [4, 9], [10, 11]])
  find = entities.spans_over_tokens
  assert find([(0, 9, 'A'), (10, 11, 'B')], tokens) == [
    (0, 2, 'A'),
    (2, 3, 'B'),
  ]
  # A part of a token stands for it, once.
  assert find([(4, 6, 'A'), (7, 9, 'B')], tokens) == [(1, 2, 'A')]
  assert find([(5, 9, 'A')], tokens) == [(1, 2, 'A')]
  assert find([], tokens) == []
