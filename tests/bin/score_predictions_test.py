# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import gzip
import json

import pytest

from realm_tf.questions import qa_metrics
from tests.support import tiny_world


@pytest.fixture
def files(tmp_path):
  """A dataset and predictions, each with something wrong."""
  dataset, predictions = tmp_path / 'd.jsonl.gz', tmp_path / 'p.jsonl'
  with gzip.open(dataset, 'wt') as f:
    for i in range(100):
      record = {'question': f'q{i}', 'answer': [f'The {i}.', r'\d+ and']}
      f.write(json.dumps(record) + '\n')
    f.write('{"question": "q100", "answer": []}\n')
  with open(predictions, 'w') as f:
    # 40 right, 30 right as patterns only, 25 wrong, 5 missing.
    for i in range(95):
      said = str(i) if i < 40 else '7 and more' if i < 70 else '?'
      f.write(json.dumps({'question': f'q{i}', 'prediction': said}) + '\n')
    f.write('{"question": "q94", "prediction": "again"}\n')
    f.write('{"question": "other", "prediction": "x"}\n')
    f.write('{"question": "q95"}\n')
  return [f'--dataset={dataset}', f'--predictions={predictions}']


def test_scores(files):
  done = tiny_world.call('score_predictions', *files)
  assert done.returncode == 0, done.stderr
  assert 'd.jsonl.gz:101: no answers' in done.stderr
  assert 'p.jsonl:98: no "prediction"' in done.stderr
  low, high = qa_metrics.bootstrap_interval(40, 100)
  assert done.stdout.splitlines() == [
    f'exact match 40.00 % (40 of 100; 95 % interval {100 * low:.2f} to'
    f' {100 * high:.2f})',
    '  5 questions have no prediction: counted as wrong',
    '  1 predictions are for no question: not counted',
    '  1 predictions are for a question that comes again: the last one counts',
    '  1 lines of the dataset could not be read',
    '  1 lines of the predictions could not be read',
  ]


def test_patterns_as_json(files):
  done = tiny_world.call_forked(
    'score_predictions', *files, '--is_regex', '--json'
  )
  assert done.returncode == 0, done.stderr
  score = json.loads(done.stdout)
  low, high = qa_metrics.bootstrap_interval(30, 100)
  # `The 7.` is no match of `7`, but `\d+ and` is one of `7 and more`.
  assert score == {
    'exact_match': 0.3,
    'low': low,
    'high': high,
    'correct': 30,
    'questions': 100,
    'missing': 5,
    'unknown': 1,
    'duplicate_questions': 0,
    'duplicate_predictions': 1,
    'malformed_questions': 1,
    'malformed_predictions': 1,
  }


def test_errors_are_one_line(files, tmp_path):
  (tmp_path / 'other.jsonl').write_text('{"question": "x", "answer": ["y"]}')
  for more, message in (
    (['--strict'], 'd.jsonl.gz:101: no answers (--strict)'),
    ([f'--dataset={tmp_path}/other.jsonl'], "the first one is for 'q0'"),
  ):
    last = tiny_world.last_line(
      tiny_world.call_forked('score_predictions', *files, *more)
    )
    assert last.startswith('score_predictions: '), last
    assert message in last
