# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""bin/evaluate_qa, and bin/score_predictions on what it writes."""

import json
import re

import pytest

from tests.support import tiny_world

DEPTHS = (1, 5, 10, 20, 50)
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
  assert 'tf_hub_best' in result.stderr
  found = json.loads(result.stdout)
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


def _write(path, records):
  path.write_text(''.join(json.dumps(record) + '\n' for record in records))
  return path


def _evaluate(finetuned, questions, *flags):
  """Calls the binary; returns what `--json` prints."""
  result = tiny_world.call_forked(
    'evaluate_qa',
    *finetuned.answering_flags(),
    f'--questions={questions}',
    '--json',
    *flags,
  )
  assert result.returncode == 0, result.stderr

  return json.loads(result.stdout, parse_constant=pytest.fail)


def _land(record):
  return record['question'].split()[-1].rstrip('?')


def test_retrieval_and_gold_paragraphs_alone(finetuned, tmp_path):
  lines = (finetuned.directory / 'knowledge.jsonl').read_text().splitlines()
  ids = {its['title']: its['id'] for its in map(json.loads, lines)}
  questions = _write(
    tmp_path / 'questions.jsonl',
    [
      # The first one does not say which its paragraph is.
      {**record, 'paragraph_id': ids[_land(record)]} if i else record
      for i, record in enumerate(finetuned.questions)
    ],
  )
  found = _evaluate(
    finetuned,
    questions,
    '--retrieve_only',
    f'--predictions={tmp_path}/blocks.jsonl',
    '--reader_beam=20',
  )
  assert found['questions'] == 30 and found['gold_questions'] == 29
  assert 'exact_match' not in found
  blocks = (tmp_path / 'blocks.jsonl').read_text().splitlines()
  ranks = []
  for record, line in zip(finetuned.questions, blocks, strict=True):
    its = json.loads(line)
    assert its['question'] == record['question']
    titles = [block['title'] for block in its['blocks']]
    assert len(titles) == 20
    ranks.append(titles.index(_land(record)) if _land(record) in titles else 99)
  for k in (1, 5, 10, 20):
    share = sum(rank < k for rank in ranks[1:]) / 29
    assert found[f'gold_recall@{k}'] == pytest.approx(share)
  # A gold block has its answer in it.
  assert found['answer_recall@20'] * 30 >= found['gold_recall@20'] * 29
  low, high = (found[f'gold_recall@20_{end}'] for end in ('low', 'high'))
  assert low <= found['gold_recall@20'] <= high
  table = tiny_world.call_forked(
    'evaluate_qa',
    *finetuned.answering_flags(),
    f'--questions={questions}',
    '--retrieve_only',
  )
  names = [line.split('\t')[0] for line in table.stdout.splitlines()[1:]]
  assert names == ['questions', *(f'answer_recall@{k}' for k in DEPTHS)]


def test_closed_book_answers_nothing(finetuned, tmp_path):
  found = _evaluate(
    finetuned,
    finetuned.directory / 'questions/dev.jsonl',
    '--closed_book',
    f'--predictions={tmp_path}/predictions.jsonl',
  )
  assert found['exact_match'] == found['reader_oracle@5'] == 0
  assert not any('recall' in name for name in found)
  lines = (tmp_path / 'predictions.jsonl').read_text().splitlines()
  assert [json.loads(line)['prediction'] for line in lines] == [''] * 30


def test_answers_may_be_regular_expressions(finetuned, tmp_path):
  literal = finetuned.directory / 'questions/dev.jsonl'
  predictions = tmp_path / 'predictions.jsonl'
  exact = _evaluate(finetuned, literal, f'--predictions={predictions}')
  predicted = [
    json.loads(line)['prediction']
    for line in predictions.read_text().splitlines()
  ]
  # The first letter may be any; of ten questions what is predicted is right.
  right = [*predicted[:10], *(r['answer'][0] for r in finetuned.questions[10:])]
  patterns = _write(
    tmp_path / 'patterns.jsonl',
    [
      {**record, 'answer': ['.' + re.escape(answer[1:])]}
      for record, answer in zip(finetuned.questions, right)
    ],
  )
  matched = _evaluate(finetuned, patterns, '--is_regex')
  others = [
    record['answer'][0][1:].lower() == prediction[1:].lower()
    for record, prediction in zip(finetuned.questions, predicted)
  ]
  expected = (10 + sum(others[10:])) / 30
  assert matched['exact_match'] == pytest.approx(expected)
  assert matched['answer_recall@50'] >= exact['answer_recall@50'] > 0
  # As text a pattern stands nowhere, and there is no share to tell.
  as_text = _evaluate(finetuned, patterns)
  assert as_text['exact_match'] == as_text['answer_recall@50'] == 0
  assert as_text['exact_match_if_retrieved'] is None


@pytest.mark.parametrize(
  ('flags', 'message'),
  [
    (['--index_dir=/nowhere'], '/nowhere'),
    (['--questions=/nowhere'], '`questions`'),
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
