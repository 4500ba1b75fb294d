# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Parts of a transformer layer that take few passes over memory.

On a CPU the passes that TensorFlow's own gradients take cost more than the
multiplications. These compute the same numbers.
"""

import math
from collections.abc import Callable

import tensorflow as tf

from realm_tf.bert.encoder import erf_gelu

_STEPS = 1 << 16


def dropout_mask(
  shape: tf.Tensor, rate: float, seed: tf.Tensor, dtype: tf.DType
) -> tf.Tensor:
  """Zeros at a share `rate` of the places, else 1 / (1 - rate).

  16 random bits decide each place, so the rate is right to 1 in 131,072;
  TensorFlow's dropout takes three times as long.

  Args:
    shape: Of the mask.
    rate: Between 0 and 1.
    seed: int `[2]`.
    dtype: Of the mask.
  """
  size = tf.reduce_prod(shape)
  bits = tf.random.stateless_uniform(
    [(size + 1) // 2], seed, None, None, tf.uint32, alg='philox'
  )
  bits = tf.reshape(tf.bitcast(bits, tf.uint16), [-1])[:size]
  threshold = min(round(rate * _STEPS), _STEPS - 1)
  kept = tf.reshape(bits >= tf.constant(threshold, tf.uint16), shape)
  return tf.cast(kept, dtype) * tf.cast(_STEPS / (_STEPS - threshold), dtype)


@tf.custom_gradient
def _normalize(x: tf.Tensor, epsilon: tf.Tensor):
  centered = x - tf.reduce_mean(x, -1, keepdims=True)
  variance = tf.reduce_mean(tf.square(centered), -1, keepdims=True)
  scale = tf.math.rsqrt(variance + epsilon)
  normalized = centered * scale

  def gradient(upstream: tf.Tensor):
    mean = tf.reduce_mean(upstream, -1, keepdims=True)
    along = tf.reduce_mean(upstream * normalized, -1, keepdims=True)
    return scale * (upstream - mean - normalized * along), None

  return normalized, gradient


def normalize(x: tf.Tensor, epsilon: float) -> tf.Tensor:
  """Mean 0 and variance 1 along the last axis."""
  return _normalize(x, tf.constant(epsilon, x.dtype))


@tf.custom_gradient
def gelu(x: tf.Tensor):
  """GELU by the error function."""
  half = 0.5 * (1.0 + tf.math.erf(x * math.sqrt(0.5)))

  def gradient(upstream: tf.Tensor) -> tf.Tensor:
    density = tf.exp(-0.5 * tf.square(x)) * (1 / math.sqrt(2 * math.pi))
    return upstream * (half + x * density)

  return x * half, gradient


def faster(
  activation: Callable[[tf.Tensor], tf.Tensor],
) -> Callable[[tf.Tensor], tf.Tensor]:
  """The same activation, with a faster gradient if there is one."""
  return gelu if activation is erf_gelu else activation
