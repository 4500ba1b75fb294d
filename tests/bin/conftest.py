# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import pytest

from tests.bin import finetuned as finetuned_lib
from tests.bin import local_run as local_run_lib
from tests.bin import tiny_world
from tests.shared_fixture import make_once


@pytest.fixture(scope='session')
def world(tmp_path_factory):
  """The tiny world's files, its corpus and its spans."""
  directory = tmp_path_factory.mktemp('world')
  tiny_world.build(directory)
  return directory


@pytest.fixture(scope='session')
def local_run(tmp_path_factory):
  """One run of the whole way, as short as can be, for several tests."""
  return make_once(tmp_path_factory, 'local_run', local_run_lib.make)


@pytest.fixture(scope='session')
def finetuned(tmp_path_factory):
  """One fine-tuning, as short as can be, for several tests."""
  return make_once(tmp_path_factory, 'finetuned', finetuned_lib.make)
