# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import tensorflow as tf

from realm_tf.corpus.document import CorpusError
from realm_tf.questions import block_questions
from realm_tf.questions.qa_datasets import QaExample
from tests.support import small_world

# Of blocks 2, none, 0, 2 and 2.
_IDS = [[10], [11, 12], [], [13, 14, 15], [16]]
_ROWS = np.array([2, -1, 0, 2, 2])


def _questions(ids=None, rows=_ROWS):
  ids = tf.ragged.constant(ids or _IDS, tf.int32, row_splits_dtype=tf.int64)
  return block_questions.BlockQuestions(ids, np.array(rows), num_blocks=4)


def test_draws_fairly_of_its_own():
  questions = _questions()
  assert questions.num_questions == 4
  drawn = questions.draw(
    np.tile([0, 1, 2, 3], 3000), np.random.default_rng(0)
  ).reshape(-1, 4)
  assert set(drawn[:, 0]) == {2}
  assert set(drawn[:, 1]) == set(drawn[:, 3]) == {-1}
  shares = [np.mean(drawn[:, 2] == q) for q in (0, 3, 4)]
  np.testing.assert_allclose(shares, 1 / 3, atol=0.04)


def test_gathers_wordpieces():
  ids, splits = _questions().gather(np.array([3, -1, 2, 0, 4, 3]))
  assert ids.tolist() == [13, 14, 15, 10, 16, 13, 14, 15]
  assert splits.tolist() == [0, 3, 3, 3, 4, 5, 8]
  assert (ids.dtype, splits.dtype) == (np.int32, np.int64)
  ids, splits = _questions().gather(np.array([-1]))
  assert not ids.size and splits.tolist() == [0, 0]


def test_fingerprint_is_of_what_is_trained_on():
  mine = _questions().fingerprint
  assert mine == _questions().fingerprint
  # The second one has no block.
  assert mine == _questions([[10], [7], *_IDS[2:]]).fingerprint
  others = [
    _questions([[9], *_IDS[1:]]),
    _questions([[10], [11, 12], [13], [14, 15], [16]]),
    _questions(rows=[2, -1, 1, 2, 2]),
    _questions(rows=[2, -1, 0, 2, -1]),
    _questions(rows=[-1] * 5),
  ]
  assert len({mine, *(o.fingerprint for o in others)}) == 6


def test_finds_blocks_by_the_paragraphs_they_are_of(tmp_path):
  corpus = small_world.store(
    tmp_path / 'corpus',
    [('Rome', 'Rome is old.'), ('Paris', 'The city is old.')],
    ['6', '7'],
  )

  def example(gold_id):
    return QaExample('Is the city old?', ('yes',), gold_id=gold_id)

  def find(*examples):
    return block_questions.find_blocks(
      examples, corpus, small_world.tokenizer()
    )

  found = find(example(8), example(7), example(None))
  assert found.num_questions == 1
  drawn = found.draw(np.array([0, 1]), np.random.default_rng(0))
  assert drawn.tolist() == [-1, 1]
  for gold_id in (8, None):
    with pytest.raises(CorpusError, match='gold paragraphs'):
      find(example(gold_id))
