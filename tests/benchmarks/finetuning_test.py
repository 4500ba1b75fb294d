# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import pytest

from benchmarks import finetuning


@pytest.mark.parametrize('batch_size', [1, 3])
def test_figures(material, batch_size):
  figures = finetuning.finetuning(
    material,
    preset='tiny',
    questions=6,
    warmup=1,
    steps=3,
    retriever_beam=20,
    batch_size=batch_size,
  )
  assert figures['batch_size'] == batch_size
  best, worst = (
    figures[f'question_seconds_{which}'] for which in ('best', 'worst')
  )
  assert 0 < best <= figures['question_seconds'] <= worst
  assert 0 <= figures['answer_in_beam'] <= 1
  assert figures['loss'] >= 0
