# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A BERT that classifies each word of a sentence."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras

from realm_tf.bert import precision
from realm_tf.bert.bert_config import BertConfig
from realm_tf.modeling.base_layers import BertLayer, serializable
from realm_tf.modeling.loss_model import LossModel, masked_mean


@serializable
class TokenClassifier(BertLayer, LossModel):
  """An encoder that classifies words by their first wordpieces.

  The segment of a wordpiece says how its word is capitalized, so there are
  `num_segments` segments. When the model starts from a BERT, each segment
  starts as BERT's segment 0.

  Example:
    >>> config = BertConfig.preset('tiny', vocab_size=100)
    >>> model = TokenClassifier(config, num_classes=9, num_segments=7)
    >>> ids = tf.constant([[2, 7, 8, 3]])
    >>> logits = model({
    ...   'input_word_ids': ids,
    ...   'input_mask': tf.ones_like(ids),
    ...   'input_type_ids': tf.constant([[0, 1, 2, 0]]),
    ... })
    >>> logits.shape
    TensorShape([1, 4, 9])

  Attributes:
    bert_config: Sizes of the encoder, with `num_segments` segments.
    num_classes: Number of classes.
  """

  def __init__(
    self,
    bert_config: BertConfig,
    num_classes: int,
    *,
    num_segments: int = 1,
    train_word_embeddings: bool = True,
    seed: int = 0,
    encoder_dtype: str | None = None,
    name: str = 'token_classifier',
  ):
    """Makes a model with random weights.

    Args:
      bert_config: Sizes and dropout rates of the encoder; its
        `type_vocab_size` is ignored.
      num_classes: Number of classes.
      num_segments: Number of values of `input_type_ids`.
      train_word_embeddings: Whether word embeddings are trained. With few
        sentences most words are never seen and would stay as they are while
        the others move away.
      seed: Seed of the weights.
      encoder_dtype: Precision policy of the encoder, such as `mixed_bfloat16`.
        Defaults to Keras's global policy.
      name: Name of the model.
    """
    super().__init__(name)
    self.num_classes = num_classes
    self.num_segments = num_segments
    self.train_word_embeddings = train_word_embeddings
    self._make_bert(
      dataclasses.replace(bert_config, type_vocab_size=num_segments),
      seed,
      encoder_dtype,
    )
    with precision.policy_scope(self.encoder_dtype):
      self.dropout = keras.layers.Dropout(bert_config.dropout)
      self.output_layer = keras.layers.Dense(
        num_classes,
        kernel_initializer=keras.initializers.TruncatedNormal(
          stddev=bert_config.initializer_range, seed=seed
        ),
        name='classes',
      )
    with tf.init_scope():
      self.output_layer.build([None, None, bert_config.hidden_size])

  def _start_of(self, variable: tf.Variable, value: tf.Tensor) -> Any:
    if 'type_embeddings' in variable.name:
      return tf.tile(value[:1], [variable.shape[0], 1])
    return value

  @property
  def trainable_variables(self) -> list[tf.Variable]:
    """All variables except the pooler's and what is fixed."""
    variables = self._without_pooler(super().trainable_variables)
    if self.train_word_embeddings:
      return variables
    return [v for v in variables if 'word_embeddings' not in v.name]

  def call(
    self, inputs: Mapping[str, Any], training: bool = False
  ) -> tf.Tensor:
    """Logits of the classes, float32 `[batch, length, num_classes]`.

    Args:
      inputs: BERT inputs, int32 `[batch, length]`; other keys are ignored.
      training: Whether to apply dropout.
    """
    outputs = self.encoder(
      {
        key: inputs[key]
        for key in ('input_word_ids', 'input_mask', 'input_type_ids')
      },
      training=training,
    )
    hidden = self.dropout(outputs['sequence_output'], training=training)
    return tf.cast(self.output_layer(hidden), tf.float32)

  def loss_and_metrics(
    self, features: Mapping[str, Any], training: bool = False
  ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Mean cross entropy of the words, and `accuracy`.

    Args:
      features: BERT inputs, and `word_classes` int32 `[batch, length]`,
        negative where no word starts.
      training: Whether to apply dropout.
    """
    logits = self(features, training=training)
    classes = features['word_classes']
    counts = tf.cast(classes >= 0, tf.float32)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
      tf.maximum(classes, 0), logits
    )
    hits = tf.argmax(logits, -1, output_type=tf.int32) == classes
    return masked_mean(losses, counts), {
      'accuracy': masked_mean(tf.cast(hits, tf.float32), counts)
    }
