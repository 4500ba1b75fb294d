# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import tensorflow as tf

from realm_tf.configs.training_config import TrainingConfig
from realm_tf.training import optimization


@pytest.mark.parametrize(
  'steps, warmup',
  [(200_000, 10_000), (500, 100), (2_000, 200), (50, 100), (100_000, 10_000)],
)
def test_warmup_as_the_original(steps, warmup):
  assert optimization.default_warmup_steps(steps) == warmup


def test_rate_rises_then_falls_to_zero():
  optimizer = optimization.create_optimizer(1.0, 1000, warmup_steps=100)
  rate = optimizer.learning_rate
  # An update is counted before it is made: the first has a rate already.
  assert float(rate(tf.constant(0))) == pytest.approx(0.01)
  assert float(rate(tf.constant(49))) == pytest.approx(0.5)
  assert float(rate(tf.constant(98))) == pytest.approx(0.99)
  assert float(rate(tf.constant(99))) == pytest.approx(0.9)
  assert float(rate(tf.constant(549))) == pytest.approx(0.45)
  assert float(rate(tf.constant(998))) == pytest.approx(0.001, rel=1e-4)
  for step in (999, 1000, 2000):
    assert float(rate(tf.constant(step))) == 0


def test_norms_and_biases_do_not_decay():
  # A gradient of zero moves nothing but by the weight decay.
  variables = [
    tf.Variable([1.0], name=name)
    for name in ('dense/kernel', 'dense/bias', 'x/layer_norm/gamma')
  ]
  optimizer = optimization.create_optimizer(0.1, 1000, warmup_steps=0)
  optimizer.apply_gradients([(tf.zeros([1]), v) for v in variables])
  assert float(variables[0][0]) == pytest.approx(1 - 0.0999 * 0.01)
  assert [float(v[0]) for v in variables[1:]] == [1.0, 1.0]


@pytest.mark.parametrize('sparse', [False, True])
def test_moments_are_not_corrected(sparse):
  gradient = np.array([[0.02, -0.3], [0.5, 0.1]], np.float32)
  variable = tf.Variable([[1.0, 2.0], [-1.0, 0.5]], name='kernel')
  given = tf.constant(gradient)
  if sparse:
    # One row twice, as of a wordpiece that a batch has twice.
    rows = np.stack([gradient[1], 0.25 * gradient[0], 0.75 * gradient[0]])
    given = tf.IndexedSlices(tf.constant(rows), tf.constant([1, 0, 0]), [2, 2])
  optimizer = optimization.create_optimizer(0.1, 1000, warmup_steps=10)
  expected = variable.numpy().astype(np.float64)
  mean, square = np.zeros([2, 2]), np.zeros([2, 2])
  for step in range(3):
    optimizer.apply_gradients(
      [(given, variable)], experimental_aggregate_gradients=False
    )
    mean = 0.9 * mean + 0.1 * gradient
    square = 0.999 * square + 0.001 * gradient**2
    update = mean / (np.sqrt(square) + 1e-6) + 0.01 * expected
    expected -= 0.01 * (step + 1) * update
    np.testing.assert_allclose(variable, expected, rtol=1e-5)
  # Corrected, the sum of steps would be 0.06.
  assert 1 - float(variable[0, 0]) > 0.15


def test_moments_are_corrected_if_asked():
  variable = tf.Variable([1.0], name='bias')
  optimizer = optimization.create_optimizer(
    0.1, 1000, warmup_steps=10, bias_correction=True
  )
  for step in range(3):
    before = float(variable[0])
    optimizer.apply_gradients([(tf.constant([0.5]), variable)])
    # Of equal gradients: the rate itself.
    moved = before - float(variable[0])
    assert moved == pytest.approx(0.01 * (step + 1), rel=1e-3)


@pytest.mark.parametrize('rates', [[0.1, 0.3], [0.1, 0.0], [0.2, None]])
def test_each_part_has_its_own_rate_or_is_frozen(rates):
  config = TrainingConfig(
    model_dir='',
    train_steps=40,
    batch_size=1,
    warmup_steps=10,
    learning_rate=rates[0],
  )
  asked = rates[1]
  if rates[1] is None:
    rates = [rates[0]] * 2
  variables = [[tf.Variable(1.0)], [tf.Variable(2.0)]]
  groups = optimization.make_groups(config, *variables, asked)
  found = [float(g.optimizer.learning_rate(19)) for g in groups]
  np.testing.assert_allclose(found, [r * 0.5 for r in rates if r], rtol=1e-5)
  assert [g.variables for g in groups] == variables[: len(groups)]


def test_rates_of_0_are_refused():
  with pytest.raises(ValueError, match='nothing would be trained'):
    optimization.make_groups(
      TrainingConfig(
        model_dir='', train_steps=40, batch_size=1, learning_rate=0
      ),
      [tf.Variable(1.0)],
    )
