# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from realm_tf.bert import encoder as encoder_lib
from realm_tf.bert.bert_config import BertConfig

CONFIG = BertConfig(
  vocab_size=50,
  hidden_size=16,
  num_layers=2,
  num_heads=4,
  intermediate_size=24,
  max_positions=20,
)


def inputs(batch=3, length=7, seed=0):
  rng = np.random.default_rng(seed)
  lengths = rng.integers(3, length + 1, batch)
  return {
    'input_word_ids': tf.constant(
      rng.integers(0, CONFIG.vocab_size, (batch, length)), tf.int32
    ),
    'input_mask': tf.sequence_mask(lengths, length, tf.int32),
    'input_type_ids': tf.constant(
      rng.integers(0, 2, (batch, length)), tf.int32
    ),
  }


def test_shapes_and_variables():
  encoder = encoder_lib.build_encoder(CONFIG)
  h, i = CONFIG.hidden_size, CONFIG.intermediate_size
  layer = 4 * (h * h + h) + 2 * 2 * h + 2 * h * i + h + i
  embeddings = (CONFIG.vocab_size + CONFIG.max_positions + 2) * h + 2 * h
  assert encoder.count_params() == embeddings + 2 * layer + h * h + h
  outputs = encoder(inputs())
  assert outputs['sequence_output'].shape == (3, 7, h)
  assert outputs['pooled_output'].shape == (3, h)


def test_name_is_the_prefix_of_the_variables():
  encoder = encoder_lib.build_encoder(CONFIG, name='reader')
  assert all(v.name.startswith('reader/') for v in encoder.variables)


def test_gelu_is_the_exact_one():
  x = np.linspace(-4, 4, 33).astype(np.float32)
  expected = [v / 2 * (1 + math.erf(v / math.sqrt(2))) for v in x]
  np.testing.assert_allclose(
    encoder_lib.erf_gelu(x), expected, rtol=1e-5, atol=1e-6
  )
  assert np.abs(encoder_lib.tanh_gelu(x) - expected).max() > 1e-4


def test_seed_decides_the_weights():
  first = encoder_lib.build_encoder(CONFIG, seed=1).get_weights()
  keras.utils.set_random_seed(5)
  again = encoder_lib.build_encoder(CONFIG, seed=1).get_weights()
  other = encoder_lib.build_encoder(CONFIG, seed=2).get_weights()
  for a, b in zip(first, again):
    np.testing.assert_array_equal(a, b)
  assert any(not np.array_equal(a, c) for a, c in zip(first, other))


def test_seeded_weights_are_all_different():
  encoder = encoder_lib.build_encoder(CONFIG)
  kernels = [v.numpy().ravel() for v in encoder.variables if 'kernel' in v.name]
  assert len(kernels) == 2 * 6 + 1
  firsts = {float(kernel[0]) for kernel in kernels}
  assert len(firsts) == len(kernels)
  # A truncated normal's standard deviation is .88 of the one asked for.
  spread = np.std(np.concatenate(kernels)) / CONFIG.initializer_range
  assert 0.8 < spread < 0.96


def test_output_range_computes_the_first_position_alone():
  whole = encoder_lib.build_encoder(CONFIG)
  first = encoder_lib.build_encoder(CONFIG, output_range=1)
  features = inputs()
  outputs, outputs_first = whole(features), first(features)
  assert outputs_first['sequence_output'].shape == (3, 1, CONFIG.hidden_size)
  np.testing.assert_allclose(
    outputs_first['sequence_output'][:, 0],
    outputs['sequence_output'][:, 0],
    atol=1e-5,
  )


def test_padding_changes_nothing():
  encoder = encoder_lib.build_encoder(CONFIG)
  features = inputs()
  padded = {
    key: tf.pad(value, [[0, 0], [0, 5]], constant_values=fill)
    for (key, value), fill in zip(features.items(), (9, 0, 1))
  }
  mask = tf.cast(features['input_mask'], tf.bool)
  np.testing.assert_allclose(
    encoder(padded)['sequence_output'][:, :7][mask],
    encoder(features)['sequence_output'][mask],
    atol=1e-5,
  )


def test_dropout_only_in_training():
  encoder = encoder_lib.build_encoder(CONFIG)
  features = inputs()
  evaluation = [
    encoder(features, training=False)['sequence_output'] for _ in range(2)
  ]
  training = [
    encoder(features, training=True)['sequence_output'] for _ in range(2)
  ]
  np.testing.assert_array_equal(*evaluation)
  assert np.abs(training[0] - training[1]).max() > 0.1


def test_epsilon_of_the_config_is_used():
  config = dataclasses.replace(CONFIG, layer_norm_epsilon=0.5)
  encoder = encoder_lib.build_encoder(config)
  output = encoder(inputs())['sequence_output']
  # gamma 1, beta 0: the variance after normalization is v / (v + epsilon).
  assert np.var(output, axis=-1).max() < 0.9
  head = encoder_lib.build_mlm_head(config, encoder)
  assert head.layer_norm.epsilon == 0.5


def test_mlm_head_by_hand():
  encoder = encoder_lib.build_encoder(CONFIG)
  head = encoder_lib.build_mlm_head(CONFIG, encoder)
  rng = np.random.default_rng(1)
  for v in head.variables:
    v.assign(rng.normal(size=v.shape).astype(np.float32))
  sequence = rng.normal(size=(2, 5, 16)).astype(np.float32)
  positions = tf.constant([[0, 4, 2], [3, 3, 1]])
  logits = head(sequence, positions)
  assert logits.shape == (2, 3, CONFIG.vocab_size)
  x = sequence[1, 3].astype(np.float64) @ head.dense.kernel.numpy()
  x += head.dense.bias.numpy()
  x = x / 2 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))
  x = (x - x.mean()) / np.sqrt(x.var() + 1e-12)
  x = x * head.layer_norm.gamma.numpy() + head.layer_norm.beta.numpy()
  expected = x @ encoder.get_embedding_table().numpy().T + head.bias.numpy()
  np.testing.assert_allclose(logits[1, 1], expected, rtol=1e-4, atol=1e-4)
  np.testing.assert_array_equal(logits[1, 0], logits[1, 1])


def test_mlm_head_is_tied_to_the_word_embedding():
  encoder = encoder_lib.build_encoder(CONFIG)
  head = encoder_lib.build_mlm_head(CONFIG, encoder)
  table = encoder.get_embedding_table()
  assert sum(v is table for v in head.variables) == 1
  with tf.GradientTape() as tape:
    outputs = encoder(inputs())['sequence_output']
    loss = tf.reduce_sum(head(outputs, tf.constant([[1]] * 3))[..., :2])
  variables = [*encoder.trainable_variables, *head.trainable_variables]
  variables = [v for v in variables if 'pooler' not in v.name]
  gradients = tape.gradient(loss, variables)
  assert all(gradient is not None for gradient in gradients)


@pytest.mark.parametrize('policy', ['mixed_bfloat16', 'float32'])
def test_policies(policy):
  before = keras.mixed_precision.global_policy()
  keras.mixed_precision.set_global_policy(policy)
  try:
    encoder = encoder_lib.build_encoder(CONFIG)
    head = encoder_lib.build_mlm_head(CONFIG, encoder)
    outputs = encoder(inputs())['sequence_output']
    logits = head(outputs, tf.constant([[1]] * 3))
  finally:
    keras.mixed_precision.set_global_policy(before)
  assert all(v.dtype == tf.float32 for v in encoder.variables)
  expected = tf.bfloat16 if 'bfloat16' in policy else tf.float32
  assert logits.dtype == expected
  assert np.isfinite(tf.cast(logits, tf.float32)).all()


def test_builds_inside_a_function():
  layer = keras.layers.Layer()

  @tf.function
  def build():
    if not hasattr(layer, 'encoder'):
      layer.encoder = encoder_lib.build_encoder(CONFIG)
    return layer.encoder(inputs())['pooled_output']

  outside = encoder_lib.build_encoder(CONFIG)
  np.testing.assert_allclose(
    build(), outside(inputs())['pooled_output'], atol=1e-5
  )
