# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.training.settings import (
  ReaderTrainingSettings,
  TrainingSettings,
)


def _settings(kind=TrainingSettings, **changes):
  given = {'train_steps': 40, 'batch_size': 8, 'learning_rate': 0.1}
  return kind(model_dir='model', **{**given, 'warmup_steps': 10, **changes})


def test_run_config_has_what_was_given():
  run = _settings(
    seed=7, mixed_precision=True, save_checkpoints_steps=3, progress=False
  ).run_config({'corpus': 'abc'}, fixed_shapes=True)
  assert run.model_dir == 'model' and run.seed == 7
  assert run.save_checkpoints_steps == 3
  assert run.mixed_precision and run.fixed_shapes and not run.progress
  assert run.strategy is None and run.log_every_steps == 100
  # By another one of these a restart would not go on where it was.
  assert run.resume_settings == {'batch_size': 8, 'seed': 7, 'corpus': 'abc'}


def test_optimizer_warms_up_and_decays_as_told():
  rate = _settings().optimizer().learning_rate
  # By numbers of the steps done before.
  np.testing.assert_allclose(
    [rate(4), rate(9), rate(19), rate(39)], [0.05, 0.075, 0.05, 0.0], atol=1e-6
  )
  assert _settings().optimizer(0.5).learning_rate(9) > rate(9)


def test_rates_by_which_nothing_is_trained_are_refused():
  model = _Model([tf.Variable(1.0)], [tf.Variable(2.0)])
  for rate, embedder_rate, message in (
    (0.0, None, 'nothing would be trained'),
    (0.1, -0.1, 'must not be negative'),
  ):
    settings = _settings(
      ReaderTrainingSettings,
      learning_rate=rate,
      embedder_learning_rate=embedder_rate,
    )
    with pytest.raises(ValueError, match=message):
      settings.optimizer_groups(model)


@dataclasses.dataclass
class _Model:
  reader_variables: list
  embedder_variables: list


@pytest.mark.parametrize(
  'embedder_rate, expected', [(None, [0.1, 0.1]), (0.3, [0.1, 0.3]), (0, [0.1])]
)
def test_a_rate_of_its_own_for_the_embedder(embedder_rate, expected):
  model = _Model([tf.Variable(1.0)], [tf.Variable(2.0)])
  groups = _settings(
    ReaderTrainingSettings, embedder_learning_rate=embedder_rate
  ).optimizer_groups(model)
  rates = [group.optimizer.learning_rate(19) for group in groups]
  np.testing.assert_allclose(rates, np.multiply(expected, 0.5), rtol=1e-5)
  values = [group.variables[0].numpy() for group in groups]
  assert values == [1.0, 2.0][: len(groups)]
