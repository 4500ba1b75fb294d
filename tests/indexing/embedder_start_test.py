# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from realm_tf.configs.embedder_config import EmbedderStartConfig
from realm_tf.configs.embedding_config import IndexConfig
from realm_tf.hub import hub_modules
from realm_tf.index.index import Index
from realm_tf.indexing import corpus_index, embedder_start
from realm_tf.indexing.text_embedder import TextEmbedder
from realm_tf.text.tokenizer import BertTokenizer
from tests.support import sentence_encoders, small_realm, small_world


@pytest.fixture(scope='module')
def encoder(tmp_path_factory):
  directory = tmp_path_factory.mktemp('encoder')
  sentence_encoders.write_bert(directory, small_world.tokenizer())
  sentence_encoders.write_modules(directory, ['Normalize'])
  return directory


@pytest.fixture(scope='module')
def corpus(tmp_path_factory):
  return small_world.store(
    tmp_path_factory.mktemp('corpus'), small_realm.BLOCKS
  )


def test_an_index_of_an_encoder_is_searched_and_says_all(
  encoder, corpus, tmp_path
):
  config = IndexConfig(
    corpus_dir=corpus.directory,
    index_dir=str(tmp_path),
    query_prefix='old ',
    progress=False,
  )
  path = corpus_index.build_once(config, str(encoder))
  assert sorted(p.name for p in tmp_path.iterdir()) == ['0']
  index = Index.open(path, corpus)
  own = TextEmbedder.open(encoder, EmbedderStartConfig(query_prefix='old '))
  rows = range(len(corpus))
  vectors = own.documents(corpus.bodies(rows), corpus.titles(rows))
  np.testing.assert_allclose(index.embeddings, vectors, atol=1e-5)
  questions = ['the capital of peru', 'a river of italy']
  found, scores = index.search(questions, 3)
  expected = own.queries(questions) @ vectors.T
  np.testing.assert_array_equal(found, np.argsort(-expected, 1)[:, :3])
  best = np.sort(expected, 1)[:, ::-1][:, :3]
  np.testing.assert_allclose(scores, best / 0.05, rtol=1e-4)  # Temperature.
  said = index.metadata.encoder
  assert said['form']['pooling'] == 'mean' and said['query_seq_len'] == 23
  assert said['source'] == {
    'path': str(encoder),
    'query_prefix': 'old ',
    'document_prefix': '',
  }
  index.close()


def test_principal_axes_keep_most_of_the_scores(encoder, corpus, tmp_path):
  errors = {}
  for projection in ('principal', 'random'):
    config = EmbedderStartConfig(
      projection=projection, projection_size=7, normalization='none'
    )
    path = tmp_path / projection
    embedder_start.as_module(encoder, path, config, corpus)
    embedder = TextEmbedder.open(path)
    whole = TextEmbedder.open(
      encoder, EmbedderStartConfig(normalization='none')
    )
    rows = range(len(corpus))
    texts = corpus.bodies(rows), corpus.titles(rows)
    vectors, expected = embedder.documents(*texts), whole.documents(*texts)
    assert vectors.shape == (8, 7)
    expected = expected @ expected.T
    errors[projection] = np.abs(vectors @ vectors.T - expected).max()
  # Seven axes for eight documents: nearly all.
  assert errors['principal'] < 0.05 * np.abs(expected).mean()
  assert errors['random'] > 5 * errors['principal']


def test_a_module_is_made_once(encoder, corpus, tmp_path):
  path = tmp_path / 'embedder'
  embedder_start.as_module(encoder, path, None, corpus)
  first = hub_modules.read_info(path)['exported_at']
  embedder_start.as_module(encoder, path, None, corpus)
  assert hub_modules.read_info(path)['exported_at'] == first
  changed = EmbedderStartConfig(pooling='cls')
  embedder_start.as_module(encoder, path, changed, corpus)
  assert hub_modules.read_info(path)['form']['pooling'] == 'cls'
  embedder_start.check_unchanged(path, EmbedderStartConfig(projection_size=16))
  for changes, message in (
    ({'pooling': 'mean'}, '`pooling` is for an encoder that others published'),
    ({'projection_size': 4}, '`projection_size` is 4, but .* has 16'),
  ):
    with pytest.raises(ValueError, match=message):
      embedder_start.check_unchanged(path, EmbedderStartConfig(**changes))


def test_what_does_not_fit_is_refused(encoder, corpus, tmp_path):
  other = BertTokenizer([*small_world.tokenizer().vocab, 'zanzibar'])
  sentence_encoders.write_bert(tmp_path / 'other', other)
  with pytest.raises(ValueError, match='has the vocabulary'):
    embedder_start.as_module(tmp_path / 'other', tmp_path / 'x', None, corpus)
  for changes, message in (
    ({'projection_size': 17}, '`projection_size` is 17, but .* 16 numbers'),
    ({'normalization': 'layer_norm'}, 'layer_norm exclude each other'),
  ):
    config = EmbedderStartConfig(projection='principal', **changes)
    with pytest.raises(ValueError, match=message):
      embedder_start.as_module(encoder, tmp_path / 'x', config, corpus)
