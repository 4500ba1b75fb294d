# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import tensorflow as tf

from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.retriever import Retriever
from tests.modeling.encoding_test import CONFIG, make_inputs
from tests.modeling.reader_test import make_joint


def make_retriever(**options):
  return Retriever(Embedder(CONFIG, projection_size=4), **options)


def test_the_fresh_encoder_chooses_among_more():
  retriever = make_retriever(num_candidates=3)
  query = make_inputs([4, 5], 6, seed=3)
  candidates = make_joint([[3, 7, 9, 5, 6, 4], [3, 6, 8, 9, 4, 7]], 9)
  scores, log_probs = retriever(query, candidates)
  best = retriever.best(query, candidates).numpy()
  order = 1 + np.argsort(-scores.numpy()[:, 1:], axis=1)
  np.testing.assert_array_equal(best, np.pad(order[:, :2], [(0, 0), (1, 0)]))
  np.testing.assert_allclose(np.exp(log_probs).sum(-1), [1, 1], atol=1e-6)


def test_scores_are_inner_products_of_fresh_embeddings():
  retriever = make_retriever()
  query = make_inputs([4, 5], 6, seed=3)
  candidates = make_joint([[3, 7, 9], [9, 6, 3]], 9)  # Null need not be first.
  scores, log_probs = retriever(query, candidates)
  expected = np.einsum(
    'bd,bkd->bk',
    retriever.embedder.embed_queries(query),
    retriever.embedder.embed_documents(candidates),
  )
  np.testing.assert_allclose(scores, expected, atol=1e-5)
  np.testing.assert_allclose(
    log_probs,
    expected - np.log(np.exp(expected).sum(-1, keepdims=True)),
    atol=1e-5,
  )


def test_only_the_fresh_embedder_is_saved_and_trained():
  retriever = make_retriever()
  assert len(retriever.trainable_variables) == len(
    retriever.embedder.trainable_variables
  )
  assert all(v.name.startswith('embedder/') for v in retriever.variables)


def test_errors_name_what_was_given():
  with pytest.raises(ValueError, match='Received: 1'):
    make_retriever(num_candidates=1)


def test_the_null_document_counts_once_though_it_fills_up():
  retriever = make_retriever(num_candidates=3)
  query = make_inputs([4, 5], 6, seed=3)
  candidates = make_joint([[3, 7, 9, 5], [3, 6, 8, 9]], 9)
  # The first one again, after the others and among them.
  places = [0, 1, 2, 0, 3, 0]
  filled = {key: tf.gather(x, places, axis=1) for key, x in candidates.items()}
  _, expected = retriever(query, candidates)
  with tf.GradientTape() as tape:
    scores, log_probs = retriever(query, filled)
    loss = tf.reduce_sum(log_probs[:, 0])
  probs = np.exp(log_probs)
  np.testing.assert_allclose(
    probs[:, [0, 1, 2, 4]], np.exp(expected), atol=1e-6
  )
  np.testing.assert_array_equal(probs[:, [3, 5]], 0)
  assert np.isfinite(log_probs).all() and np.isfinite(scores).all()
  gradients = tape.gradient(loss, retriever.embedder.trainable_variables)
  norm = tf.linalg.global_norm(gradients)
  assert np.isfinite(norm) and norm > 0
  # Nor is it chosen where there are others.
  best = retriever.best(query, filled).numpy()
  assert not np.isin(best[:, 1:], [3, 5]).any()
