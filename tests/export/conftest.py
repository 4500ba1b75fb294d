# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import pytest

from tests.export import small_realm


@pytest.fixture(scope='session')
def realm(tmp_path_factory):
  return small_realm.make(tmp_path_factory.mktemp('realm'))
