# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The inverse cloze task: find the block that a sentence is from."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras

from realm_tf.modeling.embedder import Embedder


class ICTModel(keras.Model):
  """Trains an embedder to tell a sentence's block from the others of a batch.

  A batch of features, as `ict_examples` makes it, has BERT inputs `query` and
  `document`, `[batch, length]`; document i is the right one for query i, and
  the documents of all replicas are wrong for it else.

  Attributes:
    embedder: What is trained.
  """

  def __init__(self, embedder: Embedder, name: str = 'ict'):
    """Trains `embedder`."""
    super().__init__(name=name, dtype=tf.float32)
    self.embedder = embedder

  def call(
    self, features: Mapping[str, Any], training: bool = False
  ) -> tf.Tensor:
    """Scores every document of the global batch for each query.

    Args:
      features: See the class.
      training: Whether to drop out.

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
    """Mean cross entropy of the right document; `accuracy` of the best."""
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
