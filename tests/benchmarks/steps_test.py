# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import pytest

from benchmarks import steps


def test_figures(material, toy):
  settings = steps.Settings(pipeline=toy, batches=2, warmup=1, steps=3)
  figures = steps.measure(settings, material)
  assert (
    0
    < figures['step_seconds_best']
    <= figures['step_seconds']
    <= figures['step_seconds_worst']
  )
  lengths, longest = figures['mean_wordpieces'], figures['longest']
  assert lengths['query'] < lengths['candidates'] < lengths['joint']
  for side in lengths:
    assert 5 < lengths[side] <= longest[side]
  assert longest['joint'] <= 32 + 48
  assert 9 < figures['loss'] < 12


def test_mean_length_leaves_the_null_document_out():
  mask = [[[1, 0, 0, 0], [1, 1, 1, 1]], [[1, 0, 0, 0], [1, 1, 0, 0]]]
  assert steps.mean_length({'input_mask': mask}) == pytest.approx(3.0)
  assert steps.mean_length({'input_mask': mask[0]}) == pytest.approx(2.5)
