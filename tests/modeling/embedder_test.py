# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.bert.bert_config import BertConfig
from realm_tf.bert.encoder import build_encoder
from realm_tf.bert.weights import load_bert
from realm_tf.configs.embedder_config import EmbedderForm
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


def of_form(seed=0, **form):
  return Embedder(CONFIG, 6, form=EmbedderForm(**form), seed=seed)


def row(*ids):
  ids = tf.constant([ids])
  return {
    'input_word_ids': ids,
    'input_mask': tf.ones_like(ids),
    'input_type_ids': tf.zeros_like(ids),
  }


def test_other_forms_equal_the_encoders_outputs():
  inputs = make_inputs([9, 3, 14], 20)
  encoder = build_encoder(CONFIG, seed=0)
  outputs = encoder(inputs)['sequence_output'].numpy()
  embedder = of_form(pooling='cls', projection=False, normalization='none')
  np.testing.assert_allclose(
    embedder.embed_queries(inputs), outputs[:, 0], atol=2e-5
  )
  embedder = of_form(pooling='mean', activation='tanh', normalization='l2')
  projection = embedder.query_tower.projection
  projection.bias.assign(np.arange(6) / 6)
  mask = inputs['input_mask'].numpy()[..., None]
  mean = (outputs * mask).sum(1) / mask.sum(1)
  x = np.tanh(mean @ projection.kernel.numpy() + projection.bias.numpy())
  x /= np.linalg.norm(x, axis=-1, keepdims=True)
  np.testing.assert_allclose(embedder.embed_queries(inputs), x, atol=2e-5)


def test_prefixes_and_titles():
  """Compared with the inputs that they stand for, typed out."""
  plain = of_form(pooling='mean')
  prefixed = of_form(
    pooling='mean', query_prefix=(7, 8), document_prefix=(9,), titles='joined'
  )
  cls, sep = 2, 3
  np.testing.assert_allclose(
    prefixed.embed_queries(row(cls, 11, 12, sep)),
    plain.embed_queries(row(cls, 7, 8, 11, 12, sep)),
    atol=1e-5,
  )
  documents = [
    ([cls, 11, sep, 12, 13, sep], [cls, 9, 11, 12, 13, sep]),
    ([cls, sep, 12, sep], [cls, 9, 12, sep]),
    ([cls, 11, sep, sep], [cls, 9, 11, sep]),
    ([cls, sep, sep], [cls, 9, sep]),
  ]
  ids = tf.ragged.constant([given for given, _ in documents]).to_tensor()
  mask = tf.cast(ids > 0, tf.int32)
  inputs = {'input_word_ids': ids, 'input_mask': mask, 'input_type_ids': mask}
  expected = [plain.embed_documents(row(*typed))[0] for _, typed in documents]
  np.testing.assert_allclose(
    prefixed.embed_documents(inputs), expected, atol=1e-5
  )
  np.testing.assert_allclose(
    of_form(pooling='mean', titles='separated').embed_documents(inputs)[0],
    plain.embed_documents(row(*documents[0][0]))[0],
    atol=1e-5,
  )
  # As many positions as there are.
  full = row(cls, *[5] * (CONFIG.max_positions - 2), sep)
  assert np.isfinite(prefixed.embed_queries(full)).all()


def test_the_temperature_is_of_queries_and_learned():
  inputs = make_inputs([9, 3], 9)
  form = {'pooling': 'mean', 'projection': False, 'normalization': 'l2'}
  embedder = of_form(temperature=0.1, **form)
  assert embedder.projection_size == 16
  with tf.GradientTape() as tape:
    queries = embedder.embed_queries(inputs)
    documents = embedder.embed_documents(inputs)
    loss = tf.reduce_sum(queries[0] * documents[1])
  vectors = of_form(**form).embed_queries(inputs)
  np.testing.assert_allclose(queries, 10 * vectors, rtol=1e-4)
  np.testing.assert_allclose(documents, vectors, atol=1e-6)
  np.testing.assert_allclose(embedder.query_vectors(inputs), vectors, atol=1e-6)
  # That of exp(log_scale) x is itself.
  gradient = tape.gradient(loss, embedder.log_scale)
  np.testing.assert_allclose(gradient, loss, rtol=1e-5)
  assert any(v is embedder.log_scale for v in embedder.query_variables)
  assert any(v is embedder.log_scale for v in embedder.trainable_variables)


@pytest.mark.parametrize('pooling', ['pooler', 'cls', 'mean'])
def test_every_trainable_variable_gets_a_gradient(pooling):
  embedder = of_form(pooling=pooling, temperature=0.5)
  inputs = make_inputs([9, 3], 9)
  with tf.GradientTape() as tape:
    loss = tf.reduce_sum(embedder.embed_queries(inputs)[:, 0])
  gradients = tape.gradient(loss, embedder.trainable_variables)
  assert all(gradient is not None for gradient in gradients)


def test_the_form_is_in_the_config():
  embedder = of_form(
    seed=3, pooling='mean', query_prefix=(7,), temperature=0.5, titles='joined'
  )
  config = json.loads(json.dumps(embedder.get_config()))
  copy = Embedder.from_config(config)
  inputs = make_inputs([9, 3], 9)
  np.testing.assert_array_equal(
    copy.embed_queries(inputs), embedder.embed_queries(inputs)
  )


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
