# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.bert.bert_config import BertConfig
from realm_tf.bert.weights import load_bert
from realm_tf.modeling.mlm_model import MaskedLanguageModel

CONFIG = BertConfig(
  vocab_size=30,
  hidden_size=16,
  num_layers=2,
  num_heads=2,
  intermediate_size=32,
  max_positions=16,
  initializer_range=0.2,
)
FEATURES = {
  'inputs': {
    'input_word_ids': tf.constant(
      [[2, 4, 9, 4, 3, 11, 3], [2, 4, 8, 3, 0, 0, 0]]
    ),
    'input_mask': tf.constant([[1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0, 0]]),
    'input_type_ids': tf.constant([[0, 0, 0, 0, 0, 1, 1], [0] * 7]),
  },
  'mlm_positions': tf.constant([[1, 3, 5], [1, 0, 0]]),
  'mlm_targets': tf.constant([[7, 12, 11], [20, 2, 2]]),
  'mlm_mask': tf.constant([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]]),
  'span_mask': tf.constant([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]),
}


@pytest.fixture(scope='module')
def model():
  return MaskedLanguageModel(CONFIG, seed=5)


@pytest.fixture(scope='module')
def log_probs(model):
  """log p of every wordpiece, [batch, predictions, vocab], in NumPy."""
  hidden = model.encoder(FEATURES['inputs'])['sequence_output']
  logits = model.mlm_head(hidden, FEATURES['mlm_positions']).numpy()
  logits = logits.astype(np.float64)
  return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def test_loss_is_the_mean_over_predictions_not_over_sentences(model, log_probs):
  loss, _ = model.loss_and_metrics(FEATURES)
  gold = [log_probs[0, 0, 7], log_probs[0, 1, 12], log_probs[0, 2, 11]]
  expected = -np.mean([*gold, log_probs[1, 0, 20]])
  np.testing.assert_allclose(loss, expected, rtol=1e-5)
  assert abs(expected - np.log(30)) > 0.01, 'the weights say something'


def test_accuracies_count_what_their_masks_mark(model, log_probs):
  best = log_probs.argmax(-1).astype(np.int32)
  targets = best.copy()
  targets[0, 1] += 1  # One word, not of a span, is missed.
  targets[1, 0] += 1  # One span of two is missed.
  targets[1, 1:] += 1  # These are no predictions.
  features = {**FEATURES, 'mlm_targets': tf.constant(targets)}
  _, metrics = model.loss_and_metrics(features)
  assert float(metrics['accuracy']) == pytest.approx(2 / 4)
  assert float(metrics['span_accuracy']) == pytest.approx(1 / 2)


def test_a_batch_without_predictions_is_no_nan(model):
  nothing = tf.zeros([2, 3])
  features = {**FEATURES, 'mlm_mask': nothing, 'span_mask': nothing}
  loss, metrics = model.loss_and_metrics(features)
  assert float(loss) == 0.0
  assert {float(value) for value in metrics.values()} == {0.0}


def test_every_trainable_variable_gets_a_gradient_and_the_table_once(model):
  variables = model.trainable_variables
  with tf.GradientTape() as tape:
    loss, _ = model.loss_and_metrics(FEATURES, training=True)
  gradients = tape.gradient(loss, variables)
  assert all(g is not None for g in gradients)
  table = model.encoder.get_embedding_table()
  assert sum(v is table for v in variables) == 1
  everything = [*model.encoder.trainable_variables, table]
  everything += model.mlm_head.trainable_variables
  left_out = {v.ref() for v in everything} - {v.ref() for v in variables}
  pooler = {v.ref() for v in model.encoder.pooler_layer.variables}
  assert left_out == pooler


def test_dropout_is_on_in_training_alone():
  model = MaskedLanguageModel(dataclasses.replace(CONFIG, dropout=0.5))
  still = [float(model.loss_and_metrics(FEATURES)[0]) for _ in range(2)]
  moving = [
    float(model.loss_and_metrics(FEATURES, training=True)[0]) for _ in range(3)
  ]
  assert still[0] == still[1]
  assert len({*moving, still[0]}) == 4


def test_starts_from_a_bert_with_a_head(model):
  bert = load_bert('tiny', vocab_size=30, seed=7)
  mine = MaskedLanguageModel(bert.config)
  mine.init_from_bert(bert)
  for layer in ('encoder', 'mlm_head'):
    for one, other in zip(
      getattr(mine, layer).weights, getattr(bert, layer).weights
    ):
      np.testing.assert_array_equal(one, other)
  with pytest.raises(ValueError, match='cannot start from a BERT of'):
    model.init_from_bert(bert)
  bert.mlm_head = None
  with pytest.raises(ValueError, match='no masked language modeling head'):
    mine.init_from_bert(bert)
