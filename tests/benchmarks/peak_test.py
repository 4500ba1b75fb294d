# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
from benchmarks import peak


def test_more_work_a_second_than_plain_python_could_do():
  figures = peak.measure(peak.Settings(size=256, repeats=3))
  worst, best = (
    figures[f'gigaflops_per_second_{name}'] for name in ('worst', 'best')
  )
  assert 0.1 < worst <= figures['gigaflops_per_second'] <= best
  assert figures['bfloat16_gigaflops_per_second'] > 0
