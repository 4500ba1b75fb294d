# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
from benchmarks import examples


def test_figures(material, toy):
  settings = examples.Settings(
    pipeline=toy, batch_sizes=(8, 2), num_examples=16, repeats=2
  )
  figures = examples.measure(settings, material)
  assert figures['batch_size'] == 8 and figures['blocks'] == 60
  assert set(figures['by_batch_size']) == {'8', '2'}
  assert figures['by_batch_size']['8'] == figures['examples_per_second'] > 0
  assert figures['masking_examples_per_second'] > 0
