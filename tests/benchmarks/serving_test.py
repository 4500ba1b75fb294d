# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import os

import pytest

from benchmarks import serving


def test_figures(material, tmp_path):
  figures = serving.serving(
    material,
    str(tmp_path / 'work'),
    preset='tiny',
    batch_size=2,
    questions=4,
    repeats=1,
  )
  assert figures['blocks'] == 60 and figures['searcher'] == 'exact'
  median, p95 = (figures[f'answer_milliseconds{x}'] for x in ('', '_p95'))
  assert 0 < median <= p95
  assert figures['batch_speed_up'] == pytest.approx(
    figures['questions_per_second'] / figures['one_by_one_questions_per_second']
  )
  for name in ('load_seconds', 'first_answer_seconds', 'export_seconds'):
    assert figures[name] > 0
  assert figures['saved_model_megabytes'] > 10
  assert not os.path.exists(tmp_path / 'work')


def test_questions_must_fill_batches(material, tmp_path):
  with pytest.raises(ValueError, match='questions=5, batch_size=2'):
    serving.serving(
      material, str(tmp_path), preset='tiny', questions=5, batch_size=2
    )
