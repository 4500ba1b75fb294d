# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""REALM pre-training: fill blanks with the help of retrieved documents."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras

from realm_tf.modeling import encoding
from realm_tf.modeling.reader import KnowledgeAugmentedReader
from realm_tf.modeling.retriever import Retriever


def _masked_mean(values: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
  return tf.math.divide_no_nan(
    tf.reduce_sum(values * mask), tf.reduce_sum(mask)
  )


class RealmModel(keras.Model):
  """The marginal likelihood of masked wordpieces over retrieved documents.

  A batch of features, as `modeling.featurization` makes it, has BERT inputs
  `query` `[batch, length]`, `candidates` and `joint` `[batch, k, length]`, and
  `mlm_positions`, `mlm_targets` and `mlm_mask` `[batch, masks]`. Candidate 0
  is the null document. If there are more candidates than the retriever's
  `num_candidates`, those are kept that its fresh encoder prefers.

  Attributes:
    retriever: Gives log p(z | x).
    reader: Gives log p(y_j | z, x).
  """

  def __init__(
    self,
    retriever: Retriever,
    reader: KnowledgeAugmentedReader,
    name: str = 'realm',
  ):
    """Puts the two together."""
    super().__init__(name=name, dtype=tf.float32)
    self.retriever = retriever
    self.reader = reader

  @property
  def trainable_variables(self) -> list[tf.Variable]:
    """All but the reader's pooler, which the loss does not reach."""
    return [*self.embedder_variables, *self.reader_variables]

  @property
  def embedder_variables(self) -> list[tf.Variable]:
    """What is trained of the retriever."""
    return self.retriever.trainable_variables

  @property
  def reader_variables(self) -> list[tf.Variable]:
    """What is trained of the reader."""
    return self.reader.used_variables

  def _choose(
    self, features: Mapping[str, Any]
  ) -> tuple[encoding.Inputs, encoding.Inputs]:
    """Candidates and joint inputs of the documents to be read."""
    candidates, joint = features['candidates'], features['joint']
    if candidates['input_word_ids'].shape[1] <= self.retriever.num_candidates:
      return candidates, joint
    best = self.retriever.best(features['query'], candidates)

    def chosen(its: encoding.Inputs) -> encoding.Inputs:
      return {
        key: tf.gather(value, best, batch_dims=1) for key, value in its.items()
      }

    return chosen(candidates), chosen(joint)

  def call(
    self, features: Mapping[str, Any], training: bool = False
  ) -> dict[str, tf.Tensor]:
    """Computes what is known of each masked wordpiece.

    Args:
      features: See the class.
      training: Whether to drop out.

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
      Where `mlm_mask` is 0 the numbers are 0.
    """
    candidates, joint = self._choose(features)
    scores, candidate_log_probs = self.retriever(
      features['query'], candidates, training=training
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
    """The loss, and scalars that tell how retrieval fares.

    All are means over the batch. An evaluation of several batches averages
    these by the sentences of a batch, not by its wordpieces: where batches
    differ in wordpieces a sentence, that is not quite the mean over all
    wordpieces.

    Returns:
      The mean of -log p(y_j | x) over the masked wordpieces of the batch, and
        `retrieval_utility`: mean of the marginal utility of a masked wordpiece
          of the batch; averaged over held-out batches it chooses the best
          export.
        `best_candidate_utility`: mean over queries of the highest utility of a
          document.
        `top_candidate_utility`: the same of the document p(z | x) is highest
          for, the null document aside.
        `null_probability`: mean of p(null | x).
        `closed_book_loss`: the loss if only the null document were read.
    """
    outputs = self(features, training=training)
    mask = tf.cast(features['mlm_mask'], tf.float32)
    loss = -_masked_mean(outputs['marginal_gold_log_probs'], mask)
    queries = tf.cast(tf.reduce_any(mask > 0, -1), tf.float32)
    utility = outputs['candidate_utility'][:, 1:]
    top = tf.argmax(outputs['retrieval_scores'][:, 1:], -1)
    null_log_prob = outputs['candidate_log_probs'][:, 0]
    metrics = {
      'retrieval_utility': _masked_mean(outputs['marginal_utility'], mask),
      'best_candidate_utility': _masked_mean(
        tf.reduce_max(utility, -1), queries
      ),
      'top_candidate_utility': _masked_mean(
        tf.gather(utility, top, batch_dims=1), queries
      ),
      'null_probability': _masked_mean(tf.exp(null_log_prob), queries),
      'closed_book_loss': -_masked_mean(outputs['gold_log_probs'][:, 0], mask),
    }
    return loss, {
      name: tf.stop_gradient(value) for name, value in metrics.items()
    }

  def fill_blanks(
    self, features: Mapping[str, Any], top_n: int = 5
  ) -> dict[str, tf.Tensor]:
    """Fills masks, with retrieval and without.

    Args:
      features: See the class; `mlm_targets` are not needed.
      top_n: How many wordpieces to return for each mask.

    Returns:
      A dict:
        `ids`, `probs`: the likeliest wordpieces by p(y_j | x), int32 and
          float32 `[batch, masks, top_n]`.
        `closed_book_ids`, `closed_book_probs`: the same by p(y_j | null, x).
        `document_ids`, `document_probs`: the same by p(y_j | z, x), for each
          document, `[batch, k, masks, top_n]`.
        `document_filled_probs`: p(y_j | z, x) of the first of `ids`,
          `[batch, k, masks]`.
        `candidate_probs`: p(z | x), `[batch, k]`.
        `candidates`: places of the documents in `features`, int32
          `[batch, k]`; other than 0, 1, 2 ... if the best were chosen.
    """
    given = features['candidates']['input_word_ids']
    k = self.retriever.num_candidates
    if given.shape[1] > k:
      places = self.retriever.best(features['query'], features['candidates'])
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
    _, candidate_log_probs = self.retriever(features['query'], candidates)
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
