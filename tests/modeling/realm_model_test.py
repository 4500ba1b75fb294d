# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import tensorflow as tf

from realm_tf.bert.bert_config import BertConfig
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.reader import KnowledgeAugmentedReader
from realm_tf.modeling.realm_model import RealmModel
from realm_tf.modeling.retriever import Retriever
from tests.modeling.encoding_test import make_inputs
from tests.modeling.reader_test import make_joint
from tests.support import retrieval_utility
from tests.support.gradients import check_finite_differences

CONFIG = BertConfig(
  vocab_size=50,
  hidden_size=8,
  num_layers=2,
  num_heads=2,
  intermediate_size=16,
  max_positions=24,
  initializer_range=0.4,
)
FEATURES = {
  'query': make_inputs([6, 5], 7, seed=1),
  'candidates': make_joint([[3, 8, 9, 7], [3, 6, 9, 4]], 10),
  'joint': make_joint([[7, 15, 16, 14], [6, 11, 14, 9]], 18),
  'mlm_positions': tf.constant([[2, 3, 0], [1, 0, 0]]),
  'mlm_targets': tf.constant([[9, 30, 0], [41, 0, 0]]),
  'mlm_mask': tf.constant([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]]),
}


def make_model(separate_towers=False, **options):
  embedder = Embedder(CONFIG, 4, separate_towers, seed=2)
  if separate_towers:
    rng = np.random.default_rng(0)
    for variable in embedder.document_tower.variables:
      variable.assign_add(0.1 * rng.standard_normal(variable.shape))
  return RealmModel(
    Retriever(embedder, **options), KnowledgeAugmentedReader(CONFIG, seed=3)
  )


@pytest.fixture(scope='module')
def model():
  return make_model()


def test_marginal_likelihood_and_utilities(model):
  outputs = {key: x.numpy() for key, x in model(FEATURES).items()}
  mask = FEATURES['mlm_mask'].numpy()
  weights = np.exp(outputs['candidate_log_probs'])
  np.testing.assert_allclose(weights.sum(-1), [1, 1], atol=1e-6)
  gold = outputs['gold_log_probs']
  expected = mask * np.log(np.einsum('bk,bkm->bm', weights, np.exp(gold)))
  marginal = outputs['marginal_gold_log_probs']
  np.testing.assert_allclose(marginal, expected, atol=1e-5)
  np.testing.assert_allclose(
    outputs['candidate_utility'],
    retrieval_utility.candidate_utility(gold, mask),
    atol=1e-5,
  )
  loss, metrics = model.loss_and_metrics(FEATURES)
  assert float(loss) == pytest.approx(-expected.sum() / 3, abs=1e-5)
  aggregate = retrieval_utility.RetrievalUtility()
  aggregate.update(gold, outputs['candidate_log_probs'], mask)
  for name, value in aggregate.result().items():
    assert float(metrics[name]) == pytest.approx(value, abs=1e-5), name
  assert float(metrics['closed_book_loss']) == pytest.approx(
    -gold[:, 0].sum() / 3, abs=1e-5
  )


def test_the_null_document_is_what_utility_is_measured_against(model):
  """Fails if another candidate is first, or if there is no null document."""
  _, metrics = model.loss_and_metrics(FEATURES)
  turned = {
    **FEATURES,
    **{
      side: {key: tf.reverse(x, [1]) for key, x in FEATURES[side].items()}
      for side in ('candidates', 'joint')
    },
  }
  loss, other = model.loss_and_metrics(turned)
  assert float(loss) == pytest.approx(
    float(model.loss_and_metrics(FEATURES)[0]), abs=1e-5
  )
  assert (
    abs(float(metrics['retrieval_utility']) - float(other['retrieval_utility']))
    > 1e-3
  )


def test_padding_and_unused_masks_do_not_matter(model):
  wide = tf.nest.map_structure(lambda x: x, FEATURES)
  for side in ('query', 'candidates', 'joint'):
    for key, x in wide[side].items():
      wide[side][key] = tf.pad(x, [[0, 0]] * (x.shape.rank - 1) + [[0, 4]])
  for key in ('mlm_positions', 'mlm_targets', 'mlm_mask'):
    wide[key] = tf.pad(wide[key], [[0, 0], [0, 5]])
  assert float(model.loss_and_metrics(wide)[0]) == pytest.approx(
    float(model.loss_and_metrics(FEATURES)[0]), abs=1e-5
  )


def test_a_batch_without_masks_has_no_loss(model):
  nothing = {**FEATURES, 'mlm_mask': tf.zeros([2, 3])}
  loss, metrics = model.loss_and_metrics(nothing)
  assert float(loss) == 0 and float(metrics['retrieval_utility']) == 0


def test_gradients_equal_finite_differences():
  model = make_model(separate_towers=True)
  query, document = model.retriever.embedder.towers
  parts = {
    'reader': model.reader_variables,
    'query': query.trainable_variables,
    'document': document.trainable_variables,
  }
  assert sum(map(len, parts.values())) == len(model.trainable_variables)

  @tf.function
  def loss_of():
    return model.loss_and_metrics(FEATURES)[0]

  @tf.function
  def gradients_of():
    with tf.GradientTape() as tape:
      loss = model.loss_and_metrics(FEATURES)[0]
    return tape.gradient(loss, parts)

  check_finite_differences(parts, gradients_of(), loss_of, step=1e-3, atol=3e-3)


def test_every_variable_gets_a_gradient(model):
  with tf.GradientTape() as tape:
    loss, _ = model.loss_and_metrics(FEATURES, training=True)
  gradients = tape.gradient(loss, model.trainable_variables)
  assert all(g is not None for g in gradients)
  names = [v.name for v in model.trainable_variables]
  assert not [n for n in names if n.startswith('reader') and 'pooler' in n]


def test_of_more_candidates_the_freshly_best_are_kept():
  model = make_model(num_candidates=3)
  all_scores = make_model(num_candidates=4)(FEATURES)['retrieval_scores']
  outputs = model(FEATURES)
  best = 1 + np.argsort(-all_scores.numpy()[:, 1:])[:, :2]
  expected = np.take_along_axis(
    all_scores.numpy(), np.pad(best, [(0, 0), (1, 0)]), axis=1
  )
  np.testing.assert_allclose(outputs['retrieval_scores'], expected, atol=1e-5)
  assert outputs['gold_log_probs'].shape == (2, 3, 3)
  filled = model.fill_blanks(FEATURES, top_n=2)
  np.testing.assert_array_equal(
    filled['candidates'], np.pad(best, [(0, 0), (1, 0)])
  )


def test_fill_blanks_marginalizes_over_documents(model):
  filled = {
    key: value.numpy() for key, value in model.fill_blanks(FEATURES, 3).items()
  }
  logits = model.reader.logits(FEATURES['joint'], FEATURES['mlm_positions'])
  by_document = tf.nn.softmax(logits).numpy()
  weights = np.exp(model(FEATURES)['candidate_log_probs'])
  marginal = np.einsum('bk,bkmv->bmv', weights, by_document)
  best = np.argsort(-marginal, axis=-1)[..., :3]
  np.testing.assert_array_equal(filled['ids'], best)
  np.testing.assert_allclose(
    filled['probs'], np.take_along_axis(marginal, best, -1), atol=1e-6
  )
  np.testing.assert_array_equal(
    filled['closed_book_ids'][..., 0], by_document[:, 0].argmax(-1)
  )
  np.testing.assert_array_equal(
    filled['document_ids'][..., 0], by_document.argmax(-1)
  )
  np.testing.assert_allclose(
    filled['document_filled_probs'],
    np.take_along_axis(by_document, best[:, None, :, :1], -1)[..., 0],
    atol=1e-6,
  )
  np.testing.assert_allclose(filled['candidate_probs'], weights, atol=1e-6)


def test_one_trace_serves_all_lengths(model):
  traces = []

  @tf.function(reduce_retracing=True)
  def step(features):
    traces.append(1)
    return model.loss_and_metrics(features, training=True)[0]

  for width in (18, 20, 21, 23):
    joint = {
      key: tf.pad(x, [[0, 0], [0, 0], [0, width - 18]])
      for key, x in FEATURES['joint'].items()
    }
    assert np.isfinite(step({**FEATURES, 'joint': joint}))
  assert len(traces) == 2
