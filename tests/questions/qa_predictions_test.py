# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import gzip
import json
import re
import subprocess
import sys
import time

import pytest
from absl import logging

from realm_tf.corpus.document import CorpusError
from realm_tf.questions import qa_datasets, qa_metrics, qa_predictions
from realm_tf.questions.qa_datasets import QaDataset, QaExample
from tests.support import shared_data


def _write(path, *pairs):
  path.write_text(
    ''.join(
      json.dumps({'question': q, 'prediction': p}) + '\n' for q, p in pairs
    )
  )
  return str(path)


def _dataset(*examples, **counts):
  return QaDataset(examples, {'read': len(examples), **counts})


def test_predictions_are_read_and_the_last_one_stands(tmp_path, monkeypatch):
  said = []
  monkeypatch.setattr(
    logging, 'warning', lambda text, *a: said.append(text % a)
  )
  path = tmp_path / 'p.jsonl.gz'
  with gzip.open(path, 'wb') as f:
    f.write(
      b'{"question": "a", "prediction": "1", "score": 0.5}\n'
      b'broken\n'
      b'{"question": "b"}\n'
      b'{"question": "b", "prediction": ["x"]}\n'
      b'\n'
      b'{"question": "c", "prediction": "\xff"}\n'
      b'{"question": "a", "prediction": "2"}\n'
      b'{"question": "d", "prediction": ""}\n'
    )
  found = qa_predictions.read_predictions(str(path))
  assert found == qa_predictions.Predictions(
    {'a': '2', 'd': ''}, duplicates=1, malformed=4
  )
  assert [re.findall(r':(\d+): (.*)', line)[0] for line in said] == [
    ('2', 'not JSON: Expecting value: line 1 column 1 (char 0)'),
    ('3', 'no "prediction"'),
    ('4', 'the prediction is list, not a string'),
    ('6', 'not UTF-8 at byte 33'),
  ]
  with pytest.raises(CorpusError, match=r'p\.jsonl\.gz:2: .*`strict`'):
    qa_predictions.read_predictions(str(path), strict=True)


def test_unusable_files_are_refused(tmp_path):
  for name in 'ab':
    (tmp_path / name).write_text('{"question": "a"}')
  with pytest.raises(
    CorpusError, match='has no prediction; the first problem is .*/a:1: no "p'
  ):
    qa_predictions.read_predictions(str(tmp_path / 'a'))
  with pytest.raises(CorpusError, match='2 files are named, not one'):
    qa_predictions.read_predictions(str(tmp_path / '*'))
  with pytest.raises(CorpusError, match='`predictions`: no file matches'):
    qa_predictions.read_predictions(str(tmp_path / 'x'))


@pytest.mark.parametrize(
  'content',
  [
    [{'question': 'a', 'prediction': '1'}, {'question': 'b', 'prediction': ''}],
    [
      {'input': 'a', 'output': [{'provenance': []}, {'answer': '1'}]},
      {'input': 'b', 'output': []},
    ],
    [
      {
        'question': question,
        'gold_answers': ['x'],
        'predictions': [
          {'top_k': 10, 'prediction': {'text': text, 'score': 0.5}},
          {'top_k': 20, 'prediction': {'text': 'other'}},
        ],
      }
      for question, text in (('a', '1'), ('b', ''))
    ],
  ],
)
@pytest.mark.parametrize('as_array', [False, True])
def test_predictions_of_others(tmp_path, content, as_array):
  path = tmp_path / 'p'
  its_lines = [json.dumps(record) for record in content]
  path.write_text(json.dumps(content) if as_array else '\n'.join(its_lines))
  found = qa_predictions.read_predictions(str(path))
  assert found.answers == {'a': '1', 'b': ''} and not found.malformed


def test_predictions_by_id_as_for_squad(tmp_path):
  path = tmp_path / 'p.json'
  path.write_text(json.dumps({'7': 'The x', 'q8': '', 'q9': 'y'}, indent=1))
  found = qa_predictions.read_predictions(str(path))
  dataset = _dataset(
    QaExample('a', ('x',), id=7),
    QaExample('b', ('x',), id='q8'),
    QaExample('c', ('x',)),
  )
  score = qa_predictions.score(dataset, found)
  assert (score.correct, score.questions) == (1, 3)
  assert (score.missing, score.unknown) == (1, 1)
  with pytest.raises(ValueError, match="the first one is for the id '7'"):
    qa_predictions.score(_dataset(QaExample('a', ('x',))), found)


@pytest.mark.parametrize('answer', ['A', '...', '', 'x'])
@pytest.mark.parametrize('is_regex', [False, True])
def test_an_empty_prediction_is_wrong(tmp_path, answer, is_regex):
  references = ('.*',) if is_regex else (answer, 'a')
  dataset = _dataset(QaExample('a', references, is_regex))
  for text in ('', ' ', '...', 'the'):
    path = _write(tmp_path / 'p', ('a', text))
    found = qa_predictions.read_predictions(path)
    right = is_regex and bool(text.strip())
    assert qa_predictions.score(dataset, found).correct == right


def test_score(tmp_path):
  dataset = _dataset(
    QaExample('a', ('The Rhine.', 'Danube')),
    QaExample('b', ('x',)),
    QaExample('c', ('y',)),
    QaExample('c', ('z',)),
    QaExample('d', ('w',)),
    malformed=7,
    skipped_unanswerable=5,
  )
  path = _write(
    tmp_path / 'p',
    ('a', 'rhine'), ('b', 'wrong'), ('b', 'X'), ('c', 'y'), ('e', 'f'),
  )  # fmt: skip
  score = qa_predictions.score(dataset, qa_predictions.read_predictions(path))
  low, high = qa_metrics.bootstrap_interval(2, 4)
  assert score == qa_predictions.Score(
    exact_match=0.5,
    low=low,
    high=high,
    correct=2,
    questions=4,
    missing=1,
    unknown=1,
    duplicate_questions=1,
    duplicate_predictions=1,
    empty_answers=0,
    unanswerable=5,
    malformed_questions=7,
    malformed_predictions=0,
  )
  assert score.describe().splitlines() == [
    'exact match 50.00 % (2 of 4; 95 % interval 0.00 to 100.00)',
    '  1 questions have no prediction: counted as wrong',
    '  1 predictions are for no question: not counted',
    '  1 predictions are for a question that comes again: the last one counts',
    '  1 questions come again: the last answers count',
    '  5 questions have no answer in the dataset: not counted',
    '  7 lines of the dataset could not be read',
  ]
  assert json.loads(json.dumps(score.to_dict()))['correct'] == 2


def test_patterns(tmp_path):
  dataset = _dataset(QaExample('a', (r'19\d\d',), is_regex=True))
  for prediction, right in (('1987 or so', 1), ('in 1987', 0)):
    predictions = qa_predictions.Predictions({'a': prediction}, 0, 0)
    assert qa_predictions.score(dataset, predictions).exact_match == right


def test_predictions_for_other_questions_are_an_error():
  with pytest.raises(ValueError, match="the first one is for 'who'"):
    qa_predictions.score(
      _dataset(QaExample('a', ('b',))),
      qa_predictions.Predictions({'who': 'x'}, 0, 0),
    )


def test_empty_answers_are_counted_and_right_for_nobody(tmp_path):
  dataset = _dataset(QaExample('a', ('A', 'x')), QaExample('b', ('...',)))
  path = _write(tmp_path / 'p', ('a', '...'), ('b', '...'))
  score = qa_predictions.score(dataset, qa_predictions.read_predictions(path))
  assert (score.correct, score.empty_answers) == (0, 2)
  assert '2 right answers are empty after normalization' in score.describe()


def test_scoring_needs_no_tensorflow():
  code = 'import sys; from realm_tf.questions import qa_predictions\n'
  code += 'assert "tensorflow" not in sys.modules'
  subprocess.run([sys.executable, '-c', code], check=True)


def test_predictions_that_never_ended():
  case = shared_data.path('cases', 'preds_rx')
  dataset = qa_datasets.read_dataset(str(case / 'd.jsonl'), is_regex=True)
  predictions = qa_predictions.read_predictions(str(case / 'p.jsonl'))
  start = time.process_time()
  assert qa_predictions.score(dataset, predictions).correct == 0
  assert time.process_time() - start < 1
