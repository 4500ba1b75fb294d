# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The knowledge-augmented encoder: reads a query along with a document."""

import tensorflow as tf
import tf_keras as keras

from realm_tf.bert.bert_config import BertConfig
from realm_tf.modeling import encoding
from realm_tf.modeling.base_layers import BertLayer, serializable

# Candidates of a batch differ in length, and the null documents are short.
_NUM_GROUPS = 8


@serializable
class KnowledgeAugmentedReader(BertLayer, keras.layers.Layer):
  """BERT over `[CLS] x [SEP] z_body [SEP]`, and its predictions of the masks.

  Example:
    >>> config = BertConfig.preset('tiny', vocab_size=100)
    >>> reader = KnowledgeAugmentedReader(config)
    >>> ids = tf.constant([[[2, 4, 8, 3, 3], [2, 4, 8, 3, 9]]])
    >>> joint = {
    ...   'input_word_ids': ids,
    ...   'input_mask': tf.ones_like(ids),
    ...   'input_type_ids': tf.zeros_like(ids),
    ... }
    >>> reader(joint, tf.constant([[1]]), tf.constant([[7]])).shape
    TensorShape([1, 2, 1])

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
    name: str = 'reader',
  ):
    """Makes a reader with random weights.

    Args:
      bert_config: Sizes and dropout rates of the encoder.
      seed: Seed of weights and dropout.
      encoder_dtype: Precision policy of the encoder, such as `mixed_bfloat16`.
        Defaults to Keras's global policy.
      name: Name of the layer and prefix of its variables.
    """
    super().__init__(name=name, dtype=tf.float32)
    self.generator = tf.random.Generator.from_seed(seed, alg='philox')
    with tf.name_scope(name):
      self._make_bert(bert_config, seed, encoder_dtype, with_mlm_head=True)
    self.built = True

  def hidden(
    self,
    joint: encoding.Inputs,
    positions: tf.Tensor,
    training: bool = False,
  ) -> tf.Tensor:
    """Computes contextual embeddings of the masks, with each candidate.

    Args:
      joint: BERT inputs, int32 `[batch, candidates, length]`.
      positions: Positions of the masks, the same for all candidates, int32
        `[batch, masks]`.
      training: Whether to apply dropout.

    Returns:
      float32 `[batch, candidates, masks, hidden]`.
    """
    shape = tf.shape(joint['input_word_ids'])
    flat = {
      key: tf.reshape(value, [-1, shape[-1]]) for key, value in joint.items()
    }
    hidden = encoding.encode(
      self.encoder,
      flat,
      tf.repeat(positions, shape[1], axis=0),
      seed=self.generator.make_seeds(1)[:, 0] if training else None,
      num_groups=_NUM_GROUPS,
    )
    masks, size = tf.shape(positions)[1], hidden.shape[-1]
    return tf.reshape(hidden, [shape[0], shape[1], masks, size])

  def logits(
    self,
    joint: encoding.Inputs,
    positions: tf.Tensor,
    training: bool = False,
  ) -> tf.Tensor:
    """Scores all wordpieces, float32 `[batch, candidates, masks, vocab]`.

    Args:
      joint: BERT inputs, int32 `[batch, candidates, length]`.
      positions: Positions of the masks, int32 `[batch, masks]`.
      training: Whether to apply dropout.
    """
    hidden = self.hidden(joint, positions, training)
    shape = tf.shape(hidden)
    logits = self._score(tf.reshape(hidden, [-1, hidden.shape[-1]]))
    return tf.reshape(logits, tf.concat([shape[:-1], [logits.shape[-1]]], 0))

  def _score(self, hidden: tf.Tensor) -> tf.Tensor:
    """Logits `[n, vocab]` of hidden states `[n, hidden]`."""
    head = self.mlm_head
    everywhere = tf.range(tf.shape(hidden)[0])[None]
    hidden = tf.cast(hidden, head.compute_dtype)
    return tf.cast(head(hidden[None], everywhere)[0], tf.float32)

  def call(
    self,
    joint: encoding.Inputs,
    mlm_positions: tf.Tensor,
    mlm_targets: tf.Tensor,
    mlm_mask: tf.Tensor | None = None,
    training: bool = False,
  ) -> tf.Tensor:
    """Computes log-probabilities of the masked wordpieces, log p(y_j | z, x).

    Args:
      joint: BERT inputs, int32 `[batch, candidates, length]`.
      mlm_positions: Positions in the packed query, int32 `[batch, masks]`.
      mlm_targets: The masked wordpieces, int32 `[batch, masks]`.
      mlm_mask: 0 where there is no mask, float `[batch, masks]`; nothing is
        computed there. Defaults to all ones.
      training: Whether to apply dropout.

    Returns:
      float32 `[batch, candidates, masks]`, 0 where `mlm_mask` is.
    """
    hidden = self.hidden(joint, mlm_positions, training)
    shape = tf.shape(hidden)[:3]
    targets = tf.broadcast_to(mlm_targets[:, None], shape)
    if mlm_mask is None:
      mlm_mask = tf.ones_like(mlm_targets, tf.float32)
    wanted = tf.where(tf.broadcast_to(mlm_mask[:, None] > 0, shape))
    logits = self._score(tf.gather_nd(hidden, wanted))
    log_probs = -tf.nn.sparse_softmax_cross_entropy_with_logits(
      tf.gather_nd(targets, wanted), logits
    )
    return tf.scatter_nd(wanted, log_probs, tf.cast(shape, wanted.dtype))
