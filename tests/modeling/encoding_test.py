# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import importlib.metadata
import operator

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.bert.bert_config import BertConfig
from realm_tf.bert.encoder import build_encoder
from realm_tf.modeling import encoding

CONFIG = BertConfig(
  vocab_size=50,
  hidden_size=16,
  num_layers=3,
  num_heads=2,
  intermediate_size=32,
  max_positions=24,
  initializer_range=0.5,
)


def make_inputs(lengths, width, seed=0):
  rng = np.random.default_rng(seed)
  mask = (np.arange(width) < np.array(lengths)[:, None]).astype(np.int32)
  shape = mask.shape
  return {
    'input_word_ids': tf.constant(rng.integers(1, 50, shape) * mask, tf.int32),
    'input_mask': tf.constant(mask),
    'input_type_ids': tf.constant(rng.integers(0, 2, shape) * mask, tf.int32),
  }


@pytest.fixture(scope='module')
def encoder():
  encoder = build_encoder(CONFIG)
  rng = np.random.default_rng(1)
  for variable in encoder.variables:  # Biases and norms are not trivial.
    variable.assign_add(0.1 * rng.standard_normal(variable.shape))
  return encoder


# What `encoding` takes from Model Garden's encoder without its consent.
PRIVATE = {
  '': (
    'get_embedding_table',
    'transformer_layers',
    'pooler_layer.kernel',
    'pooler_layer.bias',
    '_type_embedding_layer.embeddings',
    '_position_embedding_layer._position_embeddings',
    '_embedding_norm_layer.gamma',
    '_embedding_norm_layer.beta',
    '_embedding_norm_layer.epsilon',
    '_embedding_dropout.rate',
  ),
  'transformer_layers': (
    *(
      f'_attention_layer._{name}_dense.{part}'
      for name in ('query', 'key', 'value', 'output')
      for part in ('kernel', 'bias')
    ),
    *(
      f'{name}.{part}'
      for name in ('_intermediate_dense', '_output_dense')
      for part in ('kernel', 'bias')
    ),
    *(
      f'{name}.{part}'
      for name in ('_attention_layer_norm', '_output_layer_norm')
      for part in ('gamma', 'beta', 'epsilon')
    ),
    '_attention_dropout_rate',
    '_output_dropout_rate',
    '_inner_activation',
  ),
}


def test_model_garden_has_what_encoding_needs(encoder):
  missing = []
  for where, names in PRIVATE.items():
    for part in getattr(encoder, where) if where else [encoder]:
      for name in names:
        try:
          operator.attrgetter(name)(part)
        except AttributeError:
          missing.append(f'{type(part).__name__}.{name}')
  version = importlib.metadata.version('tf-models-official')
  assert not missing, (
    f'tf-models-official {version} has no {sorted(set(missing))};'
    ' modeling/encoding.py has to be adapted'
  )


@pytest.mark.parametrize('activation', ['gelu', 'gelu_new', 'relu'])
def test_equals_model_garden_at_the_positions(activation):
  config = BertConfig(**{**CONFIG.__dict__, 'activation': activation})
  encoder = build_encoder(config)
  inputs = make_inputs([9, 3, 14], 20)
  positions = tf.constant([[0, 8, 4, 4], [2, 0, 0, 1], [13, 0, 5, 1]])
  expected = tf.gather(
    encoder(inputs)['sequence_output'], positions, batch_dims=1
  )
  found = encoding.encode(encoder, inputs, positions)
  np.testing.assert_allclose(found, expected, atol=2e-5)
  np.testing.assert_allclose(
    encoding.encode(encoder, inputs),
    encoder(inputs)['sequence_output'][:, :1],
    atol=2e-5,
  )


def test_gradients_equal_model_gardens(encoder):
  inputs = make_inputs([9, 3, 14], 20)
  positions = tf.constant([[0, 8], [2, 1], [13, 13]])
  weight = tf.random.stateless_normal([3, 2, 16], [1, 2])
  variables = [v for v in encoder.trainable_variables if 'pooler' not in v.name]

  def gradients(function):
    with tf.GradientTape() as tape:
      loss = tf.reduce_sum(weight * function())
    return [tf.convert_to_tensor(g) for g in tape.gradient(loss, variables)]

  found = gradients(lambda: encoding.encode(encoder, inputs, positions))
  expected = gradients(
    lambda: tf.gather(
      encoder(inputs)['sequence_output'], positions, batch_dims=1
    )
  )
  for variable, one, other in zip(variables, found, expected):
    np.testing.assert_allclose(
      one, other, atol=2e-4, rtol=1e-4, err_msg=variable.name
    )


def test_mean_equals_that_of_model_garden(encoder):
  inputs = make_inputs([9, 3, 14, 2, 20], 20)
  mask = tf.cast(inputs['input_mask'], tf.float32)[..., tf.newaxis]
  outputs = encoder(inputs)['sequence_output'] * mask
  expected = tf.reduce_sum(outputs, 1) / tf.reduce_sum(mask, 1)
  for num_groups in (1, 3):
    found = encoding.encode(encoder, inputs, mean=True, num_groups=num_groups)
    np.testing.assert_allclose(found[:, 0], expected, atol=2e-5)


def test_padding_does_not_matter(encoder):
  narrow, wide = make_inputs([5, 2], 5), make_inputs([5, 2], 5)
  wide = {key: tf.pad(x, [[0, 0], [0, 12]]) for key, x in wide.items()}
  np.testing.assert_allclose(
    encoding.encode(encoder, narrow), encoding.encode(encoder, wide), atol=1e-6
  )
  assert encoding.trim(wide)['input_mask'].shape == (2, 5)
  nothing = make_inputs([0, 0], 7)
  assert encoding.trim(nothing)['input_mask'].shape == (2, 1)


def test_dropout_keeps_the_mean_and_follows_its_seed():
  x = tf.ones([200, 1003])
  drop = encoding.Dropout(tf.constant([3, 4]))
  first, second = drop(x, 0.1), drop(x, 0.1)
  again = encoding.Dropout(tf.constant([3, 4]))(x, 0.1)
  np.testing.assert_array_equal(first, again)
  assert np.any(np.not_equal(first, second))
  kept = np.not_equal(first, 0)
  assert abs(kept.mean() - 0.9) < 0.003
  np.testing.assert_allclose(first.numpy()[kept], 1 / 0.9, rtol=1e-4)
  # Neither rows nor columns are dropped as a whole.
  assert kept.mean(0).min() > 0.7 and kept.mean(1).min() > 0.85
  assert encoding.Dropout(None)(x, 0.1) is x


def test_dropout_drops_the_same_in_the_gradient():
  x = tf.constant(np.random.default_rng(0).standard_normal([7, 13]))
  with tf.GradientTape() as tape:
    tape.watch(x)
    y = encoding.Dropout(tf.constant([1, 2]))(x, 0.5)
    loss = tf.reduce_sum(y)
  np.testing.assert_allclose(
    tape.gradient(loss, x), np.where(y == 0, 0.0, y / x), rtol=1e-6
  )


def test_training_drops_out(encoder):
  inputs = make_inputs([9, 3], 9)
  plain = encoding.encode(encoder, inputs)
  one = encoding.encode(encoder, inputs, seed=tf.constant([1, 0]))
  same = encoding.encode(encoder, inputs, seed=tf.constant([1, 0]))
  other = encoding.encode(encoder, inputs, seed=tf.constant([2, 0]))
  np.testing.assert_array_equal(one, same)
  assert np.abs(one - plain).max() > 0.05
  assert np.abs(one - other).max() > 0.05
