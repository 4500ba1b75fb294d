# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import os

from benchmarks import throughput


def _check_rates(figures, unit):
  worst, median, best = (
    figures[f'{unit}_per_second{which}'] for which in ('_worst', '', '_best')
  )
  assert 0 < worst <= median <= best


def test_peak():
  figures = throughput.peak(size=256, repeats=3)
  _check_rates(figures, 'gigaflops')
  _check_rates(figures, 'bfloat16_gigaflops')
  # More than plain Python could do.
  assert figures['gigaflops_per_second'] > 0.1


def test_tokenizing(material):
  figures = throughput.tokenizing(
    material, num_documents=40, batch_size=16, repeats=2
  )
  assert figures['wordpieces'] > 40 * 25
  assert 0.002 < figures['megabytes'] < 0.02
  _check_rates(figures, 'megabytes')
  _check_rates(figures, 'with_offsets_megabytes')


def test_corpus(material, tmp_path):
  work_dir = tmp_path / 'work'
  figures = throughput.corpus(
    material, str(work_dir), num_processes=1, repeats=2
  )
  assert figures['documents'] == figures['blocks'] == 60
  _check_rates(figures, 'documents')
  assert not os.listdir(work_dir)
