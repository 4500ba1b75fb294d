# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from realm_tf.configs.embedding_config import EmbeddingConfig, IndexConfig
from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.hub import hub_modules
from realm_tf.index.index import Index
from realm_tf.indexing import corpus_index, index_builder
from realm_tf.indexing.index_directory import IndexDirectory
from realm_tf.text import packing
from realm_tf.text.tokenizer import BertTokenizer
from tests.support import small_realm


def embed_document(indexed, row):
  _, tokenizer, documents, embedder, _, _ = indexed
  packed = packing.pack_document(
    *documents.gather([row]), special=tokenizer.special, max_length=48
  )
  return embedder.embed_documents(packed).numpy()[0]


def test_each_export_sets_the_weights(indexed):
  root, _, documents, embedder, module, indexer = indexed
  first = Index.open(root / 'index' / '3')
  info = hub_modules.read_info(root / 'embedder-3')
  assert first.metadata.built_at == info['exported_at']
  np.testing.assert_allclose(
    first.embeddings[5], embed_document(indexed, 5), atol=1e-4
  )
  before = [v.numpy() for v in embedder.trainable_variables]
  kernel = embedder.query_tower.projection.kernel
  kernel.assign(-kernel)
  try:
    module.save(root / 'embedder-4', 4)
    indexer(str(root / 'embedder-4'), 4)
    second = Index.open(root / 'index' / '4')
    np.testing.assert_allclose(
      second.embeddings[5], embed_document(indexed, 5), atol=1e-4
    )
    assert np.abs(second.embeddings[5] - first.embeddings[5]).max() > 0.1
    second.close()
  finally:
    for variable, value in zip(embedder.trainable_variables, before):
      variable.assign(value)
  first.close()


def test_it_can_be_called_off(indexed):
  root, *_, indexer = indexed

  def check():
    raise index_builder.BuildCancelledError

  with pytest.raises(index_builder.BuildCancelledError):
    indexer(str(root / 'embedder-3'), 9, check)
  assert '9' not in [p.name for p in (root / 'index').iterdir()]


def test_another_vocabulary_is_refused(indexed):
  root, tokenizer, documents, *_ = indexed
  other = corpus_index.CorpusIndexer(
    documents,
    BertTokenizer([*tokenizer.vocab, 'extra']),
    str(root / 'index'),
    searcher=SearcherConfig(),
    embedding_config=EmbeddingConfig(),
  )
  with pytest.raises(ValueError, match='has the vocabulary'):
    other(str(root / 'embedder-3'), 8)


def test_a_refused_build_leaves_nothing(tmp_path):
  realm = small_realm.make(tmp_path / 'realm')
  kept = IndexDirectory(tmp_path / 'index').keep_embedder(
    7, realm.directory / 'stale'
  )
  config = IndexConfig(
    corpus_dir=str(tmp_path / 'nowhere'), index_dir=str(tmp_path / 'index')
  )
  with pytest.raises(FileNotFoundError, match='nowhere'):
    corpus_index.build_once(config, str(realm.export_dir / 'embedder'))
  # What another build has begun with is still there.
  assert list((tmp_path / 'index').iterdir()) == [kept]
