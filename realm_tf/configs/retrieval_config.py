# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What documents are found by, and how they are weighed."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

from realm_tf.configs.config import Config

# BM25 that an untrained cosine of 1 is worth (docs/results.md: fitted, it is 17
# for questions of SQuAD).
_BM25_OF_COSINE = 20.0

Retrieval = Literal['dense', 'lexical', 'hybrid', 'rank_fusion']


@dataclasses.dataclass(frozen=True, kw_only=True)
class RetrievalConfig(Config):
  """What documents are found by, and how they are weighed.

  Example:
    config = realm_tf.RetrievalConfig(retrieval='hybrid', lexical_weight=0.1)

  Attributes:
    retrieval: `dense` finds documents by the inner products of vectors,
      `lexical` by BM25, `hybrid` by the weighted sum of both, and `rank_fusion`
      by the sum of the reciprocals of their ranks in both. Defaults to that of
      the model's training, else dense; to search without a model, to hybrid, or
      rank_fusion if no weight is known, where there is BM25, too.
    dense_weight: Weight of inner products in the sum. Defaults to that of the
      model's training, else 1.
    lexical_weight: Weight of BM25 in the sum. Defaults to that of the model's
      training; without one, for vectors of unit length, to what makes a cosine
      of 1 worth 20 of BM25.
  """

  retrieval: Retrieval | None = None
  dense_weight: float | None = None
  lexical_weight: float | None = None

  @property
  def needs_vectors(self) -> bool:
    """Whether queries are embedded."""
    return self.retrieval != 'lexical'

  @property
  def needs_words(self) -> bool:
    """Whether there must be a lexical index."""
    return self.retrieval not in (None, 'dense')

  def filled(self, info: Mapping[str, Any]) -> 'RetrievalConfig':
    """Returns a copy in which the training tells what is not set.

    Args:
      info: What an export says about itself.
    """
    values = dict(info.get('retrieval') or {})
    form = info.get('form') or {}
    if form.get('normalization') == 'l2':
      scale = 1 / (form.get('temperature') or 1)  # Of the inner products.
      values.setdefault('lexical_weight', scale / _BM25_OF_COSINE)
    for field in dataclasses.fields(RetrievalConfig):
      if (value := getattr(self, field.name)) is not None:
        values[field.name] = value
    return RetrievalConfig(**values)

  @property
  def weights(self) -> tuple[float, float]:
    """Weights of inner products and of BM25.

    Raises:
      ValueError: The sum needs a weight that is not known.
    """
    if self.retrieval == 'hybrid' and self.lexical_weight is None:
      raise ValueError(
        '`retrieval` hybrid needs a `lexical_weight`: fit it on questions'
        ' (evaluate, `fit_questions`), or take rank_fusion, which needs none'
      )
    dense, lexical = (
      1.0 if weight is None else weight
      for weight in (self.dense_weight, self.lexical_weight)
    )
    return dense, lexical


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainedRetrievalConfig(RetrievalConfig):
  """Retrieval with weights that are trained.

  Attributes:
    retrieval: What documents are found and weighed by: `dense`, the inner
      products of vectors; `lexical`, BM25; or `hybrid`, the weighted sum of
      both. Defaults to dense.
    dense_weight: Initial weight of inner products in the sum. Defaults to 1.
    lexical_weight: Initial weight of BM25 in the sum.
    weight_learning_rate: Peak learning rate of these weights; 0 freezes them.
      Defaults to 1e-3.
  """

  retrieval: Retrieval | None = 'dense'
  weight_learning_rate: float = 1e-3

  def __post_init__(self) -> None:
    super().__post_init__()
    self.check_at_least(0, 'weight_learning_rate')
    if self.retrieval == 'rank_fusion':
      raise ValueError(
        '`retrieval` rank_fusion has no probabilities to train: take hybrid'
      )
    _ = self.weights

  @property
  def retrieval_settings(self) -> dict[str, Any]:
    """What a restart must share with the run: nothing if vectors alone."""
    return {'retrieval': self.retrieval} if self.needs_words else {}
