# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import tensorflow as tf

from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.ict_model import ICTModel
from tests.modeling.encoding_test import CONFIG, make_inputs

FEATURES = {
  'query': make_inputs([4, 6, 3, 5], 7, seed=1),
  'document': make_inputs([9, 12, 8, 11], 14, seed=2),
}


def make_model():
  return ICTModel(Embedder(CONFIG, projection_size=8, separate_towers=True))


def test_loss_and_accuracy_of_the_batch():
  model = make_model()
  queries = model.embedder.embed_queries(FEATURES['query']).numpy()
  documents = model.embedder.embed_documents(FEATURES['document']).numpy()
  logits = queries @ documents.T
  log_probs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
  loss, metrics = model.loss_and_metrics(FEATURES)
  assert float(loss) == pytest.approx(-np.diag(log_probs).mean(), abs=1e-4)
  hits = logits.argmax(-1) == np.arange(4)
  assert float(metrics['accuracy']) == pytest.approx(hits.mean())


def test_replicas_share_their_documents_and_their_gradients_add_up(
  two_replicas,
):
  """Two replicas with half a batch each do what one does with the whole."""
  whole = make_model()
  with tf.GradientTape() as tape:
    expected_loss, _ = whole.loss_and_metrics(FEATURES)
  expected = tape.gradient(expected_loss, whole.trainable_variables)

  with two_replicas.scope():
    model = make_model()

  def replica(features):
    context = tf.distribute.get_replica_context()
    first = 2 * context.replica_id_in_sync_group
    mine = tf.nest.map_structure(lambda x: x[first : first + 2], features)
    with tf.GradientTape() as tape:
      loss, _ = model.loss_and_metrics(mine)
      share = loss / 2
    gradients = tape.gradient(share, model.trainable_variables)
    gradients = [tf.convert_to_tensor(g) for g in gradients]
    return loss, context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)

  @tf.function
  def step(features):
    loss, gradients = two_replicas.run(replica, args=(features,))
    gradients = [
      two_replicas.experimental_local_results(g)[0] for g in gradients
    ]
    return two_replicas.reduce('MEAN', loss, axis=None), gradients

  loss, gradients = step(FEATURES)
  assert float(loss) == pytest.approx(float(expected_loss), abs=1e-5)
  for variable, found, right in zip(
    whole.trainable_variables, gradients, expected
  ):
    np.testing.assert_allclose(
      found,
      tf.convert_to_tensor(right),
      atol=1e-5,
      rtol=1e-4,
      err_msg=variable.name,
    )


def test_learns_to_find_the_block():
  model = make_model()
  variables = model.trainable_variables

  @tf.function
  def step():
    with tf.GradientTape() as tape:
      loss, metrics = model.loss_and_metrics(FEATURES)
    for variable, gradient in zip(variables, tape.gradient(loss, variables)):
      variable.assign_sub(0.02 * tf.convert_to_tensor(gradient))
    return loss, metrics['accuracy']

  first, _ = step()
  for _ in range(30):
    last, accuracy = step()
  assert last < 0.5 * first
  assert accuracy == 1
