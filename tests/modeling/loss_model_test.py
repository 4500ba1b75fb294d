# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from realm_tf.modeling.mlm_model import MaskedLanguageModel
from realm_tf.modeling.token_classifier import TokenClassifier
from realm_tf.training import checkpoints, task, trainer
from tests.modeling import (
  ict_model_test,
  mlm_model_test,
  open_qa_test,
  realm_model_test,
  token_classifier_test,
)

QA = {
  **open_qa_test.FEATURES,
  'query': open_qa_test.QUERY,
}
WORDS = {
  **token_classifier_test.INPUTS,
  'word_classes': tf.constant([[-1, 2, 1, -1], [-1, 0, -1, -1]]),
}


def classifier():
  config = token_classifier_test.CONFIG.with_dropout(0.0)
  return TokenClassifier(config, 3, num_segments=7)


@pytest.mark.parametrize(
  'make, features',
  [
    (ict_model_test.make_model, ict_model_test.FEATURES),
    (realm_model_test.make_model, realm_model_test.FEATURES),
    (open_qa_test.make_model, QA),
    (
      lambda: MaskedLanguageModel(mlm_model_test.CONFIG),
      mlm_model_test.FEATURES,
    ),
    (classifier, WORDS),
  ],
)
def test_fit_lowers_the_loss(make, features):
  model = make()
  model.compile(keras.optimizers.Adam(0.004))
  dataset = tf.data.Dataset.from_tensors(features).repeat()
  history = model.fit(dataset, steps_per_epoch=10, epochs=3, verbose=0).history
  assert set(history) == {'loss', *model.loss_and_metrics(features)[1]}
  assert history['loss'][-1] < 0.9 * history['loss'][0]


def test_goes_on_from_a_file_with_its_optimizer(tmp_path):
  model = classifier()
  model.compile('adam')
  dataset = tf.data.Dataset.from_tensors(WORDS)
  model.fit(dataset.repeat(), steps_per_epoch=5, verbose=0)
  model.save(tmp_path / 'model.keras')
  loaded = keras.models.load_model(tmp_path / 'model.keras')
  assert loaded.optimizer.iterations == 5
  for one in (model, loaded):
    one.fit(dataset, verbose=0)
  found = loaded.evaluate(dataset, return_dict=True, verbose=0)
  loss, metrics = model.loss_and_metrics(WORDS)
  expected = {'loss': loss, **metrics}
  assert found == pytest.approx(
    {k: float(x) for k, x in expected.items()}, rel=1e-5
  )


def test_a_step_of_fit_is_a_step_of_the_trainer():
  features = ict_model_test.FEATURES
  fitted, trained = ict_model_test.make_model(), ict_model_test.make_model()
  fitted.compile(keras.optimizers.SGD(0.1))
  dataset = tf.data.Dataset.from_tensors(features)
  history = fitted.fit(dataset, verbose=0).history
  state = checkpoints.TrainingState()
  group = task.OptimizerGroup(
    keras.optimizers.legacy.SGD(0.1), trained.trainable_variables
  )
  steps = trainer.StepTrainer(
    task.ModelSpec(trained, [group], clip_norm=1e9),
    strategy=tf.distribute.get_strategy(),
    global_step=state.step,
    next_batch=state.next_batch,
    index_step=state.index_step,
  )
  steps.batches = iter([task.Batch(0, features)])
  result = steps.train(tf.constant(1))
  assert history['loss'] == [pytest.approx(result['loss'], abs=1e-6)]
  for one, other in zip(fitted.variables, trained.variables):
    np.testing.assert_allclose(one, other, atol=1e-6, err_msg=one.name)


def test_metrics_are_means_over_examples():
  model = ict_model_test.make_model()
  model.compile()
  first = tf.nest.map_structure(lambda x: x[:1], ict_model_test.FEATURES)
  rest = tf.nest.map_structure(lambda x: x[1:], ict_model_test.FEATURES)
  spec = tf.nest.map_structure(
    lambda x: tf.TensorSpec([None, x.shape[1]], x.dtype), first
  )
  dataset = tf.data.Dataset.from_generator(
    lambda: iter([first, rest]), output_signature=spec
  )
  found = model.evaluate(dataset, return_dict=True, verbose=0)
  expected = [float(model.loss_and_metrics(x)[0]) for x in (first, rest)]
  assert found['loss'] == pytest.approx((expected[0] + 3 * expected[1]) / 4)


def test_replicas_share_a_step(two_replicas):
  alone = ict_model_test.make_model()
  with two_replicas.scope():
    shared = ict_model_test.make_model()
    shared.compile(keras.optimizers.SGD(0.1))
  alone.compile(keras.optimizers.SGD(0.1))
  for model in (alone, shared):
    # Without dropout, of which every replica draws its own.
    for tower in model.embedder.towers:
      tower.bert_config = tower.bert_config.with_dropout(0.0)
      tower.encoder._embedding_dropout.rate = 0.0
      for block in tower.encoder.transformer_layers:
        block._output_dropout_rate = block._attention_dropout_rate = 0.0
  dataset = tf.data.Dataset.from_tensors(ict_model_test.FEATURES).unbatch()
  history = [
    model.fit(dataset.batch(4), verbose=0).history for model in (alone, shared)
  ]
  assert history[0]['loss'] == pytest.approx(history[1]['loss'], abs=1e-5)
  for one, other in zip(alone.variables, shared.variables):
    np.testing.assert_allclose(one, other, atol=1e-5, err_msg=one.name)
