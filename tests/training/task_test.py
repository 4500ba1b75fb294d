# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import time

import pytest

from realm_tf.training.task import Batch


def test_off_policy_delay():
  batch = Batch(7, {}, index_step=500, index_time=time.time() - 90)
  delay = batch.off_policy(620)
  assert delay['index_version'] == 500
  assert delay['off_policy_delay_steps'] == 120
  assert delay['off_policy_delay_minutes'] == pytest.approx(1.5, abs=0.1)
  assert Batch(7, {}).off_policy(620) == {}
