# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.configs.retrieval_config import RetrievalConfig
from realm_tf.modeling.hybrid_scorer import HybridScorer
from realm_tf.modeling.open_qa import OpenQAModel
from realm_tf.modeling.realm_model import RealmModel
from realm_tf.modeling.retriever import Retriever
from tests.modeling import open_qa_test, realm_model_test
from tests.support.gradients import check_finite_differences

_RNG = np.random.default_rng(3)
REALM = {
  **realm_model_test.FEATURES,
  'candidate_bm25': tf.constant(
    [[0, 3.1, 1.2, 0], [0, 2.5, 7.7, 0.4]], tf.float32
  ),
}
QA = {
  **open_qa_test.FEATURES,
  'query': open_qa_test.QUERY,
  'beam_bm25': tf.constant(
    _RNG.gamma(2.0, 1.0, [open_qa_test.BATCH, open_qa_test.BEAM]), tf.float32
  ),
}


def realm_model(hybrid, **options):
  made = realm_model_test.make_model()
  return RealmModel(
    Retriever(made.retriever.embedder, hybrid=hybrid, **options), made.reader
  )


def qa_model(hybrid):
  made = open_qa_test.make_model()
  return OpenQAModel(made.embedder, made.reader, made.config, hybrid)


def test_scores_and_what_is_told():
  config = RetrievalConfig(
    retrieval='hybrid', dense_weight=2.0, lexical_weight=0.25
  )
  scorer = HybridScorer.of(config)
  products, bm25 = tf.constant([[1.0, -2.0]]), tf.constant([[4.0, 8.0]])
  np.testing.assert_allclose(scorer(products, bm25), [[3.0, -2.0]])
  scorer.lexical_weight.assign(0.5)
  told = HybridScorer.describe(scorer)
  assert RetrievalConfig().filled(told) == dataclasses.replace(
    config, lexical_weight=0.5
  )
  alone = HybridScorer.of(
    RetrievalConfig(retrieval='lexical', dense_weight=2.0, lexical_weight=0.5)
  )
  np.testing.assert_allclose(alone(products, bm25), [[2.0, 4.0]])
  assert [v.name for v in alone.trainable_variables] == ['lexical_weight:0']
  assert HybridScorer.describe(alone)['retrieval']['retrieval'] == 'lexical'
  assert HybridScorer.of(RetrievalConfig(retrieval='dense')) is None
  assert HybridScorer.describe(None) == {}


@pytest.mark.parametrize(
  ('make', 'features'), [(realm_model, REALM), (qa_model, QA)]
)
def test_gradients_equal_finite_differences(make, features):
  model = make(HybridScorer(0.6, 0.3))
  with tf.GradientTape() as tape:
    loss, metrics = model.loss_and_metrics(features)
  weights = model.weight_variables
  assert [w.name for w in weights] == ['dense_weight:0', 'lexical_weight:0']
  assert {w.ref() for w in weights} < {
    w.ref() for w in model.trainable_variables
  }
  assert float(metrics['dense_weight']) == pytest.approx(0.6)
  assert float(metrics['lexical_weight']) == pytest.approx(0.3)
  parts = {weight.name: [weight] for weight in weights}
  check_finite_differences(
    parts,
    dict(zip(parts, ([g] for g in tape.gradient(loss, weights)))),
    lambda: model.loss_and_metrics(features)[0],
    step=1e-2,
    atol=2e-4,
  )


def test_of_words_without_weight_nothing_changes():
  plain = realm_model_test.make_model()
  loss, _ = plain.loss_and_metrics(realm_model_test.FEATURES)
  hybrid = realm_model(HybridScorer(1.0, 0.0))
  assert float(hybrid.loss_and_metrics(REALM)[0]) == pytest.approx(float(loss))


def test_candidates_are_chosen_by_the_sum():
  model = realm_model(HybridScorer(0.0, 1.0), num_candidates=2)
  outputs = model(REALM)
  np.testing.assert_allclose(
    outputs['retrieval_scores'], [[0, 3.1], [0, 7.7]], rtol=1e-6
  )
  filled = model.fill_blanks(REALM)
  np.testing.assert_array_equal(filled['candidates'], [[0, 1], [0, 2]])


def test_the_embedder_has_no_part_in_words_alone():
  model = qa_model(HybridScorer(5.0, 0.3, words_alone=True))
  with tf.GradientTape() as tape:
    loss, _ = model.loss_and_metrics(QA)
  found = tape.gradient(
    loss, [*model.embedder_variables, *model.weight_variables]
  )
  *of_embedder, of_weight = (np.abs(tf.convert_to_tensor(g)) for g in found)
  assert max(g.max() for g in of_embedder) == 0 < of_weight
