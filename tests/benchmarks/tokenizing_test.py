# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
from benchmarks import tokenizing


def test_figures(material):
  settings = tokenizing.Settings(num_documents=40, batch_size=16, repeats=2)
  figures = tokenizing.measure(settings, material)
  assert figures['wordpieces'] > 40 * 25
  assert 0.002 < figures['megabytes'] < 0.02
  assert (
    figures['megabytes_per_second_worst']
    <= figures['megabytes_per_second']
    <= figures['megabytes_per_second_best']
  )
  # Offsets are found one character after the other.
  assert figures['with_offsets_megabytes_per_second_best'] > 0
