# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Open-domain question answering: retrieve blocks, read the best of them."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from realm_tf.configs.qa_config import OpenQAConfig
from realm_tf.modeling import encoding, span_scores
from realm_tf.modeling.base_layers import serializable
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.hybrid_scorer import HybridScorer
from realm_tf.modeling.loss_model import LossModel
from realm_tf.modeling.span_reader import SpanReader


def marginal_loss(
  logits: tf.Tensor, correct: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
  """Negative log-probability of the correct choices together.

  Args:
    logits: float32 `[batch, choices]`, at most half of `span_scores.NEVER`
      where there is no choice.
    correct: bool `[batch, choices]`.

  Returns:
    The loss, float32 `[batch]`, which is 0 where no choice is correct, and
    whether any is, bool `[batch]`.
  """
  correct &= logits > span_scores.NEVER / 2
  any_correct = tf.reduce_any(correct, -1)
  of_correct = tf.where(correct, logits, span_scores.NEVER)
  loss = tf.reduce_logsumexp(logits, -1) - tf.reduce_logsumexp(of_correct, -1)
  return tf.where(any_correct, loss, 0.0), any_correct


def _share(which: tf.Tensor) -> tf.Tensor:
  return tf.reduce_mean(tf.cast(which, tf.float32))


@serializable
class OpenQAModel(LossModel):
  """Trains query embedder and span reader from answers alone, like ORQA.

  Of the embedder, the query tower is trained. The embeddings of the blocks are
  constants that come with the features, as does the retriever's beam. A batch
  of features has
    `query`: BERT inputs of the questions, int32 `[batch, length]`; or
    `query_embedding`: What `embed_queries` returns for them, float32
      `[batch, dim]`.
    `beam_embeddings`: Embeddings of the blocks, best first, float32
      `[batch, beam, dim]`.
    `beam_mask`: False where fewer blocks were found, bool `[batch, beam]`;
      optional.
    `beam_bm25`: BM25 of the blocks, float32 `[batch, beam]`; for a hybrid.
    `joint`: What `packing.pack_reader` returns for the first blocks of the
      beam, int32 `[batch, blocks, length]` each.
  and for training
    `beam_has_answer`: Whether the block has an answer, bool `[batch, beam]`.
    `gold_starts`, `gold_ends`: First and last wordpieces of answers in the
      blocks that are read, int32 `[batch, blocks, spans]`, -1 for none. Spans
      that were cut off or are wider than the reader's do not count.
    `beam_is_gold`: Whether the block is gold evidence, bool `[batch, beam]`;
      only if it is known.

  Example:
    >>> from realm_tf.bert.bert_config import BertConfig
    >>> config = BertConfig.preset('tiny', vocab_size=100)
    >>> model = OpenQAModel(Embedder(config, 16), SpanReader(config))
    >>> def inputs(ids):
    ...   ids = tf.constant(ids)
    ...   return {
    ...     'input_word_ids': ids,
    ...     'input_mask': tf.ones_like(ids),
    ...     'input_type_ids': tf.zeros_like(ids),
    ...   }
    >>> joint = inputs([[[2, 7, 3, 8, 9, 3]]])
    >>> outputs = model({
    ...   'query': inputs([[2, 7, 3]]),
    ...   'beam_embeddings': tf.ones([1, 4, 16]),
    ...   'joint': {
    ...     **joint, 'block_mask': tf.constant([[[0, 0, 0, 1, 1, 0]]])
    ...   },
    ... })
    >>> outputs['retriever_logits'].shape, outputs['logits'].shape
    (TensorShape([1, 4]), TensorShape([1, 1, 2, 10]))

  Attributes:
    embedder: Embeds questions.
    reader: Scores spans.
    config: Terms of the loss, and metrics.
    hybrid: Weighs inner products and BM25; None for inner products alone.
  """

  def __init__(
    self,
    embedder: Embedder,
    reader: SpanReader,
    config: OpenQAConfig | None = None,
    hybrid: HybridScorer | None = None,
    name: str = 'open_qa',
  ):
    super().__init__(name)
    self.embedder = embedder
    self.reader = reader
    self.config = config or OpenQAConfig()
    self.hybrid = hybrid

  @property
  def trainable_variables(self) -> list[tf.Variable]:
    """Variables of query tower and reader; the document side is frozen."""
    return [
      *self.embedder_variables,
      *self.reader_variables,
      *self.weight_variables,
    ]

  @property
  def embedder_variables(self) -> list[tf.Variable]:
    """The trainable variables of the query tower."""
    return self.embedder.query_variables

  @property
  def weight_variables(self) -> list[tf.Variable]:
    """The trainable weights of vectors and words, of a hybrid."""
    return [] if self.hybrid is None else self.hybrid.trainable_variables

  @property
  def reader_variables(self) -> list[tf.Variable]:
    """The reader's trainable variables."""
    return self.reader.used_variables

  def embed_queries(
    self, inputs: encoding.Inputs, training: bool = False
  ) -> tf.Tensor:
    """Embeds packed questions like `Embedder.embed_queries`."""
    return self.embedder.embed_queries(inputs, training)

  def call(
    self,
    features: Mapping[str, Any],
    training: bool = False,
  ) -> dict[str, tf.Tensor]:
    """Scores blocks and spans.

    Args:
      features: Features as described for the class; those for training are
        ignored.
      training: Whether to apply dropout.

    Returns:
      `retriever_logits`: float32 `[batch, beam]`.
      `reader_logits`: Scores of `SpanReader`, float32
        `[batch, blocks, starts, max_span_width]`.
      `logits`: Reader logits plus the block's retriever logit; their softmax
        over all spans of a question is the probability of the answers.
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
    """Scores of the beams of questions, `[batch, beam]`."""
    query_embedding = features.get('query_embedding')
    if query_embedding is None:
      query_embedding = self.embed_queries(features['query'], training)
    logits = tf.einsum(
      'bd,bnd->bn',
      query_embedding,
      tf.stop_gradient(tf.cast(features['beam_embeddings'], tf.float32)),
    )
    if self.hybrid is not None:
      logits = self.hybrid(logits, features['beam_bm25'])
    if 'beam_mask' in features:
      logits = tf.where(features['beam_mask'], logits, span_scores.NEVER)
    return logits

  def loss_and_metrics(
    self, features: Mapping[str, Any], training: bool = False
  ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """The loss, its terms and other metrics.

    Args:
      features: Features as described for the class.
      training: Whether to apply dropout.

    Returns:
      The mean over questions of the retriever's and the reader's loss, and
        `loss`, `retriever_loss`, `reader_loss`: Means over all questions. The
          retriever's loss is -log of the probability of the blocks of the beam
          that have the answer; the reader's, of the spans that are the answer,
          in the blocks that are read. Both are 0 for a question without any.
        `retriever_gold_loss`, `reader_gold_loss`: The same losses over the gold
          evidence only, before weighting, if the config has them. In evaluation
          they are left out if the evidence is not known.
        `answer_in_beam`, `answer_in_reader`: Shares of the questions that have
          a retriever's and a reader's loss.
        `answer_in_beam@k`: Share of the questions with the answer in the best k
          blocks.
        `exact_match`: Share of the questions whose best span is an answer.
        `gold_in_beam`, `gold_in_reader`: Shares of the questions whose gold
          evidence is in the beam, and is read and has the answer; if known.
        `dense_weight`, `lexical_weight`: Weights of a hybrid.
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
    if self.hybrid is not None:
      metrics.update(self.hybrid.weights_by_name())
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
        'the loss includes gold evidence, but the features have no beam_is_gold'
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
