# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import pytest

from benchmarks import pretraining


def test_examples(material, toy):
  figures = pretraining.examples(
    material, batch_sizes=(8, 2), num_examples=16, repeats=2, **toy
  )
  assert figures['batch_size'] == 8 and figures['blocks'] == 60
  assert set(figures['by_batch_size']) == {'8', '2'}
  assert figures['by_batch_size']['8'] == figures['examples_per_second'] > 0
  assert figures['masking_examples_per_second'] > 0


def test_steps(material, toy):
  figures = pretraining.steps(material, batches=2, warmup=1, steps=3, **toy)
  best, median, worst = (
    figures[f'step_seconds{which}'] for which in ('_best', '', '_worst')
  )
  assert 0 < best <= median <= worst
  lengths, longest = figures['mean_wordpieces'], figures['longest']
  assert lengths['query'] < lengths['candidates'] < lengths['joint']
  for side in lengths:
    assert 5 < lengths[side] <= longest[side]
  assert longest['joint'] <= 32 + 48
  # Random weights know nothing of 30,522 wordpieces.
  assert 9 < figures['loss'] < 12


def test_mean_length_leaves_the_null_document_out():
  mask = [[[1, 0, 0, 0], [1, 1, 1, 1]], [[1, 0, 0, 0], [1, 1, 0, 0]]]
  mean_length = pretraining.mean_length
  assert mean_length({'input_mask': mask}) == pytest.approx(3.0)
  assert mean_length({'input_mask': mask[0]}) == pytest.approx(2.5)


def test_embedding(material, toy):
  figures = pretraining.embedding(material, repeats=2, **toy)
  assert figures['documents'] == figures['blocks'] == 60
  assert figures['documents_per_second'] == figures['blocks_per_second'] > 0
  assert 25 < figures['mean_wordpieces_of_block'] < 75
