# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Builds BERT's encoder and its masked language modeling head."""

from collections.abc import Iterable

import tensorflow as tf
import tf_keras as keras
from official.nlp.modeling import layers, networks

from realm_tf.bert import precision
from realm_tf.bert.bert_config import BertConfig


@keras.utils.register_keras_serializable(package='realm_tf')
def erf_gelu(x: tf.Tensor) -> tf.Tensor:
  """GELU by the error function."""
  return tf.nn.gelu(x, approximate=False)


@keras.utils.register_keras_serializable(package='realm_tf')
def tanh_gelu(x: tf.Tensor) -> tf.Tensor:
  """GELU's tanh approximation, which differs by at most 5e-4."""
  return tf.nn.gelu(x, approximate=True)


_ACTIVATIONS = {'gelu': erf_gelu, 'gelu_new': tanh_gelu, 'relu': tf.nn.relu}


def _initialize(
  variables: Iterable[tf.Variable], stddev: float, seed: int
) -> None:
  """Draws kernels and embeddings from a truncated normal.

  Keras's initializers cannot be used, because Model Garden clones them, and
  clones with a seed give query, key and value equal weights.
  """
  for stream, variable in enumerate(variables):
    if not variable.name.split(':')[0].endswith(('/kernel', '/embeddings')):
      continue
    variable.assign(
      tf.random.stateless_truncated_normal(
        variable.shape, seed=[seed, stream], stddev=stddev
      )
    )


def _set_epsilon(layer: tf.Module, epsilon: float) -> None:
  for part in layer.submodules:
    if isinstance(part, keras.layers.LayerNormalization):
      part.epsilon = epsilon


def build_encoder(
  config: BertConfig,
  *,
  name: str = 'bert',
  output_range: int | None = None,
  seed: int = 0,
  dtype: str | None = None,
) -> networks.BertEncoderV2:
  """Builds a BERT encoder with random weights.

  The encoder takes a dict of int32 tensors `input_word_ids`, `input_mask` and
  `input_type_ids` with shape `(batch, length)`, and returns a dict with
  `sequence_output` `(batch, length, hidden_size)` and `pooled_output`
  `(batch, hidden_size)`.

  Args:
    config: Sizes of the encoder.
    name: Name of the layer and prefix of its variables.
    output_range: Number of positions computed in the last layer, such as 1 for
      [CLS] alone. Defaults to all.
    seed: Seed of the weights.
    dtype: Precision policy. Defaults to Keras's global policy.
  """
  with precision.policy_scope(dtype):
    encoder = networks.BertEncoderV2(
      vocab_size=config.vocab_size,
      hidden_size=config.hidden_size,
      num_layers=config.num_layers,
      num_attention_heads=config.num_heads,
      max_sequence_length=config.max_positions,
      type_vocab_size=config.type_vocab_size,
      inner_dim=config.intermediate_size,
      inner_activation=_ACTIVATIONS[config.activation],
      output_dropout=config.dropout,
      attention_dropout=config.attention_dropout,
      initializer=keras.initializers.TruncatedNormal(
        stddev=config.initializer_range
      ),
      output_range=output_range,
      name=name,
    )
    with tf.init_scope():
      zeros = tf.zeros([1, 1], tf.int32)
      encoder(
        {
          'input_word_ids': zeros,
          'input_mask': tf.ones_like(zeros),
          'input_type_ids': zeros,
        }
      )
      _initialize(encoder.variables, config.initializer_range, seed)
  _set_epsilon(encoder, config.layer_norm_epsilon)
  return encoder


def build_mlm_head(
  config: BertConfig,
  encoder: networks.BertEncoderV2,
  *,
  name: str = 'masked_lm',
  seed: int = 0,
) -> layers.MaskedLM:
  """Builds the head that scores wordpieces at masked positions.

  It takes `sequence_output` `(batch, length, hidden_size)` and int32 positions
  `(batch, predictions)`, and returns logits
  `(batch, predictions, vocab_size)`. Its output layer is the encoder's word
  embeddings, a variable that both layers list.

  Args:
    config: Sizes of the encoder.
    encoder: A built encoder, whose precision policy the head gets.
    name: Name of the layer and prefix of its variables.
    seed: Seed of the weights.
  """
  table = encoder.get_embedding_table()
  with precision.policy_scope(encoder.dtype_policy.name):
    head = layers.MaskedLM(
      embedding_table=table,
      activation=_ACTIVATIONS[config.activation],
      initializer=keras.initializers.TruncatedNormal(
        stddev=config.initializer_range
      ),
      name=name,
    )
    with tf.init_scope():
      head(
        tf.zeros([1, 1, config.hidden_size], head.compute_dtype),
        tf.zeros([1, 1], tf.int32),
      )
  with tf.init_scope():
    _initialize(
      [v for v in head.variables if v is not table],
      config.initializer_range,
      seed,
    )
  _set_epsilon(head, config.layer_norm_epsilon)
  return head
