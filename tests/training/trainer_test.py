# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from realm_tf.training import checkpoints, task, trainer


class Linear(keras.Model):
  def __init__(self):
    super().__init__()
    self.w = tf.Variable([2.0, 3.0])
    self.slow = tf.Variable([1.0])
    self.unused = tf.Variable([5.0])
    self.traces = 0

  def loss_and_metrics(self, features, training):
    self.traces += 1
    ids = features['query']['input_word_ids']
    x = tf.cast(tf.reduce_sum(ids, axis=-1), tf.float32)
    values = x * (tf.reduce_sum(self.w) + self.slow[0])
    return tf.reduce_mean(values), {'rows': tf.shape(ids)[0]}


def batch(number, length, rows=2, value=1):
  ids = np.full([rows, length], value, np.int32)
  return task.Batch(number, {'query': {'input_word_ids': ids}})


def make(model, batches, groups, clip_norm=1.0):
  state = checkpoints.TrainingState()
  steps = []
  made = trainer.StepTrainer(
    task.ModelSpec(model, groups, clip_norm=clip_norm),
    strategy=tf.distribute.get_strategy(),
    global_step=state.step,
    next_batch=state.next_batch,
    index_step=state.index_step,
    on_step=lambda: steps.append(int(state.step)),
  )
  made.batches = iter(batches)
  return made, state, steps


def sgd(rate):
  return keras.optimizers.legacy.SGD(rate)


def test_one_step_clips_all_groups_together():
  model = Linear()
  groups = [
    task.OptimizerGroup(sgd(1.0), [model.w]),
    task.OptimizerGroup(sgd(0.1), [model.slow]),
  ]
  made, state, steps = make(model, [batch(0, 4)], groups)
  output = made.train(tf.constant(1))
  # x = 4, so each gradient is 4, their norm 4 sqrt(3): clipped to 1/sqrt(3).
  part = 1 / np.sqrt(3)
  np.testing.assert_allclose(model.w, [2 - part, 3 - part], rtol=1e-6)
  np.testing.assert_allclose(model.slow, [1 - 0.1 * part], rtol=1e-6)
  assert output['loss'] == 24.0
  assert output['gradient_norm'] == pytest.approx(4 * np.sqrt(3))
  assert (int(state.step), int(state.next_batch), steps) == (1, 1, [1])


def test_lengths_may_vary_without_compiling_again():
  model = Linear()
  groups = [task.OptimizerGroup(sgd(0.0), [model.w])]
  batches = [batch(0, 4), batch(1, 9), batch(2, 2)]
  made, state, _ = make(model, batches, groups)
  output = made.train(tf.constant(3))
  assert model.traces == 1
  assert output['loss'] == pytest.approx((4 + 9 + 2) / 3 * 6)
  assert int(state.next_batch) == 3


def test_a_batch_out_of_order_is_refused():
  model = Linear()
  groups = [task.OptimizerGroup(sgd(0.0), [model.w])]
  made, _, _ = make(model, [batch(0, 4), batch(2, 4)], groups)
  with pytest.raises(ValueError, match='gave batch 2 where 1 was due'):
    made.train(tf.constant(2))
  made, _, _ = make(model, [batch(0, 4)], groups)
  with pytest.raises(ValueError, match='ended before batch 1'):
    made.train(tf.constant(2))


def test_a_variable_without_gradient_stays():
  model = Linear()
  groups = [task.OptimizerGroup(sgd(1.0), [model.unused, model.slow])]
  made, _, _ = make(model, [batch(0, 4)], groups)
  made.train(tf.constant(1))
  assert float(model.unused[0]) == 5.0
  assert float(model.slow[0]) == pytest.approx(0.0)


def test_evaluation_weighs_batches_by_their_rows():
  model = Linear()
  closed = []

  class Input:
    def __iter__(self):
      return iter([batch(0, 4, rows=3), batch(1, 10, rows=1)])

    def close(self):
      closed.append(True)

  evaluator = trainer.StepEvaluator(
    model, lambda: Input(), strategy=tf.distribute.get_strategy()
  )
  output = evaluator.evaluate(tf.constant(-1))
  assert output['loss'] == pytest.approx((3 * 4 + 1 * 10) / 4 * 6)
  assert output['examples'] == 4 and model.traces == 1
  assert evaluator.evaluate(tf.constant(1))['loss'] == 24.0
  assert closed == [True, True]


def test_rows_that_replicas_cannot_share_are_left_out(two_replicas):
  with two_replicas.scope():
    model = Linear()
  batches = [batch(0, 4, rows=4), batch(1, 10, rows=3), batch(2, 9, rows=1)]
  evaluator = trainer.StepEvaluator(
    model, lambda: batches, strategy=two_replicas
  )
  output = evaluator.evaluate(tf.constant(-1))
  assert output['examples'] == 6
  assert output['loss'] == pytest.approx((4 * 4 + 2 * 10) / 6 * 6)
  batches = batches[2:]
  with pytest.raises(ValueError, match='each of 2 replicas'):
    evaluator.evaluate(tf.constant(-1))


def test_nothing_to_evaluate_is_an_error():
  evaluator = trainer.StepEvaluator(
    Linear(), lambda: [], strategy=tf.distribute.get_strategy()
  )
  with pytest.raises(ValueError, match='no held-out example'):
    evaluator.evaluate(tf.constant(-1))
