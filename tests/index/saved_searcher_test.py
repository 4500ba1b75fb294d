# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.index import saved_searcher, search_ops, searcher
from tests.support import clustered, ranks

needs_scann = pytest.mark.skipif(
  not search_ops.scann_is_installed(), reason='ScaNN is not installed'
)
CONFIGS = [
  SearcherConfig(searcher='exact'),
  pytest.param(SearcherConfig(searcher='scann'), marks=needs_scann),
  pytest.param(
    SearcherConfig(searcher='scann', reorder_bfloat16=True), marks=needs_scann
  ),
]
ids = ['exact', 'scann', 'scann_bfloat16']

# What another program does that knows nothing of us.
_STRANGER = """
import sys
import numpy as np
import scann
import tensorflow as tf
queries = tf.constant(np.load('queries.npy'))
for name in sys.argv[1:]:
  model = tf.saved_model.load(name)
  np.savez(f'{name}.npz', **model.search(queries, 7))
assert not any(m.startswith('realm_tf') for m in sys.modules)
"""


def save(config, directory, seed=1):
  embeddings = clustered.vectors(seed, 3000)
  built = searcher.build_searcher(embeddings, config)
  saved_searcher.save_searcher(built, directory, embeddings)
  return built


def load(config, directory):
  return saved_searcher.load_searcher(
    directory, kind=config.searcher, dim=32, config=config
  )


@pytest.mark.parametrize('config', CONFIGS, ids=ids)
def test_loaded_finds_the_same(tmp_path, config):
  queries = clustered.vectors(2, 30)
  built = [save(config, tmp_path / str(seed), seed) for seed in (1, 5)]
  # Side by side, and the first one again after it was closed.
  loaded = [load(config, tmp_path / str(seed)) for seed in (1, 5)]
  loaded[0].close()
  loaded[0] = load(config, tmp_path / '1')
  answers = []
  for before, after in zip(built, loaded):
    assert (after.num_rows, after.dim, after.kind) == (3000, 32, before.kind)
    rows, scores = before.search(queries, 7)
    again, its_scores = after.search(queries, 7)
    np.testing.assert_array_equal(again, rows)
    np.testing.assert_array_equal(its_scores, scores)
    answers.append(rows.numpy())
  assert (answers[0] != answers[1]).mean() > 0.9


@needs_scann
def test_saved_models_serve_a_stranger(tmp_path):
  configs = {
    'exact': SearcherConfig(searcher='exact'),
    'scann': SearcherConfig(searcher='scann'),
    'half': SearcherConfig(searcher='scann', reorder_bfloat16=True),
  }
  built = {
    name: save(config, tmp_path / name) for name, config in configs.items()
  }
  queries = clustered.vectors(2, 30)
  np.save(tmp_path / 'queries.npy', queries)
  subprocess.run(
    [sys.executable, '-c', _STRANGER, *configs], check=True, cwd=tmp_path
  )
  for name in configs:
    found = np.load(tmp_path / f'{name}.npz')
    rows, scores = built[name].search(queries, 7)
    np.testing.assert_array_equal(found['rows'], rows)
    np.testing.assert_array_equal(found['scores'], scores)


@needs_scann
def test_saved_models_side_by_side_have_their_own_rows(tmp_path):
  config = SearcherConfig(searcher='scann')
  queries = tf.constant(clustered.vectors(2, 30))
  built = [save(config, tmp_path / str(seed), seed) for seed in (1, 5)]
  models = [tf.saved_model.load(str(tmp_path / str(s))) for s in (1, 5)]
  for searcher_, model in zip(built, models):
    np.testing.assert_array_equal(
      model.search(queries, 7)['rows'], searcher_.search(queries, 7)[0]
    )


@needs_scann
def test_bfloat16_takes_less_room(tmp_path):
  def size(path):
    return sum(f.stat().st_size for f in path.rglob('*') if f.is_file())

  save(SearcherConfig(searcher='scann'), tmp_path / 'whole')
  save(
    SearcherConfig(searcher='scann', reorder_bfloat16=True), tmp_path / 'half'
  )
  # 3,000 x 32 numbers of four bytes, of which two are saved.
  assert size(tmp_path / 'whole') - size(tmp_path / 'half') > 150_000


ROWS = 300
VECTORS = clustered.vectors(1, ROWS)
QUERIES = clustered.vectors(2, 6)


def served(kind, vectors=VECTORS, **options):
  """Of ScaNN one that looks into all leaves, and scores all rows again."""
  if kind == 'scann':
    options = {
      'num_leaves': 4,
      'leaves_to_search': 4,
      'reorder': ROWS,
      **options,
    }
  built = searcher.build_searcher(
    vectors, SearcherConfig(searcher=kind, **options)
  )
  made = saved_searcher.SearcherModule.of(built, vectors)
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
  rows, scores = found['rows'].numpy(), found['scores'].numpy()
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
  check(module.search(QUERIES, k), k=given)


def test_no_query_has_no_row(module):
  found = module.search(np.zeros([0, VECTORS.shape[1]], np.float32), 7)
  rows, scores = found['rows'], found['scores']
  assert rows.shape[0] == scores.shape[0] == 0
  assert (rows.dtype, scores.dtype) == (tf.int32, tf.float32)


def test_queries_of_another_size_are_refused(module):
  with pytest.raises((TypeError, ValueError), match=r'\(6, 31\)|\[6,31\]'):
    module.search(QUERIES[:, :31], 3)


def test_nothing_of_it_is_trained(module):
  assert not module.trainable_variables


def test_saved_and_loaded_it_finds_the_same(module, saved):
  first, second = (tf.saved_model.load(saved) for _ in range(2))
  # Their functions have ScaNN's own data in common.
  for loaded in (first, second, first):
    check(loaded.search(tf.constant(QUERIES), tf.constant(5)))
  found = second.signatures['search'](
    queries=tf.constant(QUERIES[:2]), k=tf.constant(9 * ROWS)
  )
  check(found, queries=QUERIES[:2], k=ROWS)
  mine, its = (m.search(tf.constant(QUERIES), 40) for m in (module, first))
  for name, value in mine.items():
    np.testing.assert_array_equal(value, its[name])


def test_a_wrong_rank_is_an_error(saved):
  ranks.check_ranks(tf.saved_model.load(saved))


def test_two_in_one_process_are_kept_apart(module):
  vectors = clustered.vectors(5, 80)
  kind = 'exact' if hasattr(module, 'embeddings') else 'scann'
  other = served(kind, vectors)
  for _ in range(2):
    check(other.search(QUERIES, 3), vectors, k=3)
    check(module.search(QUERIES, 3), k=3)


@needs_scann
def test_vectors_in_bfloat16_are_scored_in_float32():
  made = served('scann', reorder_bfloat16=True)
  assert made.dataset.dtype == tf.float32
  rounded = tf.cast(tf.cast(VECTORS, tf.bfloat16), tf.float32).numpy()
  np.testing.assert_array_equal(made.dataset, rounded)
  check(made.search(QUERIES, 5), rounded)
  # The true rows, but where they are nearer than three digits tell.
  scores = made.search(QUERIES, 5)['scores']
  best = np.sort(QUERIES @ VECTORS.T, 1)[:, :-6:-1]
  np.testing.assert_allclose(scores, best, rtol=0.01, atol=0.01)


@needs_scann
def test_by_default_scann_finds_most_of_what_is_exact():
  vectors, queries = clustered.vectors(3, 2000), clustered.vectors(4, 50)
  config = SearcherConfig(searcher='scann')
  built = searcher.build_searcher(vectors, config)
  made = saved_searcher.SearcherModule.of(built, vectors)
  found, exact = (
    m.search(queries, 5) for m in (made, served('exact', vectors))
  )
  rows, scores = found['rows'].numpy(), found['scores'].numpy()
  exact_rows, exact_scores = exact['rows'], exact['scores']
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
