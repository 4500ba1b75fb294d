# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest

from realm_tf.data.qa_datasets import QaExample
from realm_tf.evaluation import answers as answers_lib
from realm_tf.export import qa_evaluation
from realm_tf.export.qa_evaluation import EvaluationConfig
from realm_tf.export.question_answerer import QuestionAnswerer
from tests.export import small_qa

WORDS = ['Paris', 'Lima', 'Rome', 'big city', 'Peru']
EXAMPLES = [
  QaExample(f'What is {a} {b} ?', (a, b) if a != b else (a,))
  for a in WORDS
  for b in WORDS
]
CONFIG = EvaluationConfig(
  depth=10, reader_beam=3, spans=4, batch_size=7, progress=False
)


@pytest.fixture(scope='module')
def answerer(qa):
  made = QuestionAnswerer.load(qa.export_dir, qa.corpus_dir, qa.index_path)
  yield made
  made.close()


def test_measures_are_those_of_each_question(qa, answerer, tmp_path):
  path = tmp_path / 'predictions.jsonl'
  gold = np.array([[i % len(qa.documents), -1] for i in range(len(EXAMPLES))])
  result = qa_evaluation.evaluate(
    answerer, EXAMPLES, CONFIG, gold_rows=gold, predictions=path
  )
  lines = [json.loads(line) for line in path.read_text().splitlines()]
  assert [line['question'] for line in lines] == [e.question for e in EXAMPLES]
  right, oracle, in_first, gold_first = [], [], [], []
  for example, line, (row, _) in zip(EXAMPLES, lines, gold):
    expected = small_qa.answers(qa, example.question, 3, 4)
    assert line['prediction'] == expected[0].text.decode()
    assert line['block'] == expected[0].row
    body = qa.documents.bodies([line['block']])[0].encode()
    assert (
      body[line['byte_start'] : line['byte_limit']].decode()
      == line['prediction']
    )
    hits = [
      answers_lib.is_correct(a.text.decode(), example.answers) for a in expected
    ]
    right.append(hits[0])
    oracle.append(any(hits))
    found = answerer.retrieve([example.question], 10)[0][0]
    in_first.append(small_qa.has_answer(qa, found[0], example.answers))
    gold_first.append(row == found[0])
  assert result['questions'] == len(EXAMPLES)
  assert result['exact_match'] == pytest.approx(np.mean(right))
  assert result['reader_oracle@4'] == pytest.approx(np.mean(oracle))
  assert result['answer_recall@1'] == pytest.approx(np.mean(in_first))
  assert result['gold_recall@1'] == pytest.approx(np.mean(gold_first))
  assert result['exact_match_low'] <= result['exact_match']
  assert 0 < np.mean(in_first) < 1  # so that there is something to see


def test_retrieval_alone_reads_nothing(answerer):
  config = EvaluationConfig(depth=10, retrieve_only=True, progress=False)
  result = qa_evaluation.evaluate(answerer, EXAMPLES, config)
  assert 'exact_match' not in result
  assert result['answer_recall@10'] >= result['answer_recall@1']


def test_closed_book_has_nothing_to_copy(answerer, tmp_path):
  path = tmp_path / 'predictions.jsonl'
  config = EvaluationConfig(closed_book=True, progress=False)
  result = qa_evaluation.evaluate(answerer, EXAMPLES, config, predictions=path)
  assert result['exact_match'] == 0
  assert 'answer_recall@1' not in result
  assert json.loads(path.read_text().splitlines()[0])['prediction'] == ''


def test_regular_expressions_are_matched_on_the_text(answerer):
  examples = [QaExample('Lima ?', ('L.ma|P.*is',), is_regex=True)]
  result = qa_evaluation.evaluate(answerer, examples, CONFIG)
  assert result['answer_recall@10'] in (0, 1)
  with pytest.raises(ValueError, match='exclude'):
    EvaluationConfig(retrieve_only=True, closed_book=True)
