# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from benchmarks import indexes
from realm_tf.index import searcher
from tests.support import clustered, small_world

ROWS, DIM = 50, 12


@pytest.fixture(scope='module')
def documents(tmp_path_factory):
  blocks = [(f'Word {i}', f'the city of {i} .') for i in range(ROWS)]
  return small_world.store(tmp_path_factory.mktemp('corpus'), blocks)


def test_vectors_lie_in_clusters():
  vectors = indexes.clustered_vectors(3000, 32)
  assert vectors.shape == (3000, 32) and vectors.dtype == np.float32
  nearest = np.sort(((vectors[:, None] - vectors[:20]) ** 2).sum(-1), 0)
  # The second nearest (the first is itself) is of the same cluster.
  assert np.median(nearest[1]) < 0.2 * np.median(nearest)


@pytest.mark.parametrize('kind', ['exact', 'auto', 'scann'])
def test_index_of_vectors_that_are_always_the_same(documents, kind):
  if kind == 'scann' and not searcher.scann_is_installed():
    pytest.skip('ScaNN is not installed')
  index = indexes.random_index(documents, kind, DIM)
  vectors = indexes.clustered_vectors(ROWS, DIM)
  np.testing.assert_array_equal(index.embeddings, vectors)
  queries = clustered.vectors(1, 4, DIM)
  rows, scores = index.searcher.search(queries, 3)
  truth = clustered.best_rows(vectors, queries, 3)
  np.testing.assert_array_equal(rows, truth)
  np.testing.assert_allclose(
    scores, np.take_along_axis(queries @ vectors.T, truth, 1), rtol=1e-4
  )
  metadata = index.metadata
  # So few rows are searched exactly.
  expected = 'exact' if kind == 'auto' else kind
  assert metadata.kind == index.searcher.kind == expected
  assert metadata.searcher.searcher == kind
  assert (metadata.num_documents, metadata.dim) == (ROWS, DIM)
  assert metadata.corpus_fingerprint == documents.fingerprint
  assert metadata.vocab_fingerprint == documents.vocab_fingerprint
  index.close()
  with pytest.raises(RuntimeError, match='was closed'):
    index.searcher.search(queries, 3)
