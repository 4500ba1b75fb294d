# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import itertools

import numpy as np
import pytest

from realm_tf.questions import questions
from realm_tf.questions.qa_datasets import QaExample
from tests.support import small_world


def test_questions_and_answers_are_tokenized_once():
  tokenizer = small_world.tokenizer()
  made = questions.Questions(
    [
      QaExample('Paris .', ('Rome', '\u6771 city', 'big city', '\u200b', '.')),
      QaExample('Lima', ('R.me',), is_regex=True),
      QaExample('Peru', ('Lima',)),
    ],
    tokenizer,
  )
  assert len(made) == 3
  assert tokenizer.tokens(made.ids[0].numpy()) == ['paris', '.']
  # No wordpiece, an unknown one, or empty after normalization: nowhere.
  assert [
    tokenizer.tokens(answer.numpy()) for answer in made.answer_ids(0)
  ] == [['rome'], ['big', 'city']]
  assert made.answer_ids(1).nrows() == 0
  assert tokenizer.tokens(made.answer_ids(2)[0].numpy()) == ['lima']
  with pytest.raises(ValueError, match='no question'):
    questions.Questions([], tokenizer)


def test_every_epoch_has_each_row_once_in_another_order():
  rows = np.concatenate(
    list(itertools.islice(questions.shuffled_rows(10, 4, seed=3), 5))
  )
  first, second = rows[:10], rows[10:]
  assert sorted(first) == sorted(second) == list(range(10))
  assert first.tolist() != second.tolist()


def test_a_restart_goes_on_with_the_same_batches():
  whole = list(itertools.islice(questions.shuffled_rows(7, 3, seed=1), 9))
  for start in (1, 4, 8):
    rest = questions.shuffled_rows(7, 3, seed=1, start_batch=start)
    np.testing.assert_array_equal(
      list(itertools.islice(rest, 9 - start)), whole[start:]
    )
  other = list(itertools.islice(questions.shuffled_rows(7, 3, seed=2), 9))
  assert not np.array_equal(whole, other)


def test_ordered_rows_end():
  found = [rows.tolist() for rows in questions.ordered_rows(5, 2)]
  assert found == [[0, 1], [2, 3], [4]]
