# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
from benchmarks import embedding


def test_figures(material, toy):
  settings = embedding.Settings(pipeline=toy, repeats=2)
  figures = embedding.measure(settings, material)
  assert figures['documents'] == figures['blocks'] == 60
  assert figures['documents_per_second'] == figures['blocks_per_second'] > 0
  assert 25 < figures['mean_wordpieces_of_block'] < 75
