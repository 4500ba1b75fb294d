# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Two logical CPUs, so that distribution can be tested; before TF starts."""

import tensorflow as tf


def pytest_configure():
  physical = tf.config.list_physical_devices('CPU')[0]
  try:
    tf.config.set_logical_device_configuration(
      physical,
      [tf.config.LogicalDeviceConfiguration() for _ in range(2)],
    )
  except RuntimeError:
    # TensorFlow has started already: the tests that need two are skipped.
    return
