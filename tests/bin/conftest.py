# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import pytest

from tests.bin import tiny_world


@pytest.fixture(scope='session')
def world(tmp_path_factory):
  """The tiny world's files, its corpus and its spans."""
  directory = tmp_path_factory.mktemp('world')
  tiny_world.build(directory)
  return directory
