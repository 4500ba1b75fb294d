# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""bin/evaluate_qa, and bin/score_predictions on what it writes."""

import json

import pytest

from tests.bin import tiny_world

pytestmark = pytest.mark.timeout(1200)


def test_measures_and_its_predictions_score_the_same(finetuned, tmp_path):
  questions = f'{finetuned.directory}/questions/dev.jsonl'
  predictions = tmp_path / 'predictions.jsonl'
  result = tiny_world.call(
    'evaluate_qa',
    *finetuned.answering_flags(),
    f'--questions={questions}',
    f'--predictions={predictions}',
    '--json',
  )
  assert result.returncode == 0, result.stderr
  head, _, tail = result.stdout.partition('{')
  assert 'tf_hub_best' in head
  found = json.loads('{' + tail)
  assert found['questions'] == len(finetuned.questions) == 30
  assert found['answer_recall@50'] >= found['answer_recall@1']
  assert found['exact_match'] <= found['reader_oracle@5']
  scored = tiny_world.call_forked(
    'score_predictions',
    f'--dataset={questions}',
    f'--predictions={predictions}',
    '--json',
  )
  assert scored.returncode == 0, scored.stderr
  assert json.loads(scored.stdout)['exact_match'] == pytest.approx(
    found['exact_match']
  )
  lines = [json.loads(line) for line in predictions.read_text().splitlines()]
  assert [line['question'] for line in lines] == [
    record['question'] for record in finetuned.questions
  ]


@pytest.mark.parametrize(
  ('flags', 'message'),
  [
    (['--index_dir=/nowhere'], '/nowhere'),
    (['--questions=/nowhere'], '--questions'),
    (['--model_dir=/nowhere'], 'no export'),
    (['--closed_book', '--retrieve_only'], 'one of them'),
  ],
)
def test_what_cannot_be_is_told_in_a_line(finetuned, flags, message):
  result = tiny_world.call_forked(
    'evaluate_qa',
    *finetuned.answering_flags(),
    f'--questions={finetuned.directory}/questions/dev.jsonl',
    *flags,
  )
  assert result.returncode != 0
  assert message in result.stdout + result.stderr
  assert 'Traceback' not in result.stderr
