# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
from realm_tf.io import progress


def test_bar_counts_and_writes_to_standard_error(capsys):
  assert list(progress.progress([1, 2], desc='documents')) == [1, 2]
  out, err = capsys.readouterr()
  assert out == ''
  assert 'documents: 100%' in err
