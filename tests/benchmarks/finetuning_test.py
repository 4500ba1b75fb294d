# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

from benchmarks import finetuning


def test_figures(material):
  figures = finetuning.finetuning(
    material,
    preset='tiny',
    questions=6,
    warmup=1,
    steps=3,
    retriever_beam=20,
    batch_size=3,
  )
  assert figures['batch_size'] == 3
  best, worst = (
    figures[f'question_seconds_{which}'] for which in ('best', 'worst')
  )
  assert 0 < best <= figures['question_seconds'] <= worst
  assert 0 <= figures['answer_in_beam'] <= 1
  assert figures['loss'] >= 0
