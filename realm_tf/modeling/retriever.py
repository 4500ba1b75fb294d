# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Scores candidate documents with the current embedder."""

import tensorflow as tf
import tf_keras as keras

from realm_tf.modeling import encoding
from realm_tf.modeling.base_layers import Configurable, serializable
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.hybrid_scorer import HybridScorer

# Candidates of a batch differ in length, and the null documents are short.
_NUM_GROUPS = 8
_NEVER = -1e9  # Score of a repeated null document.


def _repeats_first(inputs: encoding.Inputs) -> tf.Tensor:
  """Which candidates repeat the first one, bool `[batch, candidates]`.

  The null document is first and pads rows with too few candidates. Counted
  every time, it would get a multiple of its probability.
  """
  ids = inputs['input_word_ids']
  equal = tf.reduce_all(ids == ids[:, :1], -1)
  return equal & (tf.range(tf.shape(ids)[1]) > 0)


@serializable
class Retriever(Configurable, keras.layers.Layer):
  """Scores candidates: p(z | x), with gradients to queries and documents.

  The candidates come from an index that may be stale
  (`index.candidates.CandidateFinder`); their probabilities do not.

  Example:
    >>> from realm_tf.bert.bert_config import BertConfig
    >>> config = BertConfig.preset('tiny', vocab_size=100)
    >>> retriever = Retriever(Embedder(config, 16), num_candidates=3)
    >>> ids = tf.constant([[2, 7, 8, 3]])
    >>> query = {
    ...   'input_word_ids': ids,
    ...   'input_mask': tf.ones_like(ids),
    ...   'input_type_ids': tf.zeros_like(ids),
    ... }
    >>> documents = tf.constant([[[2, 3, 3, 0], [2, 9, 3, 3], [2, 5, 6, 3]]])
    >>> candidates = {
    ...   'input_word_ids': documents,
    ...   'input_mask': tf.cast(documents > 0, tf.int32),
    ...   'input_type_ids': tf.zeros_like(documents),
    ... }
    >>> scores, log_probs = retriever(query, candidates)
    >>> log_probs.shape
    TensorShape([1, 3])

  Attributes:
    embedder: The embedder, which is trained.
    num_candidates: Documents per query, including the null document.
    hybrid: Weighs inner products and BM25; None for inner products alone.
  """

  def __init__(
    self,
    embedder: Embedder,
    *,
    num_candidates: int = 8,
    hybrid: HybridScorer | None = None,
    name: str = 'retriever',
  ):
    """Makes a retriever.

    Args:
      embedder: The embedder.
      num_candidates: Documents per query that are kept, including the null
        document.
      hybrid: Weighs inner products and BM25. Defaults to inner products alone.
      name: Name of the layer.
    """
    super().__init__(name=name, dtype=tf.float32)
    if num_candidates < 2:
      raise ValueError(
        '`num_candidates` must be at least 2: the null document and one other.'
        f' Received: {num_candidates}'
      )
    self.embedder = embedder
    self.num_candidates = num_candidates
    self.hybrid = hybrid
    self.built = True

  def best(
    self,
    query_inputs: encoding.Inputs,
    candidate_inputs: encoding.Inputs,
    bm25: tf.Tensor | None = None,
  ) -> tf.Tensor:
    """Chooses the `num_candidates` best of more candidates.

    The null document stays first. The choice has no gradient.

    Args:
      query_inputs: BERT inputs, int32 `[batch, length]`.
      candidate_inputs: BERT inputs, int32 `[batch, more, length]`.
      bm25: BM25 of the candidates `[batch, more]`; for a hybrid.

    Returns:
      Their places, int32 `[batch, num_candidates]`.
    """
    queries = self.embedder.embed_queries(query_inputs)
    others = {key: value[:, 1:] for key, value in candidate_inputs.items()}
    embedded = self.embedder.embed_documents(others, num_groups=_NUM_GROUPS)
    of_others = None if bm25 is None else bm25[:, 1:]
    scores = tf.stop_gradient(self.score(queries, embedded, of_others))
    repeated = _repeats_first(candidate_inputs)[:, 1:]
    scores = tf.where(repeated, _NEVER, scores)
    chosen = tf.math.top_k(scores, self.num_candidates - 1).indices + 1
    return tf.pad(chosen, [[0, 0], [1, 0]])

  def score(
    self,
    queries: tf.Tensor,
    candidates: tf.Tensor,
    bm25: tf.Tensor | None = None,
  ) -> tf.Tensor:
    """Scores f(x, z) of vectors and BM25, float32 `[batch, candidates]`."""
    products = tf.einsum('bd,bnd->bn', queries, candidates)
    return products if self.hybrid is None else self.hybrid(products, bm25)

  def call(
    self,
    query_inputs: encoding.Inputs,
    candidate_inputs: encoding.Inputs,
    training: bool = False,
    bm25: tf.Tensor | None = None,
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Scores candidates.

    Candidates that repeat the first one, the null document, get no probability.

    Args:
      query_inputs: BERT inputs, int32 `[batch, length]`.
      candidate_inputs: BERT inputs, int32 `[batch, candidates, length]`.
      training: Whether to apply dropout.
      bm25: BM25 of the candidates, float32 `[batch, candidates]`; for a hybrid.

    Returns:
      Scores f(x, z), very low where the first candidate is repeated, and
      log p(z | x); each float32 `[batch, candidates]`.
    """
    scores = self.score(
      self.embedder.embed_queries(query_inputs, training),
      self.embedder.embed_documents(candidate_inputs, training, _NUM_GROUPS),
      bm25,
    )
    scores = tf.where(_repeats_first(candidate_inputs), _NEVER, scores)
    return scores, tf.nn.log_softmax(scores)
