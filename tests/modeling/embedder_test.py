# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import tensorflow as tf

from realm_tf.bert.bert_config import BertConfig
from realm_tf.bert.weights import load_bert
from realm_tf.modeling.embedder import Embedder
from tests.modeling.encoding_test import CONFIG, make_inputs
from tests.support import goldens, shared_data


@pytest.fixture(scope='module')
def embedder():
  return Embedder(CONFIG, projection_size=6)


def test_is_pooled_cls_projected_and_normalized(embedder):
  inputs = make_inputs([9, 3, 14], 20)
  tower = embedder.query_tower
  pooled = tower.encoder(inputs)['pooled_output']
  x = pooled @ tower.projection.kernel + tower.projection.bias
  x = x.numpy()
  expected = (x - x.mean(-1, keepdims=True)) / np.sqrt(
    x.var(-1, keepdims=True) + 1e-3
  )
  found = embedder.embed_queries(inputs)
  assert found.shape == (3, 6) and found.dtype == tf.float32
  np.testing.assert_allclose(found, expected, atol=2e-5)


def test_leading_axes(embedder):
  inputs = make_inputs([9, 3, 14, 2, 5, 6], 20)
  nested = {key: tf.reshape(x, [2, 3, 20]) for key, x in inputs.items()}
  found = embedder.embed_documents(nested)
  assert found.shape == (2, 3, 6)
  np.testing.assert_allclose(
    tf.reshape(found, [6, 6]), embedder.embed_documents(inputs), atol=5e-6
  )


@pytest.mark.parametrize('lengths', [[9, 3, 14, 2, 5, 6], [7]])
def test_groups_change_nothing_but_the_padding(embedder, lengths):
  inputs = make_inputs(lengths, 20)
  expected = embedder.embed_queries(inputs)
  for embed in (embedder.embed_queries, embedder.embed_documents):
    np.testing.assert_allclose(embed(inputs, num_groups=4), expected, atol=5e-6)


def test_sides_are_shared_or_separate(embedder):
  inputs = make_inputs([9, 3], 9)
  np.testing.assert_array_equal(
    embedder.embed_queries(inputs), embedder.embed_documents(inputs)
  )
  separate = Embedder(CONFIG, projection_size=6, separate_towers=True)
  assert len(separate.variables) == 2 * len(embedder.variables)
  before = separate.embed_documents(inputs)
  np.testing.assert_array_equal(separate.embed_queries(inputs), before)
  separate.query_tower.projection.kernel.assign_add(tf.eye(16, 6))
  np.testing.assert_array_equal(separate.embed_documents(inputs), before)
  assert np.abs(separate.embed_queries(inputs) - before).max() > 0.1


def test_training_drops_out_anew_each_time(embedder):
  inputs = make_inputs([9, 3], 9)
  first = embedder.embed_queries(inputs, training=True)
  second = embedder.embed_queries(inputs, training=True)
  assert np.abs(first - second).max() > 1e-3
  # So does the output, as in the original.
  many = {key: tf.tile(x, [50, 1]) for key, x in inputs.items()}
  zeros = np.equal(embedder.embed_queries(many, training=True), 0).mean()
  assert 0.03 < zeros < 0.2


def test_names_tell_the_optimizer_what_does_not_decay():
  embedder = Embedder(CONFIG, separate_towers=True)
  for variable in embedder.trainable_variables:
    decays = not any(
      part in variable.name for part in ('LayerNorm', 'layer_norm', 'bias')
    )
    assert decays == (variable.shape.rank > 1 and 'bias' not in variable.name)
  names = [v.name for v in embedder.variables]
  assert len(set(names)) == len(names)


def test_starts_from_bert():
  bert = load_bert('tiny', vocab_size=50, with_mlm_head=False, seed=5)
  embedder = Embedder(bert.config, separate_towers=True)
  embedder.init_from_bert(bert)
  for tower in embedder.towers:
    for mine, its in zip(tower.encoder.weights, bert.encoder.weights):
      np.testing.assert_array_equal(mine, its)
  with pytest.raises(ValueError, match='cannot start from a BERT of'):
    Embedder(CONFIG).init_from_bert(bert)


def test_seed_decides_the_weights():
  one, same, other = (Embedder(CONFIG, seed=seed) for seed in (1, 1, 2))
  for a, b in zip(one.variables, same.variables):
    np.testing.assert_array_equal(a, b)
  assert (
    np.abs(
      one.query_tower.projection.kernel - other.query_tower.projection.kernel
    ).max()
    > 1e-3
  )


def test_wrong_projection_size():
  with pytest.raises(ValueError, match='Received: 0'):
    Embedder(BertConfig.preset('tiny', vocab_size=9), projection_size=0)


def test_goldens():
  folder = shared_data.path('goldens')
  embedder = goldens.load_embedder(folder)
  features = goldens.load_features(folder)
  expected = np.load(folder / 'model_tiny.npz')
  np.testing.assert_allclose(
    embedder.embed_queries(features['query']), expected['query_emb'], atol=1e-5
  )
  np.testing.assert_allclose(
    embedder.embed_documents(features['candidates']),
    expected['candidate_emb'],
    atol=1e-5,
  )
  rows = np.arange(54)
  queries = embedder.embed_queries(goldens.load_features(folder, rows)['query'])
  retrieval = np.load(folder / 'retrieval_tiny.npz')
  np.testing.assert_allclose(queries, retrieval['query_emb_all_ok'], atol=1e-5)
  # With these queries the original's ten best documents come out.
  documents = np.load(folder / 'doc_embeds_tiny.npy')
  scores = queries.numpy() @ documents.T
  best = np.argsort(-scores, axis=1, kind='stable')[:, :10]
  same = np.mean(best == retrieval['top10_ids'])
  assert same > 0.99  # A tie or two may fall the other way.
