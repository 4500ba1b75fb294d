# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Open-domain question answering: retrieve blocks, read the best of them."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras

from realm_tf.configs.qa_config import OpenQAConfig
from realm_tf.modeling import encoding, span_scores
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.span_reader import SpanReader


def marginal_loss(
  logits: tf.Tensor, correct: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
  """Negative log-probability of what is correct, all of it together.

  Args:
    logits: float32 `[batch, choices]`.
    correct: bool `[batch, choices]`. What is no choice, its logit being at
      most half of `span_scores.NEVER`, is not correct.

  Returns:
    The loss, float32 `[batch]`, which is 0 where nothing is correct, and
    whether something is, bool `[batch]`.
  """
  correct &= logits > span_scores.NEVER / 2
  any_correct = tf.reduce_any(correct, -1)
  of_correct = tf.where(correct, logits, span_scores.NEVER)
  loss = tf.reduce_logsumexp(logits, -1) - tf.reduce_logsumexp(of_correct, -1)
  return tf.where(any_correct, loss, 0.0), any_correct


def _share(which: tf.Tensor) -> tf.Tensor:
  return tf.reduce_mean(tf.cast(which, tf.float32))


class OpenQAModel(keras.Model):
  """Trains query embedder and span reader by answers alone, as ORQA does.

  What is trained of the embedder is its query tower. The embeddings of the
  blocks are constants that come with the features, as does the beam that the
  retriever found. A batch of features has
    `query`: BERT inputs of the questions, int32 `[batch, length]`; or
    `query_embedding`: what `embed_queries` makes of them, float32
      `[batch, dim]`.
    `beam_embeddings`: float32 `[batch, beam, dim]`, the best blocks first.
    `beam_mask`: bool `[batch, beam]`, false where fewer blocks were found;
      may be missing.
    `joint`: what `packing.pack_reader` makes of the first blocks of the beam,
      int32 `[batch, blocks, length]` each.
  and for training
    `beam_has_answer`: bool `[batch, beam]`.
    `gold_starts`, `gold_ends`: the answer's first and last wordpieces in the
      blocks that are read, int32 `[batch, blocks, spans]`, -1 for none. Spans
      that were cut off, or are wider than the reader's, do not count.
    `beam_is_gold`: bool `[batch, beam]`, which blocks are the gold evidence;
      only if it is known.

  Attributes:
    embedder: Of queries.
    reader: Gives the scores of spans.
    config: What the loss has in it.
  """

  def __init__(
    self,
    embedder: Embedder,
    reader: SpanReader,
    config: OpenQAConfig | None = None,
    name: str = 'open_qa',
  ):
    """Puts the two together."""
    super().__init__(name=name, dtype=tf.float32)
    self.embedder = embedder
    self.reader = reader
    self.config = config or OpenQAConfig()

  @property
  def trainable_variables(self) -> list[tf.Variable]:
    """Of the query tower and the reader; the document side is frozen."""
    return [*self.embedder_variables, *self.reader_variables]

  @property
  def embedder_variables(self) -> list[tf.Variable]:
    """What is trained of the embedder."""
    return self.embedder.query_tower.trainable_variables

  @property
  def reader_variables(self) -> list[tf.Variable]:
    """What is trained of the reader."""
    return self.reader.used_variables

  def embed_queries(
    self, inputs: encoding.Inputs, training: bool = False
  ) -> tf.Tensor:
    """Embeds `[CLS] question [SEP]`, see `Embedder.embed_queries`."""
    return self.embedder.embed_queries(inputs, training)

  def call(
    self,
    features: Mapping[str, Any],
    training: bool = False,
  ) -> dict[str, tf.Tensor]:
    """Scores blocks and spans.

    Args:
      features: See the class; what is for training is not looked at.
      training: Whether to drop out.

    Returns:
      `retriever_logits`: float32 `[batch, beam]`.
      `reader_logits`: float32 `[batch, blocks, starts, max_span_width]`, see
        `SpanReader`.
      `logits`: the same plus the retriever's logit of the block; their softmax
        over all spans of a question is the probability of its answer.
    """
    joint = features['joint']
    retriever_logits = self._retriever_logits(features, training)
    reader_logits = self.reader(joint, joint['block_mask'], training=training)
    return {
      'retriever_logits': retriever_logits,
      'reader_logits': reader_logits,
      'logits': span_scores.joint_scores(retriever_logits, reader_logits),
    }

  def _retriever_logits(
    self, features: Mapping[str, Any], training: bool = False
  ) -> tf.Tensor:
    """Inner products of questions and their beams, `[batch, beam]`."""
    query_embedding = features.get('query_embedding')
    if query_embedding is None:
      query_embedding = self.embed_queries(features['query'], training)
    logits = tf.einsum(
      'bd,bnd->bn',
      query_embedding,
      tf.stop_gradient(tf.cast(features['beam_embeddings'], tf.float32)),
    )
    if 'beam_mask' in features:
      logits = tf.where(features['beam_mask'], logits, span_scores.NEVER)
    return logits

  def loss_and_metrics(
    self, features: Mapping[str, Any], training: bool = False
  ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """The loss, and what it is made of.

    Args:
      features: See the class.
      training: Whether to drop out.

    Returns:
      The mean over questions of the retriever's and the reader's loss, and
        `loss`, `retriever_loss`, `reader_loss`: means over all questions. The
          retriever's is -log of the probability of the blocks of the beam that
          have the answer; the reader's of the spans that are it, in the blocks
          that are read. Each is 0 for a question where there is none.
        `retriever_gold_loss`, `reader_gold_loss`: if the config has them, the
          same of the gold evidence only, before they are weighted. In
          evaluation they are left out if it is not known.
        `answer_in_beam`, `answer_in_reader`: shares of the questions where
          those losses are not 0 for want of an answer.
        `answer_in_beam@k`: the same for the best k blocks.
        `exact_match`: share where the best span is an answer.
        `gold_in_beam`, `gold_in_reader`: shares where gold evidence is in the
          beam, and where it is read and has the answer; if it is known.
    """
    outputs = self(features, training=training)
    retriever_logits, logits = outputs['retriever_logits'], outputs['logits']
    batch = tf.shape(logits)[0]
    flat = tf.reshape(logits, [batch, -1])
    has_answer = features['beam_has_answer']
    gold = span_scores.is_gold(
      features['gold_starts'], features['gold_ends'], logits
    )
    flat_gold = tf.reshape(gold, [batch, -1])
    retriever_loss, in_beam = marginal_loss(retriever_logits, has_answer)
    reader_loss, in_reader = marginal_loss(flat, flat_gold)
    losses = retriever_loss + reader_loss
    best = tf.argmax(flat, -1)
    metrics = {
      'retriever_loss': tf.reduce_mean(retriever_loss),
      'reader_loss': tf.reduce_mean(reader_loss),
      'answer_in_beam': _share(in_beam),
      'answer_in_reader': _share(in_reader),
      'exact_match': _share(tf.gather(flat_gold, best, batch_dims=1)),
    }
    beam = has_answer.shape[1]
    for k in self.config.recall_at:
      if beam is None or k <= beam:
        found = _share(tf.reduce_any(has_answer[:, :k], -1))
        metrics[f'answer_in_beam@{k}'] = found
    if 'beam_is_gold' in features:
      more, of_gold = self._gold_losses(outputs, gold, features['beam_is_gold'])
      losses += more
      metrics.update(of_gold)
    elif training and self.config.has_gold_loss:
      raise ValueError(
        'a loss of gold evidence is asked for, and the features have no'
        ' beam_is_gold'
      )
    loss = tf.reduce_mean(losses)
    metrics['loss'] = loss
    return loss, {
      name: tf.stop_gradient(value) for name, value in metrics.items()
    }

  def _gold_losses(
    self,
    outputs: Mapping[str, tf.Tensor],
    gold_spans: tf.Tensor,
    is_evidence: tf.Tensor,
  ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Weighted losses `[batch]` of the gold evidence, and their metrics."""
    logits = outputs['logits']
    batch, blocks = tf.unstack(tf.shape(logits)[:2])
    retriever_loss, in_beam = marginal_loss(
      outputs['retriever_logits'], is_evidence
    )
    in_evidence = gold_spans & is_evidence[:, :blocks, tf.newaxis, tf.newaxis]
    reader_loss, in_reader = marginal_loss(
      tf.reshape(logits, [batch, -1]), tf.reshape(in_evidence, [batch, -1])
    )
    config, losses = self.config, tf.zeros([batch])
    metrics = {
      'gold_in_beam': _share(in_beam),
      'gold_in_reader': _share(in_reader),
    }
    if config.retriever_gold_loss:
      losses += config.retriever_gold_loss * retriever_loss
      metrics['retriever_gold_loss'] = tf.reduce_mean(retriever_loss)
    if config.reader_gold_loss:
      losses += config.reader_gold_loss * reader_loss
      metrics['reader_gold_loss'] = tf.reduce_mean(reader_loss)
    return losses, metrics
