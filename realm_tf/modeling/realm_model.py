# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""REALM pre-training: fill blanks with the help of retrieved documents."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from realm_tf.modeling import encoding
from realm_tf.modeling.base_layers import serializable
from realm_tf.modeling.loss_model import LossModel, masked_mean
from realm_tf.modeling.reader import KnowledgeAugmentedReader
from realm_tf.modeling.retriever import Retriever


@serializable
class RealmModel(LossModel):
  """The marginal likelihood of masked wordpieces over retrieved documents.

  A batch of features (`modeling.featurization`) has BERT inputs `query`
  `[batch, length]`, `candidates` and `joint` `[batch, k, length]`, and
  `mlm_positions`, `mlm_targets` and `mlm_mask` `[batch, masks]`. Candidate 0
  is the null document. Of more candidates than the retriever's
  `num_candidates`, its embedder chooses the best. With a hybrid retriever there
  is `candidate_bm25`, float32 `[batch, k]`.

  Example:
    >>> from realm_tf.bert.bert_config import BertConfig
    >>> from realm_tf.modeling.embedder import Embedder
    >>> config = BertConfig.preset('tiny', vocab_size=100)
    >>> model = RealmModel(
    ...   Retriever(Embedder(config, 16), num_candidates=2),
    ...   KnowledgeAugmentedReader(config),
    ... )
    >>> def inputs(ids):
    ...   ids = tf.constant(ids)
    ...   return {
    ...     'input_word_ids': ids,
    ...     'input_mask': tf.cast(ids > 0, tf.int32),
    ...     'input_type_ids': tf.zeros_like(ids),
    ...   }
    >>> features = {
    ...   'query': inputs([[2, 4, 8, 3]]),
    ...   'candidates': inputs([[[2, 3, 3, 0], [2, 9, 7, 3]]]),
    ...   'joint': inputs([[[2, 4, 8, 3, 3, 0], [2, 4, 8, 3, 7, 3]]]),
    ...   'mlm_positions': tf.constant([[1]]),
    ...   'mlm_targets': tf.constant([[7]]),
    ...   'mlm_mask': tf.constant([[1.0]]),
    ... }
    >>> loss, metrics = model.loss_and_metrics(features)
    >>> 'retrieval_utility' in metrics
    True

  Attributes:
    retriever: Computes log p(z | x).
    reader: Computes log p(y_j | z, x).
  """

  def __init__(
    self,
    retriever: Retriever,
    reader: KnowledgeAugmentedReader,
    name: str = 'realm',
  ):
    super().__init__(name)
    self.retriever = retriever
    self.reader = reader

  @property
  def trainable_variables(self) -> list[tf.Variable]:
    """All variables except the reader's pooler, which the loss does not use."""
    return [
      *self.embedder_variables,
      *self.reader_variables,
      *self.weight_variables,
    ]

  @property
  def embedder_variables(self) -> list[tf.Variable]:
    """The trainable variables of the embedder."""
    return self.retriever.embedder.trainable_variables

  @property
  def weight_variables(self) -> list[tf.Variable]:
    """The trainable weights of vectors and words, of a hybrid."""
    hybrid = self.retriever.hybrid
    return [] if hybrid is None else hybrid.trainable_variables

  @property
  def reader_variables(self) -> list[tf.Variable]:
    """The reader's trainable variables."""
    return self.reader.used_variables

  def _choose(
    self, features: Mapping[str, Any]
  ) -> tuple[encoding.Inputs, encoding.Inputs, tf.Tensor | None]:
    """Candidates, joint inputs and BM25 of the documents to be read."""
    candidates, joint = features['candidates'], features['joint']
    bm25 = features.get('candidate_bm25')
    if candidates['input_word_ids'].shape[1] <= self.retriever.num_candidates:
      return candidates, joint, bm25
    best = self.retriever.best(features['query'], candidates, bm25)

    def chosen(its: encoding.Inputs) -> encoding.Inputs:
      return {
        key: tf.gather(value, best, batch_dims=1) for key, value in its.items()
      }

    if bm25 is not None:
      bm25 = tf.gather(bm25, best, batch_dims=1)
    return chosen(candidates), chosen(joint), bm25

  def call(
    self, features: Mapping[str, Any], training: bool = False
  ) -> dict[str, tf.Tensor]:
    """Computes the probabilities of the masked wordpieces.

    Args:
      features: Features as described for the class.
      training: Whether to apply dropout.

    Returns:
      A dict of float32 tensors:
        `retrieval_scores`, `candidate_log_probs`: f(x, z) and log p(z | x),
          `[batch, k]`.
        `gold_log_probs`: log p(y_j | z, x), `[batch, k, masks]`.
        `marginal_gold_log_probs`: log p(y_j | x), `[batch, masks]`.
        `candidate_utility`: log p(y | z, x) - log p(y | null, x), summed over
          the masks, `[batch, k]`.
        `marginal_utility`: log p(y_j | x) - log p(y_j | null, x),
          `[batch, masks]`.
      The values are 0 where `mlm_mask` is.
    """
    candidates, joint, bm25 = self._choose(features)
    scores, candidate_log_probs = self.retriever(
      features['query'], candidates, training=training, bm25=bm25
    )
    mask = tf.cast(features['mlm_mask'], tf.float32)
    gold = self.reader(
      joint,
      features['mlm_positions'],
      features['mlm_targets'],
      mask,
      training=training,
    )
    marginal = mask * tf.reduce_logsumexp(
      candidate_log_probs[:, :, None] + gold, 1
    )
    total = tf.reduce_sum(gold, -1)
    return {
      'retrieval_scores': scores,
      'candidate_log_probs': candidate_log_probs,
      'gold_log_probs': gold,
      'marginal_gold_log_probs': marginal,
      'candidate_utility': total - total[:, :1],
      'marginal_utility': marginal - gold[:, 0],
    }

  def loss_and_metrics(
    self, features: Mapping[str, Any], training: bool = False
  ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """The loss, and metrics of retrieval.

    All are means over the batch. An evaluation weights batches by sentences and
    not by masked wordpieces, so if batches have different numbers of wordpieces
    per sentence, its result is not quite the mean over all wordpieces.

    Returns:
      The mean of -log p(y_j | x) over the masked wordpieces of the batch, and
        `retrieval_utility`: Mean marginal utility of the masked wordpieces; on
          held-out batches it selects the best export.
        `best_candidate_utility`: Mean over queries of the highest utility of a
          document.
        `top_candidate_utility`: Mean utility of the document with the highest
          p(z | x), the null document excluded.
        `null_probability`: Mean of p(null | x).
        `closed_book_loss`: The loss with the null document alone.
        `dense_weight`, `lexical_weight`: Weights of a hybrid.
    """
    outputs = self(features, training=training)
    mask = tf.cast(features['mlm_mask'], tf.float32)
    loss = -masked_mean(outputs['marginal_gold_log_probs'], mask)
    queries = tf.cast(tf.reduce_any(mask > 0, -1), tf.float32)
    utility = outputs['candidate_utility'][:, 1:]
    top = tf.argmax(outputs['retrieval_scores'][:, 1:], -1)
    null_log_prob = outputs['candidate_log_probs'][:, 0]
    metrics = {
      'retrieval_utility': masked_mean(outputs['marginal_utility'], mask),
      'best_candidate_utility': masked_mean(
        tf.reduce_max(utility, -1), queries
      ),
      'top_candidate_utility': masked_mean(
        tf.gather(utility, top, batch_dims=1), queries
      ),
      'null_probability': masked_mean(tf.exp(null_log_prob), queries),
      'closed_book_loss': -masked_mean(outputs['gold_log_probs'][:, 0], mask),
    }
    if self.retriever.hybrid is not None:
      metrics.update(self.retriever.hybrid.weights_by_name())
    return loss, {
      name: tf.stop_gradient(value) for name, value in metrics.items()
    }

  def fill_blanks(
    self, features: Mapping[str, Any], top_n: int = 5
  ) -> dict[str, tf.Tensor]:
    """Fills masks, with retrieval and without.

    Args:
      features: Features as described for the class, without `mlm_targets`.
      top_n: Number of wordpieces per mask.

    Returns:
      A dict:
        `ids`, `probs`: Likeliest wordpieces by p(y_j | x), int32 and float32
          `[batch, masks, top_n]`.
        `closed_book_ids`, `closed_book_probs`: Likeliest wordpieces by
          p(y_j | null, x).
        `document_ids`, `document_probs`: Likeliest wordpieces by p(y_j | z, x)
          for each document, `[batch, k, masks, top_n]`.
        `document_filled_probs`: p(y_j | z, x) of the first of `ids`,
          `[batch, k, masks]`.
        `candidate_probs`: p(z | x), `[batch, k]`.
        `candidates`: Places of the documents in `features`, int32
          `[batch, k]`.
    """
    given = features['candidates']['input_word_ids']
    k = self.retriever.num_candidates
    bm25 = features.get('candidate_bm25')
    if given.shape[1] > k:
      places = self.retriever.best(
        features['query'], features['candidates'], bm25
      )
    else:
      places = tf.tile(
        tf.range(tf.shape(given)[1])[None], [tf.shape(given)[0], 1]
      )
    candidates, joint = (
      {
        key: tf.gather(value, places, batch_dims=1)
        for key, value in features[side].items()
      }
      for side in ('candidates', 'joint')
    )
    if bm25 is not None:
      bm25 = tf.gather(bm25, places, batch_dims=1)
    _, candidate_log_probs = self.retriever(
      features['query'], candidates, bm25=bm25
    )
    logits = self.reader.logits(joint, features['mlm_positions'])
    by_document = tf.nn.softmax(logits)  # [batch, k, masks, vocab]
    candidate_probs = tf.exp(candidate_log_probs)
    marginal = tf.einsum('bk,bkmv->bmv', candidate_probs, by_document)
    probs, ids = tf.math.top_k(marginal, top_n)
    document_probs, document_ids = tf.math.top_k(by_document, top_n)
    filled = tf.repeat(ids[:, None, :, 0], tf.shape(places)[1], axis=1)
    return {
      'ids': ids,
      'probs': probs,
      'closed_book_ids': document_ids[:, 0],
      'closed_book_probs': document_probs[:, 0],
      'document_ids': document_ids,
      'document_probs': document_probs,
      'document_filled_probs': tf.gather(by_document, filled, batch_dims=3),
      'candidate_probs': candidate_probs,
      'candidates': places,
    }
