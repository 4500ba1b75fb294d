# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.configs.training_config import TrainingConfig
from realm_tf.training import settings


def _config(**changes):
  given = {'train_steps': 40, 'batch_size': 8, 'learning_rate': 0.1}
  return TrainingConfig(
    model_dir='model', **{**given, 'warmup_steps': 10, **changes}
  )


def test_run_config_has_what_was_given():
  config = _config(
    seed=7, mixed_precision=True, save_checkpoints_steps=3, progress=False
  )
  run = settings.run_config(config, {'corpus': 'abc'}, fixed_shapes=True)
  assert run.model_dir == 'model' and run.seed == 7
  assert run.save_checkpoints_steps == 3
  assert run.mixed_precision and run.fixed_shapes and not run.progress
  assert run.strategy is None and run.log_every_steps == 100
  # By another one of these a restart would not go on where it was.
  assert run.resume_settings == {'batch_size': 8, 'seed': 7, 'corpus': 'abc'}


def test_optimizer_warms_up_and_decays_as_told():
  rate = settings.optimizer(_config()).learning_rate
  # By numbers of the steps done before.
  np.testing.assert_allclose(
    [rate(4), rate(9), rate(19), rate(39)], [0.05, 0.075, 0.05, 0.0], atol=1e-6
  )
  assert settings.optimizer(_config(), 0.5).learning_rate(9) > rate(9)


def test_a_rate_by_which_nothing_is_trained_is_refused():
  model = _Model([tf.Variable(1.0)], [tf.Variable(2.0)])
  with pytest.raises(ValueError, match='nothing would be trained'):
    settings.optimizer_groups(_config(learning_rate=0.0), None, model)


@dataclasses.dataclass
class _Model:
  reader_variables: list
  embedder_variables: list


@pytest.mark.parametrize(
  'embedder_rate, expected', [(None, [0.1, 0.1]), (0.3, [0.1, 0.3]), (0, [0.1])]
)
def test_a_rate_of_its_own_for_the_embedder(embedder_rate, expected):
  model = _Model([tf.Variable(1.0)], [tf.Variable(2.0)])
  groups = settings.optimizer_groups(_config(), embedder_rate, model)
  rates = [group.optimizer.learning_rate(19) for group in groups]
  np.testing.assert_allclose(rates, np.multiply(expected, 0.5), rtol=1e-5)
  values = [group.variables[0].numpy() for group in groups]
  assert values == [1.0, 2.0][: len(groups)]
