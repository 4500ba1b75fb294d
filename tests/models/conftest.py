# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Two logical CPUs, for the tests with two replicas."""

import tensorflow as tf


def pytest_configure():
  devices = tf.config.list_physical_devices('CPU')
  try:
    tf.config.set_logical_device_configuration(
      devices[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )
  except RuntimeError:
    # Another room's tests came first and TensorFlow has started.
    return
