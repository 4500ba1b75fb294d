# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import dataclasses
import json

import numpy as np
import pytest

from realm_tf.configs.index_text_config import IndexTextConfig
from realm_tf.index import embed_corpus, versions
from realm_tf.index.index import Index
from realm_tf.index.lexical import LexicalIndex
from realm_tf.indexing.index_text import index_text
from realm_tf.indexing.text_embedder import TextEmbedder
from tests.support import sentence_encoders, small_realm, small_world


@pytest.fixture(scope='module')
def text(tmp_path_factory):
  path = tmp_path_factory.mktemp('text') / 'text.jsonl'
  with open(path, 'w') as f:
    for title, body in small_realm.BLOCKS:
      f.write(json.dumps({'title': title, 'text': body}) + '\n')
  return path


def config_of(text, directory, **changes):
  return IndexTextConfig(
    input=str(text),
    output_dir=str(directory / 'mine'),
    num_processes=1,
    progress=False,
    **changes,
  )


def test_by_words_alone(text, tmp_path):
  corpus = index_text(config_of(text, tmp_path))
  words = LexicalIndex.open(tmp_path / 'mine/index', corpus.fingerprint)
  rows, _ = words.search(['What flows through Italy?', 'lima'], 1)
  assert corpus.titles(np.ravel(rows)) == ['Tiber', 'Peru']
  assert versions.latest_index(tmp_path / 'mine/index') is None


def test_by_an_encoder_resumes_and_is_made_once(text, tmp_path, monkeypatch):
  encoder = tmp_path / 'encoder'
  sentence_encoders.write_bert(encoder, small_world.tokenizer())
  sentence_encoders.write_modules(encoder, ['Normalize'])
  config = config_of(text, tmp_path, encoder=str(encoder))
  embed = embed_corpus.embed_documents
  calls = []

  def stopped(*args, **options):
    calls.append(len(args[0]))
    raise KeyboardInterrupt

  monkeypatch.setattr(embed_corpus, 'embed_documents', stopped)
  with pytest.raises(KeyboardInterrupt):
    index_text(config)
  monkeypatch.setattr(embed_corpus, 'embed_documents', embed)
  corpus = index_text(config)
  path = versions.latest_index(tmp_path / 'mine/index')
  index = Index.open(path, corpus)
  own = TextEmbedder.open(encoder)
  rows = range(len(corpus))
  expected = own.documents(corpus.bodies(rows), corpus.titles(rows))
  np.testing.assert_allclose(index.embeddings, expected, atol=1e-5)
  assert LexicalIndex.open(tmp_path / 'mine/index', corpus.fingerprint)
  # As many wordpieces as the encoder reads, the [SEP] after the title included.
  assert corpus.max_block_length == 25
  index.close()

  monkeypatch.setattr(embed_corpus, 'embed_documents', stopped)
  index_text(config)
  assert len(calls) == 1
  with pytest.raises(KeyboardInterrupt):
    index_text(dataclasses.replace(config, pooling='cls'))


def test_what_is_for_an_encoder_needs_one(text, tmp_path):
  with pytest.raises(ValueError, match='`query_prefix` needs an `encoder`'):
    config_of(text, tmp_path, query_prefix='query: ')
