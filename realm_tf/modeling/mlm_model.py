# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""BERT's masked language model, the warm start of reader and embedder."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras

from realm_tf.bert import weights


class MaskedLanguageModel(keras.Model):
  """An encoder with its masked language modelling head.

  `call` takes a batch of `tasks.mlm_examples` and returns logits with shape
  `(batch, predictions, vocab)`.
  """

  def __init__(self, bert: weights.Bert, name: str = 'mlm'):
    super().__init__(name=name)
    if bert.mlm_head is None:
      raise ValueError('these weights have no masked language modelling head')
    self.encoder = bert.encoder
    self.mlm_head = bert.mlm_head

  @property
  def trainable_variables(self) -> list[tf.Variable]:
    """All but the pooler, which the loss does not reach."""
    found = {
      v.ref(): v
      for v in (
        *self.encoder.trainable_variables,
        *self.mlm_head.trainable_variables,
      )
      if 'pooler' not in v.name
    }
    return list(found.values())

  def call(self, features: Mapping[str, Any], training: bool = False):
    """Logits of the masked positions, `(batch, predictions, vocab)`."""
    outputs = self.encoder(features['inputs'], training=training)
    return self.mlm_head(outputs['sequence_output'], features['mlm_positions'])

  def loss_and_metrics(
    self, features: Mapping[str, Any], training: bool = False
  ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Mean cross entropy of the masked wordpieces; accuracies."""
    logits = tf.cast(self(features, training=training), tf.float32)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
      features['mlm_targets'], logits
    )  # [batch, predictions]
    hits = tf.cast(
      tf.argmax(logits, -1, output_type=tf.int32) == features['mlm_targets'],
      tf.float32,
    )
    mask, span = features['mlm_mask'], features['span_mask']
    loss = tf.math.divide_no_nan(
      tf.reduce_sum(losses * mask), tf.reduce_sum(mask)
    )
    return loss, {
      'accuracy': tf.math.divide_no_nan(
        tf.reduce_sum(hits * mask), tf.reduce_sum(mask)
      ),
      'span_accuracy': tf.math.divide_no_nan(
        tf.reduce_sum(hits * span), tf.reduce_sum(span)
      ),
    }
