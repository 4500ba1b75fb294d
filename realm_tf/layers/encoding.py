# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs a Model Garden BERT where only some positions are asked for.

REALM wants [CLS] of queries and documents, and the masked words of joint
inputs. In the last layer only these positions are computed, which for a BERT
of two layers is nearly half of the work. In evaluation the numbers are those
of `encoder(inputs)['sequence_output']` at the positions.
"""

import math
from collections.abc import Mapping

import tensorflow as tf
import tf_keras as keras
from official.nlp.modeling import networks

Inputs = Mapping[str, tf.Tensor]
_KEYS = ('input_word_ids', 'input_mask', 'input_type_ids')
_MASKED = -1e9


class Dropout:
  """Draws the dropout masks of one pass; None as seed draws none."""

  def __init__(self, seed: tf.Tensor | None):
    """Starts a pass.

    Args:
      seed: int `[2]`, another one for each pass.
    """
    self._seed = seed
    self._count = 0

  def __call__(self, x: tf.Tensor, rate: float) -> tf.Tensor:
    """Zeroes a share `rate` of the elements and scales up the others."""
    if self._seed is None or not rate:
      return x
    self._count += 1
    return tf.nn.experimental.stateless_dropout(
      x, rate, seed=self._seed + [0, self._count], rng_alg='philox'
    )


def _layer_norm(
  layer: keras.layers.LayerNormalization, x: tf.Tensor
) -> tf.Tensor:
  """Normalizes in float32, whatever goes in."""
  x = tf.cast(x, tf.float32)
  mean, variance = tf.nn.moments(x, [-1], keepdims=True)
  return tf.nn.batch_normalization(
    x, mean, variance, layer.beta, layer.gamma, layer.epsilon
  )


def _dense(
  x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, outputs: int
) -> tf.Tensor:
  """`x [..., in]` times `kernel`, which has in x outputs elements."""
  inputs = x.shape[-1]
  kernel = tf.cast(tf.reshape(kernel, [inputs, outputs]), x.dtype)
  bias = tf.cast(tf.reshape(bias, [outputs]), x.dtype)
  flat = tf.matmul(tf.reshape(x, [-1, inputs]), kernel)
  shape = tf.concat([tf.shape(x)[:-1], [outputs]], 0)
  return tf.reshape(tf.nn.bias_add(flat, bias), shape)


def _heads(x: tf.Tensor, layer: keras.layers.Layer) -> tf.Tensor:
  """Projects `[rows, length, hidden]` to `[rows, heads, length, size]`."""
  _, heads, size = layer.kernel.shape
  x = _dense(x, layer.kernel, layer.bias, heads * size)
  shape = tf.shape(x)
  x = tf.reshape(x, [shape[0], shape[1], heads, size])
  return tf.transpose(x, [0, 2, 1, 3])


def _attend(
  attention: keras.layers.MultiHeadAttention,
  target: tf.Tensor,
  source: tf.Tensor,
  bias: tf.Tensor,
  rate: float,
  dropout: Dropout,
) -> tf.Tensor:
  """Attention of `target [rows, p, hidden]` to `source [rows, l, hidden]`."""
  query = _heads(target, attention._query_dense)
  key = _heads(source, attention._key_dense)
  value = _heads(source, attention._value_dense)
  query *= 1.0 / math.sqrt(query.shape[-1])
  scores = tf.matmul(query, key, transpose_b=True)
  probs = dropout(tf.nn.softmax(scores + tf.cast(bias, scores.dtype)), rate)
  context = tf.transpose(tf.matmul(probs, value), [0, 2, 1, 3])
  heads, size, hidden = attention._output_dense.kernel.shape
  shape = tf.shape(context)
  context = tf.reshape(context, [shape[0], shape[1], heads * size])
  return _dense(
    context,
    attention._output_dense.kernel,
    attention._output_dense.bias,
    hidden,
  )


def _transform(
  block: keras.layers.Layer,
  target: tf.Tensor,
  source: tf.Tensor,
  bias: tf.Tensor,
  dtype: tf.DType,
  dropout: Dropout,
) -> tf.Tensor:
  """One transformer layer, of which the positions `target` are wanted."""
  rate = block._output_dropout_rate
  attended = _attend(
    block._attention_layer,
    tf.cast(target, dtype),
    tf.cast(source, dtype),
    bias,
    block._attention_dropout_rate,
    dropout,
  )
  # Model Garden has two rates, but drops both outputs of BERT by the same.
  attended = tf.cast(dropout(attended, rate), tf.float32)
  attended = _layer_norm(block._attention_layer_norm, target + attended)
  inner = block._intermediate_dense
  x = _dense(
    tf.cast(attended, dtype), inner.kernel, inner.bias, inner.kernel.shape[-1]
  )
  x = block._inner_activation(x)
  outer = block._output_dense
  x = _dense(x, outer.kernel, outer.bias, outer.kernel.shape[-1])
  x = tf.cast(dropout(x, rate), tf.float32)
  return _layer_norm(block._output_layer_norm, x + attended)


def _embed(
  encoder: networks.BertEncoderV2, inputs: Inputs, dropout: Dropout
) -> tf.Tensor:
  """Sum of word, position and type embeddings, normalized."""
  ids = inputs['input_word_ids']
  table = encoder.get_embedding_table()
  types = encoder._type_embedding_layer.embeddings
  positions = encoder._position_embedding_layer._position_embeddings
  x = tf.gather(table, ids)
  x += positions[: tf.shape(ids)[1]]
  # Two types: a sum costs less than another lookup and its gradient.
  one_hot = tf.one_hot(inputs['input_type_ids'], types.shape[0])
  x += tf.einsum('rlt,th->rlh', one_hot, types)
  x = _layer_norm(encoder._embedding_norm_layer, x)
  return dropout(x, encoder._embedding_dropout.rate)


def trim(inputs: Inputs) -> dict[str, tf.Tensor]:
  """Cuts `[rows, length]` to the longest row; one position stays at least."""
  mask = inputs['input_mask']
  ends = mask * tf.range(1, tf.shape(mask)[-1] + 1)
  length = tf.maximum(tf.reduce_max(ends), 1)
  return {key: inputs[key][..., :length] for key in _KEYS}


def encode(
  encoder: networks.BertEncoderV2,
  inputs: Inputs,
  positions: tf.Tensor | None = None,
  *,
  seed: tf.Tensor | None = None,
) -> tf.Tensor:
  """Computes the encoder's output at some positions.

  Args:
    encoder: With its weights; of its own `call` nothing is used.
    inputs: `input_word_ids`, `input_mask` and `input_type_ids`, int32
      `[rows, length]`, padded at the end.
    positions: int32 `[rows, wanted]`; None for position 0, which is [CLS].
    seed: int `[2]` of the dropout masks; None for evaluation.

  Returns:
    float32 `[rows, wanted, hidden]`.
  """
  inputs = trim(inputs)
  dtype = tf.as_dtype(encoder.compute_dtype)
  dropout = Dropout(seed)
  x = _embed(encoder, inputs, dropout)
  mask = tf.cast(inputs['input_mask'], tf.float32)
  bias = ((1.0 - mask) * _MASKED)[:, None, None, :]
  *blocks, last = encoder.transformer_layers
  for block in blocks:
    x = _transform(block, x, x, bias, dtype, dropout)
  if positions is None:
    target = x[:, :1]
  else:
    target = tf.gather(x, positions, batch_dims=1)
  return _transform(last, target, x, bias, dtype, dropout)
