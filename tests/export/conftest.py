# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import pytest

from tests.export import small_qa, small_realm


@pytest.fixture(scope='session')
def realm(tmp_path_factory):
  return small_realm.make(tmp_path_factory.mktemp('realm'))


@pytest.fixture(scope='session', params=['exact', 'scann'])
def qa(request, tmp_path_factory):
  """What a fine-tuning leaves behind, with an index of either kind."""
  return small_qa.make(tmp_path_factory.mktemp('qa'), request.param)
