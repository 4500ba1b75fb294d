# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Two logical CPUs, so that distribution can be tested.

They are made when this is imported, which pytest does before it imports any
test or another conftest.py: once TensorFlow has started they cannot be changed.
"""

import pytest
import tensorflow as tf

tf.config.set_logical_device_configuration(
  tf.config.list_physical_devices('CPU')[0],
  [tf.config.LogicalDeviceConfiguration()] * 2,
)


@pytest.fixture(scope='session')
def two_replicas() -> tf.distribute.Strategy:
  """One strategy for all tests.

  A second one in the process would name its collective ops as the first did,
  and fail.
  """
  devices = tf.config.list_logical_devices('CPU')
  assert len(devices) == 2
  return tf.distribute.MirroredStrategy([d.name for d in devices])
