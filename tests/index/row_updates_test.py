# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.index import row_updates, saved_searcher, search_ops, searcher
from tests.support import clustered

needs_scann = pytest.mark.skipif(
  not search_ops.scann_is_installed(), reason='ScaNN is not installed'
)
ROWS, CHANGED = 20_000, 500


def recall(found, truth):
  hits = [len(set(a) & set(b)) for a, b in zip(np.asarray(found), truth)]
  return sum(hits) / truth.size


def update(old, embeddings, kept, added):
  new = row_updates.updated_embeddings(embeddings, kept, added)
  return new, row_updates.updated_searcher(old, embeddings, new, kept)


def kept_rows(rows, removed, seed=3):
  chosen = np.random.default_rng(seed).choice(rows, removed, replace=False)
  return np.setdiff1d(np.arange(rows), chosen)


def test_exact_equals_one_built_anew():
  embeddings = clustered.vectors(1, 2000)
  config = SearcherConfig(searcher='exact')
  old = searcher.build_searcher(embeddings, config)
  kept, added = kept_rows(2000, 100), clustered.vectors(4, 150)
  new, updated = update(old, embeddings, kept, added)
  np.testing.assert_array_equal(new, np.concatenate([embeddings[kept], added]))
  queries = clustered.vectors(2, 50)
  anew = searcher.build_searcher(new, config)
  for mine, its in zip(updated.search(queries, 20), anew.search(queries, 20)):
    np.testing.assert_array_equal(mine, its)
  np.testing.assert_array_equal(
    updated.search(queries, 20)[0], clustered.best_rows(new, queries, 20)
  )
  # The old one is as it was.
  np.testing.assert_array_equal(
    old.search(queries, 20)[0], clustered.best_rows(embeddings, queries, 20)
  )


@needs_scann
@pytest.mark.parametrize('bfloat16', [False, True])
def test_scann_has_the_recall_of_one_built_anew(tmp_path, bfloat16):
  embeddings = clustered.vectors(1, ROWS)
  config = SearcherConfig(searcher='scann', reorder_bfloat16=bfloat16)
  old = searcher.build_searcher(embeddings, config)
  kept, added = kept_rows(ROWS, CHANGED), clustered.vectors(4, CHANGED)
  new, updated = update(old, embeddings, kept, added)
  assert updated.kind == 'scann' and updated.num_rows == len(new) == ROWS
  queries = clustered.vectors(2, 100)
  truth = clustered.best_rows(new, queries, 10)
  found, scores = updated.search(queries, 10)
  anew = searcher.build_searcher(new, config).search(queries, 10)[0]
  # Two trainings of one tree may be 0.02 apart.
  assert recall(found, truth) > recall(anew, truth) - 0.04
  before = clustered.best_rows(embeddings, queries, 10)
  before = recall(old.search(queries, 10)[0], before)
  assert recall(found, truth) > before - 0.01
  assert recall(found, truth) > 0.95
  expected = np.einsum('bd,bkd->bk', queries, new[found.numpy()])
  np.testing.assert_allclose(scores, expected, rtol=0.02 if bfloat16 else 1e-4)
  # New rows are found by themselves, under their own numbers.
  rows = updated.search(10 * added, 1)[0].numpy()[:, 0]
  itself = clustered.best_rows(new, 10 * added, 1)[:, 0]
  assert (rows == itself).mean() > 0.97
  # Saved and loaded it answers the same.
  saved_searcher.save_searcher(updated, tmp_path / 'searcher', new)
  loaded = saved_searcher.load_searcher(
    tmp_path / 'searcher', kind='scann', dim=32, config=config
  )
  for mine, its in zip((found, scores), loaded.search(queries, 10)):
    np.testing.assert_array_equal(mine, its)


@needs_scann
def test_rows_get_the_codes_that_the_build_gave_them():
  from realm_tf.index import scann_rows

  embeddings = clustered.vectors(1, ROWS)
  built = searcher.build_searcher(embeddings, SearcherConfig(searcher='scann'))
  tensors = built.tensors(embeddings)
  leaves, codes = scann_rows.encode(tensors, embeddings[:1000])
  same = leaves == tensors['datapoint_to_token'][:1000].numpy()
  assert same.mean() > 0.99
  np.testing.assert_array_equal(
    codes[same], tensors['hashed_dataset'][:1000].numpy()[same]
  )


@needs_scann
def test_updates_of_updates_keep_the_recall():
  embeddings = clustered.vectors(1, 5000)
  current = searcher.build_searcher(
    embeddings, SearcherConfig(searcher='scann')
  )
  for seed in range(10, 15):
    kept = kept_rows(len(embeddings), 500, seed)
    new, updated = update(
      current, embeddings, kept, clustered.vectors(seed, 1000)
    )
    current.close()
    embeddings, current = new, updated
  assert current.num_rows == 7500
  queries = clustered.vectors(2, 100)
  truth = clustered.best_rows(embeddings, queries, 10)
  assert recall(current.search(queries, 10)[0], truth) > 0.95


@needs_scann
def test_only_removed_and_almost_all():
  embeddings = clustered.vectors(1, 3000)
  old = searcher.build_searcher(embeddings, SearcherConfig(searcher='scann'))
  kept = np.array([5, 2999])
  new, updated = update(old, embeddings, kept, np.zeros([0, 32], np.float32))
  rows, scores = updated.search(embeddings[kept], 10)
  assert rows.shape == (2, 2)
  np.testing.assert_array_equal(
    rows, clustered.best_rows(new, embeddings[kept], 2)
  )
  assert np.isfinite(scores.numpy()).all()


@needs_scann
def test_exact_that_grows_becomes_scann():
  embeddings = clustered.vectors(1, 900)
  old = searcher.build_searcher(embeddings, SearcherConfig(exact_below=1000))
  _, updated = update(
    old, embeddings, np.arange(900), clustered.vectors(4, 100)
  )
  assert (old.kind, updated.kind) == ('exact', 'scann')


def test_refuses_nothing_and_no_numbers():
  embeddings = clustered.vectors(1, 9)
  old = searcher.build_searcher(embeddings)
  with pytest.raises(ValueError, match='no row would be left'):
    update(old, embeddings, np.arange(0), embeddings[:0])
  with pytest.raises(ValueError, match='not finite'):
    update(old, embeddings, np.arange(9), np.full([1, 32], np.nan, np.float32))
