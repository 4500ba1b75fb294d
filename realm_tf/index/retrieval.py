# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""One ranking of documents by vectors and by words.

`hybrid` scores a document z for a question x with s <q, d> + w BM25(x, z), so
that p(z | x) is the softmax of these scores over the candidates of both sides.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from realm_tf.configs.retrieval_config import RetrievalConfig
from realm_tf.index.lexical import LexicalIndex

Found = tuple[tf.Tensor, tf.Tensor]
"""Rows int32 and scores float32, best first, `[batch, k]`."""
Weights = tuple[Any, Any]
"""Weights of inner products and of BM25: numbers or scalars."""

# Candidates of each side at least: the best of the sum may be low in either.
DEPTH = 100
_FIRST_RANK = 60.0  # What is added to ranks before they are inverted.


def score(
  inner_products: tf.Tensor, bm25: tf.Tensor, weights: Weights
) -> tf.Tensor:
  """Returns the scores of documents, float32 `[batch, n]`."""
  dense, lexical = weights
  return dense * inner_products + lexical * bm25


def _best(rows: tf.Tensor, scores: tf.Tensor, k: tf.Tensor) -> Found:
  """The best k, each once.

  Args:
    rows: int32 `[batch, n]`, ascending, with repetitions; -1 for none.
    scores: Their scores; of repetitions the first one counts.
    k: Number of rows.
  """
  repeated = tf.pad(rows[:, 1:] == rows[:, :-1], [[0, 0], [1, 0]])
  scores = tf.where(repeated | (rows < 0), scores.dtype.min, scores)
  scores, best = tf.math.top_k(scores, k)
  return tf.gather(rows, best, batch_dims=1), scores


def fuse_ranks(dense: tf.Tensor, lexical: tf.Tensor, k: tf.Tensor) -> Found:
  """Returns the best k by the sum of their inverted ranks.

  Args:
    dense: Rows by vectors, best first, int32 `[batch, n]`.
    lexical: Rows by words `[batch, m]`.
    k: Number of rows.
  """
  rows = tf.concat([dense, lexical], 1)
  ranks = [tf.range(1, tf.shape(x)[1] + 1) for x in (dense, lexical)]
  scores = 1.0 / (_FIRST_RANK + tf.cast(tf.concat(ranks, 0), tf.float32))
  order = tf.argsort(rows, axis=1, stable=True)
  rows, scores = tf.gather(rows, order, batch_dims=1), tf.gather(scores, order)
  # A row is there twice at most.
  again = tf.pad(rows[:, 1:] == rows[:, :-1], [[0, 0], [0, 1]])
  following = tf.pad(scores[:, 1:], [[0, 0], [0, 1]])
  return _best(rows, scores + tf.where(again, following, 0.0), k)


def candidates(
  questions: tf.Tensor,
  embedded: tf.Tensor,
  depth: int | tf.Tensor,
  *,
  search_vectors: Callable[[tf.Tensor, Any], Found],
  vectors: Callable[[tf.Tensor], tf.Tensor],
  lexical: LexicalIndex,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
  """Finds the candidates of both sides.

  Args:
    questions: UTF-8 strings `[batch]`.
    embedded: Their vectors, float32 `[batch, dim]`.
    depth: Number of candidates of each side.
    search_vectors: Finds the rows with the best inner products.
    vectors: Looks up vectors of rows, float32 `[batch, n, dim]`.
    lexical: BM25 of the corpus.

  Returns:
    Rows int32, ascending, -1 where there is none and some twice; their inner
    products and BM25, float32; `[batch, n]`.
  """
  dense = tf.cast(search_vectors(embedded, depth)[0], tf.int32)
  words = lexical.search(questions, depth)[0]
  rows = tf.sort(tf.concat([dense, words], 1), axis=1)
  products = tf.einsum('bd,bnd->bn', embedded, vectors(tf.maximum(rows, 0)))
  return rows, products, lexical.score(questions, rows)


def search(
  config: RetrievalConfig,
  questions: tf.Tensor,
  queries: Callable[[], tf.Tensor],
  k: int | tf.Tensor,
  *,
  num_rows: int,
  search_vectors: Callable[[tf.Tensor, Any], Found],
  vectors: Callable[[tf.Tensor], tf.Tensor],
  lexical: LexicalIndex | None,
  weights: Weights | None = None,
) -> Found:
  """Finds documents as a configuration says; also in a graph.

  Args:
    config: What documents are found by.
    questions: UTF-8 strings `[batch]`.
    queries: Embeds them as float32 `[batch, dim]`; called if they are needed.
    k: Number of documents per question.
    num_rows: Number of documents in all.
    search_vectors: Finds the rows with the best inner products.
    vectors: Looks up vectors of rows, float32 `[batch, n, dim]`.
    lexical: BM25 of the corpus, if it is needed.
    weights: Weights of the sum. Defaults to those of the configuration.
  """
  if not config.needs_words:
    return search_vectors(queries(), k)
  assert lexical is not None
  weights = weights or config.weights
  if not config.needs_vectors:
    rows, bm25 = lexical.search(questions, k)
    return rows, weights[1] * bm25
  embedded = queries()
  k = tf.minimum(tf.cast(k, tf.int32), num_rows)
  depth = tf.maximum(k, DEPTH)
  if config.retrieval == 'rank_fusion':
    dense = tf.cast(search_vectors(embedded, depth)[0], tf.int32)
    return fuse_ranks(dense, lexical.search(questions, depth)[0], k)
  rows, products, bm25 = candidates(
    questions,
    embedded,
    depth,
    search_vectors=search_vectors,
    vectors=vectors,
    lexical=lexical,
  )
  return _best(rows, score(products, bm25, weights), k)
