# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import concurrent.futures
import importlib

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.index import search_ops, searcher
from tests.support import clustered

needs_scann = pytest.mark.skipif(
  not search_ops.scann_is_installed(), reason='ScaNN is not installed'
)
KINDS = ['exact', pytest.param('scann', marks=needs_scann)]


def build(kind, rows=3000, seed=1, **kwargs):
  embeddings = clustered.vectors(seed, rows)
  config = SearcherConfig(searcher=kind, **kwargs)
  return embeddings, searcher.build_searcher(embeddings, config)


def recall(found, truth):
  hits = [len(set(a) & set(b)) for a, b in zip(np.asarray(found), truth)]
  return sum(hits) / truth.size


@pytest.mark.parametrize('rows', [1, 7, 3000])
@pytest.mark.parametrize('k', [1, 5])
def test_exact_equals_numpy(rows, k):
  embeddings, built = build('exact', rows)
  queries = clustered.vectors(2, 9)
  found, scores = built.search(queries, k)
  truth = clustered.best_rows(embeddings, queries, min(k, rows))
  np.testing.assert_array_equal(found, truth)
  expected = np.take_along_axis(queries @ embeddings.T, truth, 1)
  np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-5)
  assert found.dtype == tf.int32 and scores.dtype == tf.float32
  assert built.is_exact and built.kind == 'exact'


def test_equal_scores_come_in_the_order_of_rows():
  embeddings = np.zeros([4000, 4], np.float32)
  embeddings[[17, 900, 1000, 3999]] = 1
  built = searcher.build_searcher(embeddings, SearcherConfig(searcher='exact'))
  found, _ = built.search(np.ones([2, 4], np.float32), 6)
  assert found.numpy().tolist() == [[17, 900, 1000, 3999, 0, 1]] * 2


def test_all_negative_scores_are_found():
  embeddings = -np.abs(clustered.vectors(1, 1001))
  queries = np.abs(clustered.vectors(2, 3))
  built = searcher.build_searcher(embeddings, SearcherConfig(searcher='exact'))
  found, scores = built.search(queries, 4)
  np.testing.assert_array_equal(
    found, clustered.best_rows(embeddings, queries, 4)
  )
  assert scores.numpy().max() < 0


@needs_scann
def test_scann_finds_what_exact_finds():
  embeddings, built = build('scann', 20_000)
  queries = clustered.vectors(2, 50)
  found, scores = built.search(queries, 10)
  assert not built.is_exact
  assert recall(found, clustered.best_rows(embeddings, queries, 10)) > 0.95
  expected = np.einsum('bd,bkd->bk', queries, embeddings[found.numpy()])
  np.testing.assert_allclose(scores, expected, rtol=1e-4)
  assert (np.diff(scores) <= 0).all()


@needs_scann
def test_scann_with_one_leaf_searched_has_less_recall():
  embeddings, wide = build('scann', 20_000)
  narrow = searcher.build_searcher(
    embeddings, SearcherConfig(searcher='scann', leaves_to_search=1)
  )
  queries = clustered.vectors(2, 50)
  truth = clustered.best_rows(embeddings, queries, 10)
  assert recall(narrow.search(queries, 10)[0], truth) < (
    recall(wide.search(queries, 10)[0], truth)
  )


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('k', [2000, 3000, 5000])
def test_any_k_gives_as_many_rows_as_there_are(kind, k):
  _, built = build(kind, 3000, leaves_to_search=1, reorder=5)
  found, scores = built.search(clustered.vectors(2, 4), k)
  assert found.shape == scores.shape == (4, min(k, 3000))
  assert all(len(set(rows)) == min(k, 3000) for rows in found.numpy())
  assert np.isfinite(scores).all()


@pytest.mark.parametrize('kind', KINDS)
def test_empty_batch(kind):
  _, built = build(kind)
  found, scores = built.search(np.zeros([0, 32], np.float32), 5)
  assert found.shape[0] == scores.shape[0] == 0


@pytest.mark.parametrize('kind', KINDS)
def test_same_in_function_dataset_and_threads(kind):
  _, built = build(kind)
  queries = clustered.vectors(2, 64)
  rows, scores = built.search(queries, 7)
  assert rows.shape == (64, 7)

  traced_rows, traced_scores = tf.function(lambda q: built.search(q, 7))(
    tf.constant(queries)
  )
  np.testing.assert_array_equal(traced_rows, rows)
  np.testing.assert_array_equal(traced_scores, scores)

  dataset = tf.data.Dataset.from_tensor_slices(queries).batch(8)
  dataset = dataset.map(lambda q: built.search(q, 7)[0], 2)
  np.testing.assert_array_equal(np.concatenate(list(dataset)), rows)

  with concurrent.futures.ThreadPoolExecutor(4) as pool:
    for found, its_scores in pool.map(
      lambda _: built.search(queries, 7), range(40)
    ):
      np.testing.assert_array_equal(found, rows)
      np.testing.assert_array_equal(its_scores, scores)


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('seed', range(3))
def test_a_query_is_answered_alike_in_any_batch(kind, seed):
  _, built = build(kind, seed=10 + seed)
  queries = clustered.vectors(2, 300)
  rows, scores = built.search(queries, 7)
  for size in (1, 2, 8, 11, 12, 64, 257):
    parts = [
      built.search(queries[start : start + size], 7)
      for start in range(0, len(queries), size)
    ]
    np.testing.assert_array_equal(
      np.concatenate([part[0] for part in parts]), rows
    )
    # A matmul of other shape may round otherwise in the last digit.
    np.testing.assert_allclose(
      np.concatenate([part[1] for part in parts]), scores, rtol=1e-5, atol=1e-6
    )


@needs_scann
def test_a_query_among_small_leaves_changes_nothing_for_the_others():
  # Many rows close together, in large leaves, and a few far from all.
  rng = np.random.default_rng(0)
  dense = 0.6 * rng.standard_normal([3000, 16])
  dense[:, 0] += 6
  sparse = 6 * np.repeat(np.eye(16), 6, axis=0)
  sparse += 1.5 * rng.standard_normal(sparse.shape)
  sparse[:, 0] = -3
  rows = np.concatenate([dense, sparse]).astype(np.float32)
  built = searcher.build_searcher(
    rows, SearcherConfig(searcher='scann', num_leaves=60, leaves_to_search=2)
  )
  queries = rows[[*range(20), *range(3000, 3096, 4)]]
  for k in (5, 50, 100):
    together = np.asarray(built.search(queries, k)[0])
    assert together.shape == (len(queries), k)
    for query, found in zip(queries, together):
      assert len(set(found)) == k
      alone = np.asarray(built.search(query[np.newaxis], k)[0])[0]
      assert set(alone) == set(found)


@pytest.mark.parametrize('kind', KINDS)
def test_searchers_side_by_side_and_one_closed(kind):
  embeddings, first = build(kind, seed=1)
  others, second = build(kind, seed=5)
  queries = clustered.vectors(2, 20)
  truth = clustered.best_rows(others, queries, 3)
  assert recall(first.search(queries, 3)[0], truth) < 0.1
  first.close()
  first.close()
  with pytest.raises(RuntimeError, match='closed'):
    first.search(queries, 3)
  assert recall(second.search(queries, 3)[0], truth) > 0.9
  assert len(embeddings) == len(others)


@pytest.mark.parametrize(
  ('embeddings', 'message'),
  [
    (np.zeros([0, 8], np.float32), 'rows'),
    (np.zeros([8], np.float32), 'shape'),
    (np.zeros([8, 4]), 'float32'),
    (np.array([[1, 2], [3, np.nan]], np.float32), 'row 1 .* not finite'),
  ],
)
def test_wrong_embeddings_are_refused(embeddings, message):
  with pytest.raises(ValueError, match=message):
    searcher.build_searcher(embeddings)


def test_wrong_queries_are_refused():
  _, built = build('exact', 10)
  with pytest.raises(ValueError, match=r'\[batch, 32\]'):
    built.search(np.zeros([2, 31], np.float32), 1)
  with pytest.raises(ValueError, match='k must be'):
    built.search(np.zeros([2, 32], np.float32), 0)


@needs_scann
def test_scann_of_few_rows():
  embeddings, built = build('scann', 16)
  queries = clustered.vectors(2, 5)
  found, _ = built.search(queries, 3)
  np.testing.assert_array_equal(
    found, clustered.best_rows(embeddings, queries, 3)
  )
  with pytest.raises(ValueError, match='16 rows at least.*Received: 15 rows'):
    build('scann', 15)
  with pytest.raises(ValueError, match='training_sample=9'):
    build('scann', 300, training_sample=9)


def test_auto_is_exact_for_few_rows():
  config = SearcherConfig(exact_below=100)
  assert searcher.choose_kind(99, config) == 'exact'
  if search_ops.scann_is_installed():
    assert searcher.choose_kind(100, config) == 'scann'
  few = searcher.build_searcher(clustered.vectors(1, 99), config)
  assert few.is_exact


def test_without_scann_auto_is_exact_and_scann_says_what_to_do(monkeypatch):
  def missing(name, *args):
    raise ModuleNotFoundError(f"No module named '{name}'")

  monkeypatch.setattr(importlib, 'import_module', missing)
  assert not search_ops.scann_is_installed()
  assert searcher.choose_kind(10**6, SearcherConfig()) == 'exact'
  with pytest.raises(search_ops.ScannMissingError, match='pip install'):
    searcher.build_searcher(
      clustered.vectors(1, 50), SearcherConfig(searcher='scann')
    )
