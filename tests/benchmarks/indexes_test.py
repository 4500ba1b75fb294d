# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from benchmarks import indexes, memory
from realm_tf.index import searcher
from tests.support import clustered, small_world

ROWS, DIM = 50, 12


@pytest.fixture(scope='module')
def documents(tmp_path_factory):
  blocks = [(f'Word {i}', f'the city of {i} .') for i in range(ROWS)]
  return small_world.store(tmp_path_factory.mktemp('corpus'), blocks)


@pytest.mark.parametrize(
  'kind',
  [
    'exact',
    'auto',
    pytest.param(
      'scann',
      marks=pytest.mark.skipif(
        not searcher.scann_is_installed(), reason='ScaNN is not installed'
      ),
    ),
  ],
)
def test_index_of_vectors_that_are_always_the_same(documents, kind):
  index = indexes.random_index(documents, kind, 'f00d', DIM)
  vectors = memory.clustered_vectors(ROWS, DIM)
  np.testing.assert_array_equal(index.embeddings, vectors)
  assert vectors.shape == (ROWS, DIM) and vectors.dtype == np.float32
  queries = clustered.vectors(1, 4, DIM)
  rows, scores = index.searcher.search(queries, 3)
  truth = clustered.best_rows(vectors, queries, 3)
  np.testing.assert_array_equal(rows, truth)
  np.testing.assert_allclose(
    scores, np.take_along_axis(queries @ vectors.T, truth, 1), rtol=1e-4
  )
  index.close()
  with pytest.raises(RuntimeError, match='was closed'):
    index.searcher.search(queries, 3)


def test_metadata_is_of_the_documents(documents):
  index = indexes.random_index(documents, 'auto', 'f00d', DIM)
  metadata = index.metadata
  # So few rows are searched exactly.
  assert metadata.kind == index.searcher.kind == 'exact'
  assert metadata.searcher.searcher == 'auto'
  assert (metadata.num_documents, metadata.dim) == (ROWS, DIM)
  assert metadata.corpus_fingerprint == documents.fingerprint
  assert metadata.vocab_fingerprint == 'f00d'
  index.close()


def test_another_kind_is_refused(documents):
  with pytest.raises(ValueError, match="kind must be one of .* 'fast'"):
    indexes.random_index(documents, 'fast', 'f00d', DIM)
