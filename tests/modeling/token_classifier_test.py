# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.bert import weights
from realm_tf.bert.bert_config import BertConfig
from realm_tf.modeling.token_classifier import TokenClassifier

CONFIG = BertConfig(
  vocab_size=20, hidden_size=8, num_layers=1, num_heads=2, max_positions=16
)
INPUTS = {
  'input_word_ids': tf.constant([[2, 7, 8, 3], [2, 9, 3, 0]]),
  'input_mask': tf.constant([[1, 1, 1, 1], [1, 1, 1, 0]]),
  'input_type_ids': tf.constant([[0, 1, 2, 0], [0, 3, 0, 0]]),
}


def test_segments_begin_alike_and_are_learned_apart():
  bert = weights.Bert(CONFIG, weights.encoder_lib.build_encoder(CONFIG, seed=4))
  model = TokenClassifier(CONFIG, 5, num_segments=7, seed=1)
  model.init_from_bert(bert)
  logits = model(INPUTS)
  assert logits.shape == (2, 4, 5) and logits.dtype == tf.float32
  plain = {**INPUTS, 'input_type_ids': tf.zeros([2, 4], tf.int32)}
  np.testing.assert_allclose(logits, model(plain), atol=1e-6)
  hidden = bert.encoder(plain)['sequence_output']
  np.testing.assert_allclose(logits, model.output_layer(hidden), atol=1e-6)
  (table,) = (v for v in model.variables if 'type_embeddings' in v.name)
  assert table.shape == (7, 8)
  table[1].assign(tf.ones([8]) * tf.range(8.0))
  assert np.abs(logits - model(INPUTS)).max() > 1e-3


def test_loss_is_of_words_alone():
  model = TokenClassifier(CONFIG, 3, num_segments=7, seed=1)
  classes = tf.constant([[-1, 2, -1, -1], [-1, 0, -1, -1]])
  loss, metrics = model.loss_and_metrics({**INPUTS, 'word_classes': classes})
  logits = model(INPUTS).numpy()
  chances = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
  expected = -np.log([chances[0, 1, 2], chances[1, 1, 0]]).mean()
  assert float(loss) == pytest.approx(expected, rel=1e-5)
  hits = [logits[0, 1].argmax() == 2, logits[1, 1].argmax() == 0]
  assert float(metrics['accuracy']) == pytest.approx(np.mean(hits))
  nothing, _ = model.loss_and_metrics(
    {**INPUTS, 'word_classes': tf.fill([2, 4], -1)}
  )
  assert float(nothing) == 0


@pytest.mark.parametrize('train', [True, False])
def test_what_is_trained_gets_a_gradient(train):
  model = TokenClassifier(
    CONFIG, 3, num_segments=7, train_word_embeddings=train
  )
  features = {**INPUTS, 'word_classes': tf.ones([2, 4], tf.int32)}
  with tf.GradientTape() as tape:
    loss, _ = model.loss_and_metrics(features, training=True)
  variables = model.trainable_variables
  assert all(g is not None for g in tape.gradient(loss, variables))
  names = [v.name for v in variables]
  assert any('word_embeddings' in name for name in names) == train
  assert not any('pooler' in name for name in names)
