# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import time

import pytest

from realm_tf.training import run_config


def test_directories():
  config = run_config.RunConfig('/m')
  assert config.checkpoint_dir == '/m/checkpoints'
  assert config.summary_dir == '/m/summaries'
  assert config.export_dir == '/m/export/tf_hub'
  assert config.best_export_dir == '/m/export/tf_hub_best'


@pytest.mark.parametrize(
  'name', ['save_checkpoints_steps', 'keep_checkpoint_max', 'log_every_steps']
)
def test_counts_must_be_positive(name):
  with pytest.raises(ValueError, match=f'{name} must be at least 1'):
    run_config.RunConfig('/m', **{name: 0})


def test_off_policy_delay():
  batch = run_config.Batch(7, {}, index_step=500, index_time=time.time() - 90)
  delay = batch.off_policy(620)
  assert delay['index_version'] == 500
  assert delay['off_policy_delay_steps'] == 120
  assert delay['off_policy_delay_minutes'] == pytest.approx(1.5, abs=0.1)
  assert run_config.Batch(7, {}).off_policy(620) == {}
