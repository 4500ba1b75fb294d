# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Embeds queries and documents in one vector space."""

from collections.abc import Mapping

import tensorflow as tf
import tf_keras as keras

from realm_tf.bert import encoder as encoder_lib
from realm_tf.bert.bert_config import BertConfig
from realm_tf.bert.weights import Bert
from realm_tf.modeling import encoding

# Of the original's projection, as its ICT makes it; BERT's own is 1e-12, and so
# is that of the projection in the embedder that REALM was released with.
PROJECTION_EPSILON = 1e-3


class Tower(keras.layers.Layer):
  """BERT's pooled [CLS] -> Dense -> LayerNorm, for one kind of text."""

  def __init__(
    self,
    bert_config: BertConfig,
    projection_size: int,
    projection_epsilon: float,
    seed: int,
    name: str,
  ):
    super().__init__(name=name, dtype=tf.float32)
    self.encoder = encoder_lib.build_encoder(
      bert_config, name='bert', output_range=1, seed=seed
    )
    self.projection = keras.layers.Dense(
      projection_size,
      kernel_initializer=keras.initializers.GlorotUniform(seed=seed),
      name='projection',
      dtype=tf.float32,
    )
    self.layer_norm = keras.layers.LayerNormalization(
      epsilon=projection_epsilon, name='layer_norm', dtype=tf.float32
    )
    self._dropout_rate = bert_config.dropout
    # The optimizer knows by their names what does not decay.
    with tf.name_scope('projection'):
      self.projection.build([None, bert_config.hidden_size])
    with tf.name_scope('layer_norm'):
      self.layer_norm.build([None, projection_size])
    self.built = True

  def call(
    self,
    inputs: encoding.Inputs,
    seed: tf.Tensor | None = None,
    num_groups: int = 1,
  ) -> tf.Tensor:
    """Embeds `[rows, length]` as float32 `[rows, projection_size]`.

    Args:
      inputs: BERT inputs.
      seed: int `[2]` of the dropout masks; None for evaluation.
      num_groups: See `encoding.encode`.
    """
    first = encoding.encode(
      self.encoder, inputs, seed=seed, num_groups=num_groups
    )[:, 0]
    pooler = self.encoder.pooler_layer
    kernel = tf.cast(pooler.kernel, tf.float32)
    pooled = tf.tanh(
      tf.matmul(first, kernel) + tf.cast(pooler.bias, tf.float32)
    )
    projected = self.projection(pooled)
    embedded = self.layer_norm(projected)
    if seed is None:
      return embedded
    return encoding.Dropout(seed + [1, 0])(embedded, self._dropout_rate)


class Embedder(keras.layers.Layer):
  """Embeds queries and documents; their inner product is the relevance.

  Each is BERT's pooled [CLS], projected and normalized. Both sides share their
  weights, as in the original, or have towers of their own.

  Example:
    embedder = Embedder(BertConfig.preset('tiny'))
    queries = embedder.embed_queries(packing.pack_query(...))  # [batch, 128]

  Attributes:
    bert_config: Sizes of the encoder.
    projection_size: Of an embedding.
    separate_towers: Whether documents have a tower of their own.
    projection_epsilon: Of the layer normalization of the projection.
    query_tower: Embeds queries.
    document_tower: Embeds documents; the same one unless separate.
  """

  def __init__(
    self,
    bert_config: BertConfig,
    projection_size: int = 128,
    separate_towers: bool = False,
    *,
    projection_epsilon: float = PROJECTION_EPSILON,
    seed: int = 0,
    name: str = 'embedder',
  ):
    """Makes an embedder with random weights.

    Args:
      bert_config: Sizes of the encoder, and the rates of dropout.
      projection_size: Of an embedding.
      separate_towers: Whether documents get a tower of their own. It starts
        with the same weights.
      projection_epsilon: Of the layer normalization of the projection.
      seed: Of weights and dropout.
      name: Of the layer; the prefix of its variables.
    """
    if projection_size < 1:
      raise ValueError(
        f'projection_size must be positive. Received: {projection_size}'
      )
    super().__init__(name=name, dtype=tf.float32)
    self.bert_config = bert_config
    self.projection_size = projection_size
    self.separate_towers = separate_towers
    self.projection_epsilon = projection_epsilon
    self.generator = tf.random.Generator.from_seed(seed, alg='philox')
    with tf.name_scope(name):
      self.query_tower = Tower(
        bert_config, projection_size, projection_epsilon, seed, 'query'
      )
    self.document_tower = self.query_tower
    if separate_towers:
      with tf.name_scope(f'document_{name}'):
        self.document_tower = Tower(
          bert_config, projection_size, projection_epsilon, seed, 'document'
        )
    self.built = True

  @property
  def towers(self) -> list[Tower]:
    """The one tower, or the query's and the document's."""
    if self.separate_towers:
      return [self.query_tower, self.document_tower]
    return [self.query_tower]

  def init_from_bert(self, bert: Bert) -> None:
    """Sets the encoders' weights to those of `bert`; projections stay."""
    for tower in self.towers:
      mine, its = tower.encoder.weights, bert.encoder.weights
      shapes = [tuple(v.shape) for v in mine], [tuple(v.shape) for v in its]
      if shapes[0] != shapes[1]:
        raise ValueError(
          f'an embedder of {self.bert_config} cannot start from a BERT of'
          f' {bert.config}'
        )
      for variable, value in zip(mine, its):
        variable.assign(value)

  def _embed(
    self,
    tower: Tower,
    inputs: encoding.Inputs,
    training: bool,
    num_groups: int = 1,
  ) -> tf.Tensor:
    seed = self.generator.make_seeds(1)[:, 0] if training else None
    shape = tf.shape(inputs['input_word_ids'])
    flat = {
      key: tf.reshape(value, [-1, shape[-1]]) for key, value in inputs.items()
    }
    embedded = tower(flat, seed=seed, num_groups=num_groups)
    leading = inputs['input_word_ids'].shape[:-1]
    shape = tf.concat([shape[:-1], [self.projection_size]], 0)
    embedded = tf.reshape(embedded, shape)
    embedded.set_shape([*leading, self.projection_size])
    return embedded

  def embed_queries(
    self,
    inputs: encoding.Inputs,
    training: bool = False,
    num_groups: int = 1,
  ) -> tf.Tensor:
    """Embeds queries.

    Args:
      inputs: BERT inputs, int32 `[..., length]`.
      training: Whether to drop out.
      num_groups: Into how many groups of similar length they are sorted; more
        than one pays where the lengths differ much.

    Returns:
      float32 `[..., projection_size]`.
    """
    return self._embed(self.query_tower, inputs, training, num_groups)

  def embed_documents(
    self,
    inputs: encoding.Inputs,
    training: bool = False,
    num_groups: int = 1,
  ) -> tf.Tensor:
    """Embeds documents.

    Args:
      inputs: BERT inputs, int32 `[..., length]`.
      training: Whether to drop out.
      num_groups: As in `embed_queries`.

    Returns:
      float32 `[..., projection_size]`.
    """
    return self._embed(self.document_tower, inputs, training, num_groups)

  def call(
    self, inputs: Mapping[str, encoding.Inputs], training: bool = False
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Embeds `inputs['query']` and `inputs['document']`."""
    return (
      self.embed_queries(inputs['query'], training),
      self.embed_documents(inputs['document'], training),
    )
