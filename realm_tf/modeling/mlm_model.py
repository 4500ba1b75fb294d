# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""BERT's masked language model, from which reader and embedder start."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from realm_tf.bert import weights
from realm_tf.bert.bert_config import BertConfig
from realm_tf.modeling.base_layers import BertLayer, serializable
from realm_tf.modeling.loss_model import LossModel, masked_mean


@serializable
class MaskedLanguageModel(BertLayer, LossModel):
  """An encoder with its masked language modeling head.

  A batch of features (`tasks.mlm_examples`) has BERT `inputs` int32
  `[batch, length]`; `mlm_positions` and `mlm_targets`, int32
  `[batch, predictions]`; `mlm_mask`, 1 at predictions, and `span_mask`, 1 at
  those in salient spans, float32 `[batch, predictions]`.

  Example:
    >>> model = MaskedLanguageModel(BertConfig.preset('tiny', vocab_size=100))
    >>> ids = tf.constant([[2, 4, 8, 3], [2, 9, 4, 3]])
    >>> inputs = {
    ...   'input_word_ids': ids,
    ...   'input_mask': tf.ones_like(ids),
    ...   'input_type_ids': tf.zeros_like(ids),
    ... }
    >>> positions = tf.constant([[1], [2]])
    >>> model({'inputs': inputs, 'mlm_positions': positions}).shape
    TensorShape([2, 1, 100])

  Attributes:
    bert_config: Sizes of the encoder.
    encoder: Model Garden's BERT.
    mlm_head: Scores wordpieces; tied to the encoder's word embeddings.
  """

  def __init__(
    self,
    bert_config: BertConfig,
    *,
    seed: int = 0,
    encoder_dtype: str | None = None,
    name: str = 'mlm',
  ):
    """Makes a model with random weights.

    Args:
      bert_config: Sizes and dropout rates of the encoder.
      seed: Seed of the weights.
      encoder_dtype: Precision policy of the encoder, such as `mixed_bfloat16`.
        Defaults to Keras's global policy.
      name: Name of the model.
    """
    super().__init__(name)
    self._make_bert(bert_config, seed, encoder_dtype, with_mlm_head=True)

  def init_from_bert(self, bert: weights.Bert) -> None:
    """Copies the weights of encoder and head.

    Raises:
      ValueError: `bert` has other sizes, or no head.
    """
    if bert.mlm_head is None:
      raise ValueError('this BERT has no masked language modeling head')
    super().init_from_bert(bert)

  @property
  def trainable_variables(self) -> list[tf.Variable]:
    """All variables except the pooler's, which the loss does not use."""
    return self._without_pooler(super().trainable_variables)

  def call(
    self, features: Mapping[str, Any], training: bool = False
  ) -> tf.Tensor:
    """Logits of the masked positions, float32 `[batch, predictions, vocab]`."""
    hidden = self.encoder(features['inputs'], training=training)
    logits = self.mlm_head(hidden['sequence_output'], features['mlm_positions'])
    return tf.cast(logits, tf.float32)

  def loss_and_metrics(
    self, features: Mapping[str, Any], training: bool = False
  ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Mean cross entropy of the predictions, and accuracies.

    Args:
      features: Features as described for the class.
      training: Whether to apply dropout.

    Returns:
      The loss, and `accuracy` of all predictions and `span_accuracy` of those
      in salient spans.
    """
    logits = self(features, training=training)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
      features['mlm_targets'], logits
    )  # [batch, predictions]
    hits = tf.cast(
      tf.argmax(logits, -1, output_type=tf.int32) == features['mlm_targets'],
      tf.float32,
    )
    return masked_mean(losses, features['mlm_mask']), {
      'accuracy': masked_mean(hits, features['mlm_mask']),
      'span_accuracy': masked_mean(hits, features['span_mask']),
    }
