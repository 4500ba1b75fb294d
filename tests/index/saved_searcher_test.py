# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.index import saved_searcher, search_ops, searcher
from realm_tf.index.searcher_config import SearcherConfig
from tests.support import clustered

needs_scann = pytest.mark.skipif(
  not search_ops.scann_is_installed(), reason='ScaNN is not installed'
)
CONFIGS = [
  SearcherConfig(kind='exact'),
  pytest.param(SearcherConfig(kind='scann'), marks=needs_scann),
  pytest.param(
    SearcherConfig(kind='scann', reorder_bfloat16=True), marks=needs_scann
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
    directory, kind=config.kind, dim=32, config=config
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
    'exact': SearcherConfig(kind='exact'),
    'scann': SearcherConfig(kind='scann'),
    'half': SearcherConfig(kind='scann', reorder_bfloat16=True),
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
  config = SearcherConfig(kind='scann')
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

  save(SearcherConfig(kind='scann'), tmp_path / 'whole')
  save(SearcherConfig(kind='scann', reorder_bfloat16=True), tmp_path / 'half')
  # 3,000 x 32 numbers of four bytes, of which two are saved.
  assert size(tmp_path / 'whole') - size(tmp_path / 'half') > 150_000
