# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import pytest
import tensorflow as tf

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
  assert float(rate(tf.constant(50))) == pytest.approx(0.5)
  assert float(rate(tf.constant(100))) == pytest.approx(0.9)
  assert float(rate(tf.constant(550))) == pytest.approx(0.45)
  assert float(rate(tf.constant(1000))) == pytest.approx(0.0)


def test_norms_and_biases_do_not_decay():
  # A gradient of zero moves nothing but by the weight decay.
  variables = [
    tf.Variable([1.0], name=name)
    for name in ('dense/kernel', 'dense/bias', 'x/layer_norm/gamma')
  ]
  optimizer = optimization.create_optimizer(0.1, 1000, warmup_steps=0)
  optimizer.apply_gradients([(tf.zeros([1]), v) for v in variables])
  assert float(variables[0][0]) == pytest.approx(1 - 0.1 * 0.01)
  assert [float(v[0]) for v in variables[1:]] == [1.0, 1.0]


def test_errors():
  with pytest.raises(ValueError, match='train_steps must be positive'):
    optimization.create_optimizer(0.1, 0)
  with pytest.raises(ValueError, match='learning_rate must not be negative'):
    optimization.create_optimizer(-0.1, 10)
