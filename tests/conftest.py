# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Two logical CPUs for tests of distribution; tests shared out to processes.

The CPUs are made when this is imported, which pytest does before it imports any
test or another conftest.py: once TensorFlow has started they cannot be changed.
"""

import pytest
import tensorflow as tf

tf.config.set_logical_device_configuration(
  tf.config.list_physical_devices('CPU')[0],
  [tf.config.LogicalDeviceConfiguration()] * 2,
)

# Each of these is made once and takes minutes: who uses it goes together.
_COSTLY = ('local_run', 'finetuned')


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
  """Says what `pytest -n` must not spread over processes: a file, mostly."""
  for item in items:
    group = str(item.path)
    for name in _COSTLY:
      if name in getattr(item, 'fixturenames', ()):
        group = name
    item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope='session')
def two_replicas() -> tf.distribute.Strategy:
  """One strategy for all tests.

  A second one in the process would name its collective ops as the first did,
  and fail.
  """
  devices = tf.config.list_logical_devices('CPU')
  assert len(devices) == 2
  return tf.distribute.MirroredStrategy([d.name for d in devices])
