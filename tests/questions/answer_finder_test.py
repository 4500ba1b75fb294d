# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from realm_tf.questions.answer_finder import AnswerFinder
from realm_tf.questions.qa_datasets import QaExample
from realm_tf.questions.questions import Questions
from tests.support import small_world

BLOCKS = [
  ('France', 'Paris is the capital of France .'),
  ('England', 'London is big . Paris is old .'),
  ('Peru', 'Lima'),
]
EXAMPLES = [
  QaExample('capital of France ?', ('PARIS', 'Rome')),
  QaExample('big city ?', ('l[io]n?', 'nothing'), is_regex=True),
]


@pytest.fixture(scope='module')
def made(tmp_path_factory):
  tokenizer = small_world.tokenizer()
  store = small_world.store(tmp_path_factory.mktemp('store'), BLOCKS)
  finder = AnswerFinder(Questions(EXAMPLES, tokenizer), store, tokenizer)
  return finder, store, tokenizer


def test_blocks_with_an_answer(made):
  finder, _, _ = made
  rows = np.array([2, 1, 0])
  assert finder.has_answer(0, rows).tolist() == [False, True, True]
  assert finder.has_answer(1, rows).tolist() == [True, True, False]


@pytest.mark.parametrize('numbers', [[0], [1], [0, 1]])
def test_spans_are_the_answers(made, numbers):
  finder, store, tokenizer = made
  rows = np.array([[0, 1, 2]] * len(numbers))
  _, body_ids = store.gather(rows)
  starts, ends = finder.spans(numbers, rows, body_ids)
  assert starts.shape == ends.shape and len(starts) == 3 * len(numbers)
  found = [
    [
      ' '.join(tokenizer.tokens(ids[start : end + 1].numpy()))
      for start, end in zip(its_starts, its_ends)
      if start >= 0
    ]
    for ids, its_starts, its_ends in zip(body_ids, starts, ends)
  ]
  expected = {0: [['paris'], ['paris'], []], 1: [[], ['london'], ['lima']]}
  assert found == [words for number in numbers for words in expected[number]]
