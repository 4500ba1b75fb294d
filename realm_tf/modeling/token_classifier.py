# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A BERT that gives each word of a sentence a class."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras

from realm_tf.bert import encoder as encoder_lib
from realm_tf.bert import weights
from realm_tf.bert.bert_config import BertConfig


class TokenClassifier(keras.Model):
  """An encoder, and classes of the wordpieces with which words begin.

  How a word is capitalised is told to the encoder as the segment of its
  wordpieces, so there are as many segments as `num_segments`.

  `call` takes BERT inputs int32 `(batch, length)` and returns logits float32
  `(batch, length, num_classes)`.

  Example:
    model = TokenClassifier(BertConfig.preset('tiny'), 9, num_segments=7)
    model.init_from_bert(weights.load_bert('BERT'))
  """

  def __init__(
    self,
    config: BertConfig,
    num_classes: int,
    *,
    num_segments: int = 1,
    train_word_embeddings: bool = True,
    seed: int = 0,
    name: str = 'token_classifier',
  ):
    """Makes the layers, their weights drawn by `seed`.

    Args:
      config: Of the encoder; its number of segments does not count.
      num_classes: Classes of a word.
      num_segments: Numbers that `input_type_ids` may have.
      train_word_embeddings: Whether those are `trainable_variables`. Of few
        sentences most words are not learned, and stay where they were; then
        the others should too.
      seed: Of the weights.
      name: Of the model.
    """
    super().__init__(name=name)
    self.bert_config = dataclasses.replace(config, type_vocab_size=num_segments)
    self.num_classes = num_classes
    self._train_word_embeddings = train_word_embeddings
    self.encoder = encoder_lib.build_encoder(self.bert_config, seed=seed)
    self.dropout = keras.layers.Dropout(config.dropout)
    self.output_layer = keras.layers.Dense(
      num_classes,
      kernel_initializer=keras.initializers.TruncatedNormal(
        stddev=config.initializer_range, seed=seed
      ),
      name='classes',
    )
    with tf.init_scope():
      self.output_layer.build([None, None, config.hidden_size])

  def init_from_bert(self, bert: weights.Bert) -> None:
    """Copies an encoder; each of our segments begins as its segment 0."""
    for ours, theirs in zip(
      self.encoder.variables, bert.encoder.variables, strict=True
    ):
      value = theirs.numpy()
      if 'type_embeddings' in ours.name:
        value = value[:1].repeat(ours.shape[0], axis=0)
      ours.assign(value)

  @property
  def trainable_variables(self) -> list[tf.Variable]:
    """All but the pooler, which the loss does not reach, and what is fixed."""
    fixed = ['pooler']
    if not self._train_word_embeddings:
      fixed.append('word_embeddings')
    return [
      variable
      for variable in super().trainable_variables
      if not any(name in variable.name for name in fixed)
    ]

  def call(
    self, inputs: Mapping[str, Any], training: bool = False
  ) -> tf.Tensor:
    """Logits of the classes, `(batch, length, num_classes)`."""
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
    """Mean cross entropy of the words; share of classes that are right.

    Args:
      features: BERT inputs, and `word_classes` int32 `(batch, length)`,
        negative where no word begins.
      training: Whether dropout is on.
    """
    logits = self(features, training=training)
    classes = features['word_classes']
    counts = tf.cast(classes >= 0, tf.float32)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
      tf.maximum(classes, 0), logits
    )
    hits = tf.argmax(logits, -1, output_type=tf.int32) == classes
    total = tf.reduce_sum(counts)
    loss = tf.math.divide_no_nan(tf.reduce_sum(losses * counts), total)
    accuracy = tf.math.divide_no_nan(
      tf.reduce_sum(tf.cast(hits, tf.float32)), total
    )
    return loss, {'accuracy': accuracy}
