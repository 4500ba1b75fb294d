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
from realm_tf.modeling.base_layers import BertLayer, Configurable, serializable

# The epsilon of the projection's layer normalization in the original's ICT.
# BERT's own is 1e-12, as is that of the released REALM embedder.
PROJECTION_EPSILON = 1e-3


@serializable
class Tower(BertLayer, keras.layers.Layer):
  """BERT's pooled [CLS] -> Dense -> LayerNorm, for one kind of text."""

  def __init__(
    self,
    bert_config: BertConfig,
    projection_size: int,
    projection_epsilon: float,
    seed: int,
    name: str,
    encoder_dtype: str | None = None,
  ):
    super().__init__(name=name, dtype=tf.float32)
    self.bert_config = bert_config
    self.projection_size = projection_size
    self.projection_epsilon = projection_epsilon
    self.seed = seed
    self.encoder = encoder_lib.build_encoder(
      bert_config, name='bert', output_range=1, seed=seed, dtype=encoder_dtype
    )
    self.encoder_dtype = self.encoder.dtype_policy.name
    self.projection = keras.layers.Dense(
      projection_size,
      kernel_initializer=keras.initializers.GlorotUniform(seed=seed),
      name='projection',
      dtype=tf.float32,
    )
    self.layer_norm = keras.layers.LayerNormalization(
      epsilon=projection_epsilon, name='layer_norm', dtype=tf.float32
    )
    # The optimizer recognizes what does not decay by these names.
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
    """Embeds BERT inputs `[rows, length]` as `[rows, projection_size]`.

    Args:
      inputs: BERT inputs.
      seed: Seed of the dropout masks, int `[2]`. None applies no dropout.
      num_groups: Groups that rows are sorted into (`encoding.encode`).
    """
    first = encoding.encode(
      self.encoder, inputs, seed=seed, num_groups=num_groups
    )[:, 0]
    pooler = self.encoder.pooler_layer
    kernel = tf.cast(pooler.kernel, tf.float32)
    pooled = tf.tanh(
      tf.matmul(first, kernel) + tf.cast(pooler.bias, tf.float32)
    )
    embedded = self.layer_norm(self.projection(pooled))
    if seed is None:
      return embedded
    return encoding.Dropout(seed + [1, 0])(embedded, self.bert_config.dropout)


@serializable
class Embedder(Configurable, keras.layers.Layer):
  """Embeds queries and documents; their inner product is the relevance.

  An embedding is BERT's pooled [CLS], projected and normalized. Queries and
  documents share their weights, as in the original, or have separate towers.

  Example:
    >>> config = BertConfig.preset('tiny', vocab_size=100)
    >>> embedder = Embedder(config, projection_size=16)
    >>> ids = tf.constant([[2, 7, 8, 3], [2, 9, 3, 0]])
    >>> inputs = {
    ...   'input_word_ids': ids,
    ...   'input_mask': tf.cast(ids > 0, tf.int32),
    ...   'input_type_ids': tf.zeros_like(ids),
    ... }
    >>> embedder.embed_queries(inputs).shape
    TensorShape([2, 16])

  Attributes:
    bert_config: Sizes of the encoder.
    projection_size: Size of an embedding.
    separate_towers: Whether documents have their own tower.
    projection_epsilon: Epsilon of the projection's layer normalization.
    query_tower: Embeds queries.
    document_tower: Embeds documents; `query_tower` unless they are separate.
  """

  def __init__(
    self,
    bert_config: BertConfig,
    projection_size: int = 128,
    separate_towers: bool = False,
    *,
    projection_epsilon: float = PROJECTION_EPSILON,
    seed: int = 0,
    encoder_dtype: str | None = None,
    name: str = 'embedder',
  ):
    """Makes an embedder with random weights.

    Args:
      bert_config: Sizes and dropout rates of the encoder.
      projection_size: Size of an embedding.
      separate_towers: Whether documents get their own tower, which starts with
        the same weights.
      projection_epsilon: Epsilon of the projection's layer normalization.
      seed: Seed of weights and dropout.
      encoder_dtype: Precision policy of the encoder, such as `mixed_bfloat16`.
        Defaults to Keras's global policy.
      name: Name of the layer and prefix of its variables.
    """
    if projection_size < 1:
      raise ValueError(
        f'`projection_size` must be positive. Received: {projection_size}'
      )
    super().__init__(name=name, dtype=tf.float32)
    self.bert_config = bert_config
    self.projection_size = projection_size
    self.separate_towers = separate_towers
    self.projection_epsilon = projection_epsilon
    self.seed = seed
    self.generator = tf.random.Generator.from_seed(seed, alg='philox')

    def tower(kind: str) -> Tower:
      return Tower(
        bert_config,
        projection_size,
        projection_epsilon,
        seed,
        kind,
        encoder_dtype,
      )

    with tf.name_scope(name):
      self.query_tower = tower('query')
    self.document_tower = self.query_tower
    if separate_towers:
      with tf.name_scope(f'document_{name}'):
        self.document_tower = tower('document')
    self.encoder_dtype = self.query_tower.encoder_dtype
    self.built = True

  @property
  def towers(self) -> list[Tower]:
    """The single tower, or those of queries and documents."""
    if self.separate_towers:
      return [self.query_tower, self.document_tower]
    return [self.query_tower]

  def init_from_bert(self, bert: Bert) -> None:
    """Copies the encoders' weights from `bert`; projections stay.

    Raises:
      ValueError: Its encoder has other sizes.
    """
    for tower in self.towers:
      tower.init_from_bert(bert)

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
      training: Whether to apply dropout.
      num_groups: Groups of similar length that rows are sorted into. More than
        one pays if lengths differ much.

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
    """Embeds documents, like `embed_queries`."""
    return self._embed(self.document_tower, inputs, training, num_groups)

  def call(
    self, inputs: Mapping[str, encoding.Inputs], training: bool = False
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Embeds `inputs['query']` and `inputs['document']`."""
    return (
      self.embed_queries(inputs['query'], training),
      self.embed_documents(inputs['document'], training),
    )
