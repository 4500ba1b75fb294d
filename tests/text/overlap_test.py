# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from realm_tf.corpus import document_uids
from realm_tf.text import overlap
from tests.support import small_world


def _contains(sentence, body):
  size = len(sentence)
  return size > 0 and any(
    body[i : i + size] == sentence for i in range(len(body) - size + 1)
  )


@pytest.mark.parametrize('seed', [0, 1, 2])
def test_equals_a_search_one_by_one(seed):
  rng = np.random.default_rng(seed)
  draw = lambda limit: rng.integers(0, 4, rng.integers(0, limit)).tolist()  # noqa: E731
  sentences = [draw(6) for _ in range(40)]
  bodies = [draw(30) for _ in range(40 * 5)]
  got = overlap.contains_sentence(
    small_world.ragged(sentences), small_world.ragged(bodies)
  )
  expected = [
    [_contains(s, bodies[i * 5 + j]) for j in range(5)]
    for i, s in enumerate(sentences)
  ]
  np.testing.assert_array_equal(got, expected)
  assert 0.05 < np.mean(expected) < 0.95


def test_not_across_documents():
  got = overlap.contains_sentence(
    small_world.ragged([[1, 2]]), small_world.ragged([[0, 1], [2, 3], [1, 2]])
  )
  assert got.numpy().tolist() == [[False, False, True]]


def test_empty_sentences_and_documents():
  got = overlap.contains_sentence(
    small_world.ragged([[], [1]]), small_world.ragged([[1], [], [], [1]])
  )
  assert got.numpy().tolist() == [[False, False], [False, True]]


def test_trivial_by_uid_and_by_containment(tmp_path):
  """An article whole has the block's uid; one cut to blocks has not."""
  sentence = 'the Seine flows through Paris.'
  other = 'Paris is old.'
  article = f'{sentence} {other}'
  store = small_world.store(
    tmp_path,
    [
      ('Paris', article),
      ('Paris', sentence),
      ('Paris', other),
      ('Seine', 'the Seine flows through France.'),
    ],
  )
  uid = document_uids.document_uid(['Paris'], [article]).numpy()
  assert (store.uids == uid).tolist() == [True, False, False, False]
  _, bodies = store.gather(range(4))
  got = overlap.contains_sentence(
    small_world.tokenizer().tokenize([sentence]), bodies
  )
  assert got.numpy().tolist() == [[True, True, False, False]]
