# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import os

import pytest

from benchmarks import serving


def test_figures(material, tmp_path):
  settings = serving.Settings(
    reader_beam=2, reader_seq_len=80, batch_size=2, questions=4, repeats=1
  )
  figures = serving.measure(settings, material, str(tmp_path / 'work'))
  assert figures['blocks'] == 60 and figures['searcher'] == 'exact'
  assert (
    0 < figures['answer_milliseconds'] <= (figures['answer_milliseconds_p95'])
  )
  assert figures['batch_speed_up'] == pytest.approx(
    figures['questions_per_second'] / figures['one_by_one_questions_per_second']
  )
  for name in ('load_seconds', 'first_answer_seconds', 'export_seconds'):
    assert figures[name] > 0
  assert figures['saved_model_megabytes'] > 10
  assert not os.path.exists(tmp_path / 'work')


def test_questions_must_fill_batches():
  with pytest.raises(ValueError, match='questions=5, batch_size=2'):
    serving.Settings(questions=5, batch_size=2)
