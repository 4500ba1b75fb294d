# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Embeds queries and documents in one vector space."""

import math
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras

from realm_tf.bert import encoder as encoder_lib
from realm_tf.bert.bert_config import BertConfig
from realm_tf.bert.weights import Bert
from realm_tf.configs.embedder_config import EmbedderForm
from realm_tf.modeling import encoding
from realm_tf.modeling.base_layers import BertLayer, Configurable, serializable

# The epsilon of the projection's layer normalization in the original's ICT.
# BERT's own is 1e-12, as is that of the released REALM embedder.
PROJECTION_EPSILON = 1e-3


def _with_prefix(
  inputs: encoding.Inputs, prefix: tuple[int, ...]
) -> encoding.Inputs:
  """Puts wordpieces after [CLS]."""
  if not prefix:
    return inputs
  put = {
    'input_word_ids': prefix,
    'input_mask': (1,) * len(prefix),
    'input_type_ids': (0,) * len(prefix),
  }

  def extended(x: tf.Tensor, values: tuple[int, ...]) -> tf.Tensor:
    new = tf.tile(tf.constant([values], x.dtype), [tf.shape(x)[0], 1])
    return tf.concat([x[:, :1], new, x[:, 1:]], 1)

  return {key: extended(inputs[key], values) for key, values in put.items()}


def _in_one_segment(inputs: encoding.Inputs, joined: bool) -> encoding.Inputs:
  """Makes title and body one segment; `joined`, without a [SEP] between."""
  ids, mask = inputs['input_word_ids'], inputs['input_mask']
  if joined:
    width = tf.shape(ids)[1]
    places = tf.range(width)[tf.newaxis]
    last = tf.reduce_sum(mask, 1, keepdims=True) - 1
    # A packed row ends with [SEP].
    sep = tf.gather(ids, tf.maximum(last, 0), batch_dims=1)
    first = tf.where(ids == sep, places, width)
    first = tf.reduce_min(first, 1, keepdims=True)
    moved = tf.cast((first < last) & (places >= first), tf.int32)
    sources = tf.minimum(places + moved, width - 1)
    ids = tf.gather(ids, sources, batch_dims=1)
    mask = tf.where(first < last, mask * tf.cast(places < last, tf.int32), mask)
  return {
    'input_word_ids': ids,
    'input_mask': mask,
    'input_type_ids': tf.zeros_like(inputs['input_type_ids']),
  }


@serializable
class Tower(BertLayer, keras.layers.Layer):
  """Encoder -> pooling -> projection -> normalization, for one kind of text."""

  def __init__(
    self,
    bert_config: BertConfig,
    projection_size: int,
    projection_epsilon: float,
    seed: int,
    name: str,
    encoder_dtype: str | None = None,
    form: EmbedderForm | None = None,
  ):
    super().__init__(name=name, dtype=tf.float32)
    self.bert_config = bert_config
    self.projection_size = projection_size
    self.projection_epsilon = projection_epsilon
    self.seed = seed
    self.form = form or EmbedderForm()
    self.encoder = encoder_lib.build_encoder(
      bert_config, name='bert', output_range=1, seed=seed, dtype=encoder_dtype
    )
    self.encoder_dtype = self.encoder.dtype_policy.name
    if self.form.pooling != 'pooler':
      self.encoder.pooler_layer.trainable = False  # Nothing reads it.
    # The optimizer recognizes what does not decay by these names.
    self.projection: Any = None
    self.layer_norm: Any = None
    if self.form.projection:
      self.projection = keras.layers.Dense(
        projection_size,
        activation=self.form.activation,
        kernel_initializer=keras.initializers.GlorotUniform(seed=seed),
        name='projection',
        dtype=tf.float32,
      )
      with tf.name_scope('projection'):
        self.projection.build([None, bert_config.hidden_size])
    if self.form.normalization == 'layer_norm':
      self.layer_norm = keras.layers.LayerNormalization(
        epsilon=projection_epsilon, name='layer_norm', dtype=tf.float32
      )
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
    pooling = self.form.pooling
    x = encoding.encode(
      self.encoder,
      inputs,
      mean=pooling == 'mean',
      seed=seed,
      num_groups=num_groups,
    )[:, 0]
    if pooling == 'pooler':
      pooler = self.encoder.pooler_layer
      kernel = tf.cast(pooler.kernel, tf.float32)
      x = tf.tanh(tf.matmul(x, kernel) + tf.cast(pooler.bias, tf.float32))
    if self.projection is not None:
      x = self.projection(x)
    if self.form.normalization == 'l2':
      return tf.math.l2_normalize(x, -1, 1e-24)
    if self.layer_norm is None:
      return x
    x = self.layer_norm(x)
    if seed is None:
      return x
    # As the original does.
    return encoding.Dropout(seed + [1, 0])(x, self.bert_config.dropout)


@serializable
class Embedder(Configurable, keras.layers.Layer):
  """Embeds queries and documents; their inner product is the relevance.

  An embedding is BERT's pooled [CLS], projected and normalized, as in the
  original, or has another form, such as the mean of all outputs. Queries and
  documents share their weights, as in the original, or have separate towers.
  The inputs are always `[CLS] x [SEP]` and `[CLS] title [SEP] body [SEP]`: what
  the form puts before them, or takes out, is its own affair.

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
    form: Pooling, normalization and so on.
    projection_epsilon: Epsilon of the projection's layer normalization.
    log_scale: Logarithm of the factor of queries, 1 / temperature; or None.
    query_tower: Embeds queries, without that factor.
    document_tower: Embeds documents; `query_tower` unless they are separate.
  """

  def __init__(
    self,
    bert_config: BertConfig,
    projection_size: int = 128,
    separate_towers: bool = False,
    *,
    form: EmbedderForm | None = None,
    projection_epsilon: float = PROJECTION_EPSILON,
    seed: int = 0,
    encoder_dtype: str | None = None,
    name: str = 'embedder',
  ):
    """Makes an embedder with random weights.

    Args:
      bert_config: Sizes and dropout rates of the encoder.
      projection_size: Size of an embedding. Without a projection it is the
        hidden size of the encoder, whatever is given.
      separate_towers: Whether documents get their own tower, which starts with
        the same weights.
      form: Pooling, normalization and so on. Defaults to the original's form.
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
    self.form = form = form or EmbedderForm()
    if not form.projection:
      projection_size = bert_config.hidden_size
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
        form,
      )

    self.log_scale = None
    with tf.name_scope(name):
      self.query_tower = tower('query')
      if form.temperature is not None:
        self.log_scale = tf.Variable(
          -math.log(form.temperature), dtype=tf.float32, name='log_scale'
        )
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

  @property
  def query_variables(self) -> list[tf.Variable]:
    """The trainable variables of `embed_queries`."""
    scale = [] if self.log_scale is None else [self.log_scale]
    return [*self.query_tower.trainable_variables, *scale]

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
    num_groups: int,
    prefix: tuple[int, ...],
  ) -> tf.Tensor:
    seed = self.generator.make_seeds(1)[:, 0] if training else None
    shape = tf.shape(inputs['input_word_ids'])
    flat: encoding.Inputs = {
      key: tf.reshape(value, [-1, shape[-1]]) for key, value in inputs.items()
    }
    if self.form.titles != 'segments':
      flat = _in_one_segment(flat, self.form.titles == 'joined')
    flat = _with_prefix(flat, prefix)
    limit = self.bert_config.max_positions
    if prefix:
      flat = {key: value[:, :limit] for key, value in flat.items()}
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
    embedded = self.query_vectors(inputs, training, num_groups)
    if self.log_scale is None:
      return embedded
    return embedded * tf.exp(self.log_scale)

  def query_vectors(
    self,
    inputs: encoding.Inputs,
    training: bool = False,
    num_groups: int = 1,
  ) -> tf.Tensor:
    """Embeds queries, without dividing by the temperature."""
    prefix = self.form.query_prefix
    return self._embed(self.query_tower, inputs, training, num_groups, prefix)

  def embed_documents(
    self,
    inputs: encoding.Inputs,
    training: bool = False,
    num_groups: int = 1,
  ) -> tf.Tensor:
    """Embeds documents, like `embed_queries`."""
    prefix = self.form.document_prefix
    tower = self.document_tower
    return self._embed(tower, inputs, training, num_groups, prefix)

  def call(
    self, inputs: Mapping[str, encoding.Inputs], training: bool = False
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Embeds `inputs['query']` and `inputs['document']`."""
    return (
      self.embed_queries(inputs['query'], training),
      self.embed_documents(inputs['document'], training),
    )
