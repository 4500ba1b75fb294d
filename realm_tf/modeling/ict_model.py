# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The inverse cloze task: find the block that a sentence is from."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from realm_tf.modeling.base_layers import serializable
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.loss_model import LossModel


@serializable
class ICTModel(LossModel):
  """Trains an embedder to tell a sentence's block from the others of a batch.

  A batch of features (`tasks.ict_examples`) has BERT inputs `query` and
  `document`, `[batch, length]`. Document i is the positive of query i; the
  other documents, of all replicas, are its negatives.

  Example:
    >>> from realm_tf.bert.bert_config import BertConfig
    >>> config = BertConfig.preset('tiny', vocab_size=100)
    >>> model = ICTModel(Embedder(config, projection_size=16))
    >>> ids = tf.constant([[2, 7, 8, 3], [2, 9, 6, 3]])
    >>> inputs = {
    ...   'input_word_ids': ids,
    ...   'input_mask': tf.ones_like(ids),
    ...   'input_type_ids': tf.zeros_like(ids),
    ... }
    >>> features = {'query': inputs, 'document': inputs}
    >>> model.compile('adam')
    >>> history = model.fit(
    ...   tf.data.Dataset.from_tensors(features).repeat(),
    ...   steps_per_epoch=2,
    ...   verbose=0,
    ... )
    >>> sorted(history.history)
    ['accuracy', 'loss']

  Attributes:
    embedder: The embedder that is trained.
  """

  def __init__(self, embedder: Embedder, name: str = 'ict'):
    super().__init__(name)
    self.embedder = embedder

  def call(
    self, features: Mapping[str, Any], training: bool = False
  ) -> tf.Tensor:
    """Scores every document of the global batch for each query.

    Args:
      features: Features as described for the class.
      training: Whether to apply dropout.

    Returns:
      float32 `[batch, replicas * batch]`.
    """
    queries, documents = self.embedder(features, training=training)
    context = tf.distribute.get_replica_context()
    if context is not None and context.num_replicas_in_sync > 1:
      documents = context.all_gather(documents, axis=0)
    return tf.matmul(queries, documents, transpose_b=True)

  def loss_and_metrics(
    self, features: Mapping[str, Any], training: bool = False
  ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Mean cross entropy of the positive documents, and `accuracy`."""
    logits = self(features, training=training)
    rows = tf.shape(logits)[0]
    labels = tf.range(rows)
    context = tf.distribute.get_replica_context()
    if context is not None and context.num_replicas_in_sync > 1:
      labels += rows * tf.cast(context.replica_id_in_sync_group, tf.int32)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    hits = tf.argmax(logits, -1, output_type=tf.int32) == labels
    return tf.reduce_mean(losses), {
      'accuracy': tf.reduce_mean(tf.cast(hits, tf.float32))
    }
