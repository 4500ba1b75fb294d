# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import os

import numpy as np
import pytest

from realm_tf.corpus.documents_view import DocumentsView
from realm_tf.index import embed_corpus, versions
from realm_tf.index.searcher_config import SearcherConfig
from realm_tf.modeling.embedder import Embedder
from realm_tf.original import block_embeddings
from tests.support import small_realm, small_world

# The last is longer than the embedder's 40 positions.
BLOCKS = [
  *small_realm.BLOCKS * 5,
  ('Paris', 'the Seine flows through Paris . ' * 9),
]


def embedder(seed):
  return small_realm.shaken(Embedder(small_realm.CONFIG, 8, seed=seed), seed)


@pytest.fixture(scope='module')
def documents(tmp_path_factory):
  return small_world.store(tmp_path_factory.mktemp('corpus'), BLOCKS)


@pytest.fixture(scope='module')
def maker():
  return embedder(1)


@pytest.fixture(scope='module')
def embeddings(documents, maker):
  return embed_corpus.embed_documents(
    documents,
    maker.embed_documents,
    special=small_world.tokenizer().special,
    config=embed_corpus.EmbeddingConfig(max_length=40),
    progress=False,
  )


def difference(maker, documents, embeddings):
  return block_embeddings.difference(
    maker, documents, embeddings, small_world.tokenizer()
  )


def test_there_is_none_where_the_embedder_made_them(
  documents, maker, embeddings
):
  assert len(embeddings) == 41
  assert difference(maker, documents, embeddings) < 1e-5
  for rows in ([40], [3, 40, 7]):
    some = DocumentsView.of(documents).select(rows)
    assert difference(maker, some, embeddings[rows]) < 1e-5
  assert difference(embedder(2), documents, embeddings) > 0.1


def test_it_is_the_largest_and_relative(documents, maker, embeddings):
  largest = np.abs(embeddings).max()
  for row in (0, 40):
    changed = embeddings.copy()
    changed[row, 5] = 4 * largest
    expected = (4 * largest - embeddings[row, 5]) / (4 * largest)
    found = difference(maker, documents, changed)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
  # One row too far, as after a document that was dropped.
  assert difference(maker, documents, np.roll(embeddings, 1, 0)) > 0.1
  assert not difference(maker, documents, np.nan * embeddings) < 1e9


def test_the_fingerprint_is_of_the_numbers(embeddings):
  fingerprint = block_embeddings.fingerprint
  mine = fingerprint(embeddings)
  assert fingerprint(np.asfortranarray(embeddings)) == mine
  assert fingerprint(np.repeat(embeddings, 2, 0)[::2]) == mine
  changed = embeddings.copy()
  changed[40, 7] = np.nextafter(changed[40, 7], np.float32(9))
  others = [changed, embeddings[::-1], embeddings[:-1]]
  assert len({mine, *map(fingerprint, others)}) == 4


def test_what_is_published_is_an_index_of_the_corpus(
  tmp_path, documents, embeddings
):
  config = SearcherConfig(kind='exact', reorder=50)
  (tmp_path / 'embedder').mkdir()
  (tmp_path / 'embedder' / 'weights').write_text('w')
  path = block_embeddings.publish(
    embeddings,
    documents,
    tmp_path / 'index',
    7,
    config,
    'made-by',
    tmp_path / 'embedder',
  )
  assert path == str(tmp_path / 'index' / '7')
  index = versions.Index.open(path, documents, embedder='made-by')
  np.testing.assert_array_equal(index.embeddings, embeddings)
  rows, scores = index.searcher.search(embeddings[[40]], 2)
  expected = embeddings @ embeddings[40]
  assert rows.numpy()[0, 0] == np.argmax(expected)
  np.testing.assert_allclose(scores[0, 0], expected.max(), rtol=1e-5)
  assert index.metadata.searcher == config
  assert os.listdir(index.embedder_dir) == ['weights']
  index.close()


def test_what_is_refused_leaves_the_version_that_is_there(
  tmp_path, documents, embeddings
):
  def publish(its, embedder_dir=None):
    config = SearcherConfig(kind='exact')
    block_embeddings.publish(
      its, documents, tmp_path, 7, config, 'x', embedder_dir
    )

  publish(embeddings)
  broken = embeddings.copy()
  broken[3, 2] = np.inf
  with pytest.raises(ValueError, match='row 3 .* not finite'):
    publish(broken)
  with pytest.raises(ValueError, match='with rows'):
    publish(embeddings[:0])
  with pytest.raises(FileNotFoundError):
    publish(embeddings[:5], tmp_path / 'no embedder')
  assert os.listdir(tmp_path) == ['7']
  index = versions.Index.open(tmp_path / '7')
  np.testing.assert_array_equal(index.embeddings, embeddings)
  index.close()
