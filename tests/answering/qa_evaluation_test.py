# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import dataclasses
import json

import numpy as np
import pytest

from realm_tf.answering import qa_evaluation
from realm_tf.answering.answerer import Answerer
from realm_tf.configs.evaluation_config import EvaluationConfig
from realm_tf.questions import answers as answers_lib
from realm_tf.questions.qa_datasets import QaExample
from realm_tf.text import packing
from tests.support import small_qa

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
  made = Answerer.open(qa.export_dir, qa.corpus_dir, qa.index_path)
  yield made
  made.close()


def embed(qa, question):
  packed = packing.pack_query(
    qa.tokenizer.tokenize([question])[:, : small_qa.QUERY_SEQ_LEN - 2],
    special=qa.tokenizer.special,
    max_length=small_qa.QUERY_SEQ_LEN,
  )
  return qa.embedder.embed_queries(packed)


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
    best = expected[0].row
    assert line['block_id'] == best
    assert [line['document_id']] == qa.documents.record_ids([best])
    assert [line['document_url']] == qa.documents.urls([best])
    body = qa.documents.bodies([line['block_id']])[0].encode()
    assert (
      body[line['byte_start'] : line['byte_end']].decode() == line['prediction']
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


class _Shallow:
  """As an approximate index: for few rows it misses the best one."""

  is_exact = False

  def __init__(self, searcher):
    self._searcher = searcher
    self.searches = []

  def search(self, queries, k):
    self.searches.append(k)
    missed = int(k <= CONFIG.reader_beam)
    rows, scores = self._searcher.search(queries, k + missed)
    return rows[:, missed:], scores[:, missed:]


def test_what_is_read_is_what_is_read_when_somebody_asks(
  qa, answerer, tmp_path, monkeypatch
):
  path = tmp_path / 'predictions.jsonl'
  searcher = answerer.index.searcher
  monkeypatch.setattr(answerer.index, 'searcher', _Shallow(searcher))
  result = qa_evaluation.evaluate(answerer, EXAMPLES, CONFIG, predictions=path)
  lines = [json.loads(line) for line in path.read_text().splitlines()]
  right, right_if_read, in_first = [], [], []
  for example, line in zip(EXAMPLES, lines):
    asked = answerer.answer([example.question], reader_beam=3, top_n=1)
    assert line['block_id'] == asked.block_ids[0, 0]
    assert line['prediction'] == asked.answers[0][0]
    right.append(answers_lib.is_correct(asked.answers[0][0], example.answers))
    if any(
      small_qa.has_answer(qa, row, example.answers)
      for row in answerer.retrieve([example.question], 3)[0][0]
    ):
      right_if_read.append(right[-1])
    (best,) = searcher.search(embed(qa, example.question), 1)[0].numpy()[0]
    in_first.append(small_qa.has_answer(qa, best, example.answers))
  assert result['exact_match'] == pytest.approx(np.mean(right))
  assert 0 < len(right_if_read) < len(right)
  assert result['exact_match_if_retrieved'] == pytest.approx(
    np.mean(right_if_read)
  )
  assert result['answer_recall@1'] == pytest.approx(np.mean(in_first))


def test_searches_twice_only_where_it_must(answerer, monkeypatch):
  searcher = answerer.index.searcher
  counted = _Shallow(searcher)
  monkeypatch.setattr(answerer.index, 'searcher', counted)
  config = dataclasses.replace(CONFIG, batch_size=len(EXAMPLES))
  qa_evaluation.evaluate(answerer, EXAMPLES, config)
  assert sorted(counted.searches) == [3, 10]
  counted.searches.clear()
  qa_evaluation.evaluate(
    answerer, EXAMPLES, dataclasses.replace(config, depth=3)
  )
  assert counted.searches == [3]
  counted.searches.clear()
  qa_evaluation.evaluate(
    answerer, EXAMPLES, dataclasses.replace(config, retrieve_only=True)
  )
  assert counted.searches == [10]
  counted.searches.clear()
  counted.is_exact = True
  qa_evaluation.evaluate(answerer, EXAMPLES, config)
  assert counted.searches == [10]


def test_retrieval_alone_reads_nothing(qa, answerer, tmp_path, monkeypatch):
  monkeypatch.setattr(answerer, 'read', None)
  path = tmp_path / 'blocks.jsonl'
  config = dataclasses.replace(CONFIG, retrieve_only=True)
  result = qa_evaluation.evaluate(answerer, EXAMPLES, config, predictions=path)
  assert 'exact_match' not in result
  assert result['answer_recall@10'] >= result['answer_recall@1']
  lines = [json.loads(line) for line in path.read_text().splitlines()]
  for example, line in zip(EXAMPLES, lines, strict=True):
    rows, scores = answerer.retrieve([example.question], 3)
    assert line['question'] == example.question
    assert [block['block_id'] for block in line['blocks']] == rows[0].tolist()
    for name, expected in (
      ('document_id', qa.documents.record_ids(rows[0])),
      ('document_url', qa.documents.urls(rows[0])),
    ):
      assert [block[name] for block in line['blocks']] == expected
    assert [block['title'] for block in line['blocks']] == qa.documents.titles(
      rows[0]
    )
    np.testing.assert_allclose(
      [block['score'] for block in line['blocks']], scores[0], rtol=1e-5
    )
    assert 'prediction' not in line


def test_closed_book_reads_the_null_document(answerer, tmp_path, monkeypatch):
  path = tmp_path / 'predictions.jsonl'
  read, rows_read = answerer.read, []

  def recorded(texts, rows, *args, **options):
    rows_read.extend(rows.tolist())
    return read(texts, rows, *args, **options)

  monkeypatch.setattr(answerer, 'read', recorded)
  config = dataclasses.replace(CONFIG, closed_book=True)
  result = qa_evaluation.evaluate(answerer, EXAMPLES, config, predictions=path)
  assert rows_read == [[-1]] * len(EXAMPLES)
  assert result['exact_match'] == result['reader_oracle@4'] == 0
  assert 'answer_recall@1' not in result
  assert 'exact_match_if_retrieved' not in result
  assert [json.loads(line) for line in path.read_text().splitlines()] == [
    {'question': e.question, 'prediction': ''} for e in EXAMPLES
  ]


def test_regular_expressions_are_matched_on_the_text(answerer):
  examples = [QaExample('Lima ?', ('L.ma|P.*is',), is_regex=True)]
  result = qa_evaluation.evaluate(answerer, examples, CONFIG)
  assert result['answer_recall@10'] in (0, 1)
  with pytest.raises(ValueError, match='exclude'):
    EvaluationConfig(retrieve_only=True, closed_book=True)
