# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import tensorflow as tf

from realm_tf.bert.weights import load_bert
from realm_tf.modeling.reader import KnowledgeAugmentedReader
from tests.modeling.encoding_test import CONFIG, make_inputs
from tests.support import goldens, shared_data


@pytest.fixture(scope='module')
def reader():
  reader = KnowledgeAugmentedReader(CONFIG)
  rng = np.random.default_rng(1)
  for variable in reader.variables:
    variable.assign_add(0.1 * rng.standard_normal(variable.shape))
  return reader


def make_joint(lengths, width):
  """`lengths` [batch, k]."""
  lengths = np.array(lengths)
  flat = make_inputs(lengths.reshape(-1), width)
  return {
    key: tf.reshape(x, [*lengths.shape, width]) for key, x in flat.items()
  }


JOINT = make_joint([[4, 15, 9], [6, 17, 11]], 20)
POSITIONS = tf.constant([[1, 3, 2], [5, 2, 0]])
TARGETS = tf.constant([[7, 30, 49], [2, 0, 11]])


def expected_log_probs(reader):
  """By Model Garden's layers alone, candidate by candidate."""
  rows = []
  for b in range(2):
    inputs = {key: x[b] for key, x in JOINT.items()}
    outputs = reader.encoder(inputs)['sequence_output']
    logits = reader.mlm_head(outputs, tf.tile(POSITIONS[b][None], [3, 1]))
    log_probs = tf.nn.log_softmax(logits)
    rows.append(
      tf.gather(log_probs, TARGETS[b][:, None], axis=-1, batch_dims=0).numpy()[
        :, np.arange(3), np.arange(3), 0
      ]
    )
  return np.stack(rows)


def test_log_probs_of_the_masks(reader):
  found = reader(JOINT, POSITIONS, TARGETS)
  assert found.shape == (2, 3, 3)
  np.testing.assert_allclose(found, expected_log_probs(reader), atol=1e-4)


def test_what_is_no_mask_is_zero_and_the_rest_as_before(reader):
  mask = tf.constant([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
  found = reader(JOINT, POSITIONS, TARGETS, mask)
  np.testing.assert_allclose(
    found, expected_log_probs(reader) * mask.numpy()[:, None], atol=1e-4
  )
  nothing = reader(JOINT, POSITIONS, TARGETS, tf.zeros([2, 3]))
  np.testing.assert_array_equal(nothing, np.zeros([2, 3, 3]))


def test_logits_agree_with_log_probs(reader):
  logits = reader.logits(JOINT, POSITIONS)
  assert logits.shape == (2, 3, 3, 50)
  log_probs = tf.nn.log_softmax(logits).numpy()
  for b, m in np.ndindex(2, 3):
    np.testing.assert_allclose(
      log_probs[b, :, m, TARGETS[b, m]],
      expected_log_probs(reader)[b, :, m],
      atol=1e-4,
    )


def test_one_candidate_alone(reader):
  joint = {key: x[:, :1] for key, x in JOINT.items()}
  np.testing.assert_allclose(
    reader(joint, POSITIONS, TARGETS),
    expected_log_probs(reader)[:, :1],
    atol=1e-4,
  )


def test_candidates_do_not_share_dropout(reader):
  joint = make_joint([[9, 9, 9]], 9)
  joint = {key: tf.tile(x[:, :1], [1, 3, 1]) for key, x in joint.items()}
  found = reader(joint, POSITIONS[:1], TARGETS[:1], training=True).numpy()
  for one, other in ((0, 1), (1, 2)):
    assert np.abs(found[0, one] - found[0, other]).max() > 1e-3


def test_used_variables_are_those_that_get_a_gradient(reader):
  with tf.GradientTape() as tape:
    loss = tf.reduce_sum(reader(JOINT, POSITIONS, TARGETS))
  gradients = tape.gradient(loss, reader.trainable_variables)
  used = [
    v.name
    for v, g in zip(reader.trainable_variables, gradients)
    if g is not None
  ]
  assert used == [v.name for v in reader.used_variables]
  assert len(used) == len(reader.trainable_variables) - 2


def test_starts_from_bert():
  bert = load_bert('tiny', vocab_size=50, seed=5)
  reader = KnowledgeAugmentedReader(bert.config)
  reader.init_from_bert(bert)
  inputs = make_inputs([9, 3], 9)
  positions = tf.constant([[1, 3], [0, 2]])
  joint = {key: x[:, None] for key, x in inputs.items()}
  expected = bert.mlm_head(bert.encoder(inputs)['sequence_output'], positions)
  np.testing.assert_allclose(
    reader.logits(joint, positions)[:, 0], expected, atol=1e-5
  )
  with pytest.raises(ValueError, match='cannot start from a BERT of'):
    KnowledgeAugmentedReader(CONFIG).init_from_bert(bert)


def test_goldens():
  folder = shared_data.path('goldens')
  reader = goldens.load_model(folder).reader
  features = goldens.load_features(folder)
  expected = np.load(folder / 'model_tiny.npz')
  logits = reader.logits(features['joint'], features['mlm_positions'])
  np.testing.assert_allclose(
    tf.reduce_logsumexp(logits, -1), expected['mlm_logits_logsumexp'], atol=1e-4
  )
  np.testing.assert_allclose(
    logits[..., :64], expected['mlm_logits_first64'], atol=1e-4
  )
  best = tf.math.top_k(logits, 5).indices
  assert np.mean(best == expected['mlm_logits_top5_ids']) > 0.999
  # The mask tells what of it was a blank; the original fills up with zeros.
  np.testing.assert_allclose(
    reader(
      features['joint'], features['mlm_positions'], features['mlm_targets']
    ),
    expected['gold_log_probs'],
    atol=1e-5,
  )
