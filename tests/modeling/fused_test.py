# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import tensorflow as tf

from realm_tf.bert.encoder import erf_gelu, tanh_gelu
from realm_tf.modeling import fused


def value_and_gradient(function, x):
  weight = tf.random.stateless_normal(x.shape, [5, 6])
  with tf.GradientTape() as tape:
    tape.watch(x)
    y = function(x)
    loss = tf.reduce_sum(weight * y)
  return y, tape.gradient(loss, x)


def test_gelu_is_gelu():
  x = tf.constant(np.linspace(-6, 6, 1001, dtype=np.float32))
  assert fused.faster(erf_gelu) is fused.gelu
  assert fused.faster(tanh_gelu) is tanh_gelu
  for found, expected in zip(
    value_and_gradient(fused.gelu, x), value_and_gradient(erf_gelu, x)
  ):
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_normalize():
  x = 3 + 2 * tf.random.stateless_normal([5, 16], [1, 2])

  def reference(x):
    mean, variance = tf.nn.moments(x, [-1], keepdims=True)
    return (x - mean) / tf.sqrt(variance + 1e-3)

  for found, expected in zip(
    value_and_gradient(lambda x: fused.normalize(x, 1e-3), x),
    value_and_gradient(reference, x),
  ):
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_drop():
  ones = tf.ones([301, 1003])
  mask = fused.drop(ones, 0.1, [3, 4]).numpy()
  kept = mask > 0
  assert abs(kept.mean() - 0.9) < 0.002
  np.testing.assert_allclose(mask[kept], 1 / 0.9, rtol=2e-5)
  # Neighbours share a random number's bits, and yet are independent.
  both = kept[:, ::2][:, :500] & kept[:, 1::2][:, :500]
  assert abs(both.mean() - 0.81) < 0.005
  all_of_it = fused.drop(ones, 1e-9, [3, 4])
  np.testing.assert_array_equal(all_of_it, ones)
  x = tf.random.stateless_normal([301, 1003], [1, 2])
  for found, expected in zip(
    value_and_gradient(lambda x: fused.drop(x, 0.1, [3, 4]), x),
    value_and_gradient(lambda x: mask * x, x),
  ):
    np.testing.assert_allclose(found, expected, rtol=1e-6)
