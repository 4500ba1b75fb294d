# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Weighs vectors and words, with weights that learn."""

from typing import Any

import tensorflow as tf
import tf_keras as keras

from realm_tf.configs.retrieval_config import Retrieval, RetrievalConfig
from realm_tf.modeling.base_layers import Configurable, serializable


@serializable
class HybridScorer(Configurable, keras.layers.Layer):
  """Scores f(x, z) = s <q, d> + w BM25(x, z), of which p(z | x) is the softmax.

  Example:
    >>> scorer = HybridScorer(dense_start=2.0, lexical_start=0.5)
    >>> scorer(tf.constant([[1.0, 3.0]]), tf.constant([[8.0, 0.0]])).numpy()
    array([[6., 6.]], dtype=float32)

  Attributes:
    dense_weight: The weight s.
    lexical_weight: The weight w.
  """

  def __init__(
    self,
    dense_start: float = 1.0,
    lexical_start: float = 1.0,
    words_alone: bool = False,
    name: str = 'hybrid_scorer',
  ):
    """Makes a scorer.

    Args:
      dense_start: Initial weight of inner products.
      lexical_start: Initial weight of BM25.
      words_alone: Whether inner products have no weight, whatever
        `dense_start` is.
      name: Name of the layer.
    """
    super().__init__(name=name, dtype=tf.float32)
    self.dense_start = dense_start
    self.lexical_start = lexical_start
    self.words_alone = words_alone
    self.dense_weight = self._make('dense_weight', dense_start, not words_alone)
    self.lexical_weight = self._make('lexical_weight', lexical_start, True)
    self.built = True

  @classmethod
  def of(cls, config: RetrievalConfig) -> 'HybridScorer | None':
    """Makes what a configuration asks for: None for vectors alone."""
    if not config.needs_words:
      return None
    return cls(*config.weights, words_alone=not config.needs_vectors)

  @staticmethod
  def describe(scorer: 'HybridScorer | None') -> dict[str, Any]:
    """Returns what an export says about it: nothing of vectors alone."""
    if scorer is None:
      return {}
    dense, lexical = scorer.weights_now()
    kind: Retrieval = 'lexical' if scorer.words_alone else 'hybrid'
    config = RetrievalConfig(
      retrieval=kind, dense_weight=dense, lexical_weight=lexical
    )
    return {'retrieval': config.to_dict()}

  def weights_now(self) -> tuple[float, float]:
    """Returns s and w as numbers."""
    return float(self.dense_weight), float(self.lexical_weight)

  def _make(self, name: str, start: float, trainable: bool) -> tf.Variable:
    return self.add_weight(
      name=name,
      shape=(),
      initializer=keras.initializers.Constant(start),
      trainable=trainable,
    )

  def weights_by_name(self) -> dict[str, tf.Tensor]:
    """Returns the current weights by name."""
    return {
      'dense_weight': tf.convert_to_tensor(self.dense_weight),
      'lexical_weight': tf.convert_to_tensor(self.lexical_weight),
    }

  def call(self, products: tf.Tensor, bm25: tf.Tensor) -> tf.Tensor:
    """Scores documents.

    Args:
      products: Inner products of queries and documents, float32 `[batch, n]`.
      bm25: Their BM25, float32 `[batch, n]`, which has no gradient.

    Returns:
      Scores, float32 `[batch, n]`.
    """
    if self.words_alone:
      # The embedder has gradients, which are 0.
      products = 0.0 * products
    bm25 = tf.stop_gradient(bm25)
    return self.dense_weight * products + self.lexical_weight * bm25
