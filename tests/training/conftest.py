# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The tiny world and an index of it, made once."""

import pytest

from realm_tf.bert.config import BertConfig
from realm_tf.data.documents import Documents
from realm_tf.export import hub_modules
from realm_tf.index.config import SearcherConfig
from realm_tf.index.embedding import EmbeddingConfig
from realm_tf.layers.embedder import Embedder
from realm_tf.text.tokenizer import BertTokenizer
from realm_tf.training import corpus_index
from tests.bin import tiny_world


@pytest.fixture(scope='session')
def world(tmp_path_factory):
  """The tiny world's files, its corpus and its spans."""
  directory = tmp_path_factory.mktemp('world')
  tiny_world.build(directory)
  return directory


@pytest.fixture(scope='session')
def indexed(world, tmp_path_factory):
  """Documents, tokenizer, an embedder, its module and the index of that."""
  root = tmp_path_factory.mktemp('index')
  tokenizer = BertTokenizer.from_file(world / 'vocab.txt')
  documents = Documents.open(world / 'corpus' / 'documents')
  embedder = Embedder(BertConfig.from_json(world / 'bert_config.json'), 16)
  module = hub_modules.EmbedderModule(embedder, tokenizer)
  module.save(root / 'embedder-3', 3)
  indexer = corpus_index.CorpusIndexer(
    documents,
    tokenizer,
    str(root / 'index'),
    searcher=SearcherConfig(),
    embedding_config=EmbeddingConfig(max_length=48),
  )
  indexer(str(root / 'embedder-3'), 3)
  return root, tokenizer, documents, embedder, module, indexer
