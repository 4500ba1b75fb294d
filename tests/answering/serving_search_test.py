# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import tensorflow as tf
from realm_tf.answering.serving_search import ServedSearcher

from realm_tf.index import searcher
from realm_tf.index.searcher_config import SearcherConfig
from tests.support import clustered

ROWS = 300
VECTORS = clustered.vectors(1, ROWS)
QUERIES = clustered.vectors(2, 6)
needs_scann = pytest.mark.skipif(
  not searcher.scann_is_installed(), reason='ScaNN is not installed'
)


def served(kind, vectors=VECTORS, **options):
  """Of ScaNN one that looks into all leaves, and scores all rows again."""
  if kind == 'scann':
    options = {
      'num_leaves': 4,
      'leaves_to_search': 4,
      'reorder': ROWS,
      **options,
    }
  built = searcher.build_searcher(vectors, SearcherConfig(kind=kind, **options))
  made = ServedSearcher(built, vectors)
  # It has all that it needs.
  built.close()
  return made


@pytest.fixture(
  scope='module', params=['exact', pytest.param('scann', marks=needs_scann)]
)
def module(request):
  return served(request.param)


@pytest.fixture(scope='module')
def saved(module, tmp_path_factory):
  directory = str(tmp_path_factory.mktemp('saved') / 'searcher')
  tf.saved_model.save(module, directory, {'search': module.search})
  return directory


def check(found, vectors=VECTORS, queries=QUERIES, k=5, rtol=1e-5):
  rows, scores = (x.numpy() for x in found)
  assert rows.dtype == np.int32 and scores.dtype == np.float32
  truth = clustered.best_rows(vectors, queries, k)
  np.testing.assert_array_equal(rows, truth)
  expected = np.take_along_axis(queries @ vectors.T, truth, 1)
  np.testing.assert_allclose(scores, expected, rtol=rtol, atol=1e-5)


@pytest.mark.parametrize(
  ('k', 'given'),
  [(1, 1), (5, 5), (ROWS, ROWS), (10 * ROWS, ROWS), (0, 1), (-7, 1)],
)
def test_finds_what_numpy_finds_and_clips_k(module, k, given):
  assert module.num_rows == ROWS
  check(module.search(QUERIES, k), k=given)


def test_no_query_has_no_row(module):
  rows, scores = module.search(np.zeros([0, VECTORS.shape[1]], np.float32), 7)
  assert rows.shape[0] == scores.shape[0] == 0
  assert (rows.dtype, scores.dtype) == (tf.int32, tf.float32)


def test_queries_of_another_size_are_refused(module):
  with pytest.raises((TypeError, ValueError), match=r'\(6, 31\)|\[6,31\]'):
    module.search(QUERIES[:, :31], 3)


def test_nothing_of_it_is_trained(module):
  assert not module.trainable_variables
  assert len(module.variables) == len(module.data)


def test_saved_and_loaded_it_finds_the_same(module, saved):
  first, second = (tf.saved_model.load(saved) for _ in range(2))
  # Their functions have ScaNN's own data in common.
  for loaded in (first, second, first):
    check(loaded.search(tf.constant(QUERIES), tf.constant(5)))
  found = second.signatures['search'](
    queries=tf.constant(QUERIES[:2]), k=tf.constant(9 * ROWS)
  )
  check((found['output_0'], found['output_1']), queries=QUERIES[:2], k=ROWS)
  mine, its = (m.search(tf.constant(QUERIES), 40) for m in (module, first))
  for x, y in zip(mine, its):
    np.testing.assert_array_equal(x, y)


def test_two_in_one_process_are_kept_apart(module):
  vectors = clustered.vectors(5, 80)
  other = served(module.kind, vectors)
  for _ in range(2):
    check(other.search(QUERIES, 3), vectors, k=3)
    check(module.search(QUERIES, 3), k=3)


@needs_scann
def test_vectors_in_bfloat16_are_scored_in_float32():
  made = served('scann', reorder_bfloat16=True)
  assert made.data['dataset'].dtype == tf.float32
  rounded = tf.cast(tf.cast(VECTORS, tf.bfloat16), tf.float32).numpy()
  np.testing.assert_array_equal(made.data['dataset'], rounded)
  check(made.search(QUERIES, 5), rounded)
  # The true rows, but where they are nearer than three digits tell.
  _, scores = made.search(QUERIES, 5)
  best = np.sort(QUERIES @ VECTORS.T, 1)[:, :-6:-1]
  np.testing.assert_allclose(scores, best, rtol=0.01, atol=0.01)


@needs_scann
def test_by_default_scann_finds_most_of_what_is_exact():
  vectors, queries = clustered.vectors(3, 2000), clustered.vectors(4, 50)
  config = SearcherConfig(kind='scann')
  built = searcher.build_searcher(vectors, config)
  made = ServedSearcher(built, vectors)
  rows, scores = (x.numpy() for x in made.search(queries, 5))
  exact_rows, exact_scores = served('exact', vectors).search(queries, 5)
  same = [len(set(a) & set(b)) for a, b in zip(rows, exact_rows.numpy())]
  assert np.mean(same) / 5 > 0.8
  # What it finds it scores by the whole vectors.
  expected = np.take_along_axis(queries @ vectors.T, rows, 1)
  np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-4)
  assert (scores <= exact_scores.numpy() + 1e-4).all()
  # Served or not, it is the same searcher.
  for x, y in zip((rows, scores), built.search(queries, 5)):
    np.testing.assert_array_equal(x, y)
  built.close()
