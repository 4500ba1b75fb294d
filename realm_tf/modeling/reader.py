# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The knowledge-augmented encoder: reads a query along with a document."""

import tensorflow as tf
import tf_keras as keras

from realm_tf.bert import encoder as encoder_lib
from realm_tf.bert.bert_config import BertConfig
from realm_tf.bert.weights import Bert
from realm_tf.modeling import encoding

# Candidates of a batch differ in length, and the null documents are short.
_NUM_GROUPS = 8


class KnowledgeAugmentedReader(keras.layers.Layer):
  """BERT over `[CLS] x [SEP] z_body [SEP]`, and what it says of the masks.

  Attributes:
    bert_config: Sizes of the encoder.
    encoder: Model Garden's BERT.
    mlm_head: Scores wordpieces; tied to the encoder's word embeddings.
  """

  def __init__(
    self, bert_config: BertConfig, *, seed: int = 0, name: str = 'reader'
  ):
    """Makes a reader with random weights.

    Args:
      bert_config: Sizes of the encoder, and the rates of dropout.
      seed: Of weights and dropout.
      name: Of the layer; the prefix of its variables.
    """
    super().__init__(name=name, dtype=tf.float32)
    self.bert_config = bert_config
    self.generator = tf.random.Generator.from_seed(seed, alg='philox')
    with tf.name_scope(name):
      self.encoder = encoder_lib.build_encoder(bert_config, seed=seed)
      self.mlm_head = encoder_lib.build_mlm_head(
        bert_config, self.encoder, seed=seed
      )
    self.built = True

  @property
  def used_variables(self) -> list[tf.Variable]:
    """The trainable variables but the pooler's, which nothing reads."""
    unused = {v.ref() for v in self.encoder.pooler_layer.variables}
    return [v for v in self.trainable_variables if v.ref() not in unused]

  def init_from_bert(self, bert: Bert) -> None:
    """Sets the weights to those of `bert`, its head included if it has one."""
    pairs = [(self.encoder, bert.encoder)]
    if bert.mlm_head is not None:
      pairs.append((self.mlm_head, bert.mlm_head))
    for mine, its in pairs:
      shapes = [
        [tuple(v.shape) for v in layer.weights] for layer in (mine, its)
      ]
      if shapes[0] != shapes[1]:
        raise ValueError(
          f'a reader of {self.bert_config} cannot start from a BERT of'
          f' {bert.config}'
        )
      for variable, value in zip(mine.weights, its.weights):
        variable.assign(value)

  def hidden(
    self,
    joint: encoding.Inputs,
    positions: tf.Tensor,
    training: bool = False,
  ) -> tf.Tensor:
    """Contextual embeddings of the masks, with each candidate.

    Args:
      joint: BERT inputs, int32 `[batch, candidates, length]`.
      positions: int32 `[batch, masks]`, the same for every candidate.
      training: Whether to drop out.

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
    """Scores of all wordpieces, float32 `[batch, candidates, masks, vocab]`.

    Args:
      joint: BERT inputs, int32 `[batch, candidates, length]`.
      positions: int32 `[batch, masks]`.
      training: Whether to drop out.
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
    """Log-probabilities of the right wordpieces, log p(y_j | z, x).

    Args:
      joint: BERT inputs, int32 `[batch, candidates, length]`.
      mlm_positions: int32 `[batch, masks]`, counted in the packed query.
      mlm_targets: int32 `[batch, masks]`, the masked wordpieces.
      mlm_mask: float `[batch, masks]`, 0 where there is no mask; these are not
        computed. None for all ones.
      training: Whether to drop out.

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
