# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import pytest

from realm_tf.corpus.document import CorpusError
from realm_tf.questions import judged_queries
from realm_tf.questions.qa_datasets import QaExample


@pytest.fixture
def beir(tmp_path):
  (tmp_path / 'qrels').mkdir()
  (tmp_path / 'queries.jsonl').write_text(
    '{"_id": "q1", "text": "Where is Lima?", "metadata": {}}\n'
    '{"_id": 2, "text": "What is xenon?"}\n'
    '{"_id": "q3", "text": "Nobody judged this."}\n'
    '{"_id": "q4"}\n'
  )
  (tmp_path / 'qrels' / 'test.tsv').write_text(
    'query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\n2\td3\t1\nq9\td1\t1\n'
    'q1\td4\n'
  )
  return tmp_path


def test_beir_folder(beir):
  assert judged_queries.is_beir(beir)
  assert not judged_queries.is_beir(beir / 'qrels')
  judged = judged_queries.read_beir(beir)
  assert judged.texts == {'q1': 'Where is Lima?', '2': 'What is xenon?'}
  assert judged.relevance == {'q1': {'d1': 2, 'd2': 0}, '2': {'d3': 1}}
  assert judged.counts == {
    'read': 4,
    'malformed': 1,
    'unjudged': 1,
    'unknown': 1,
  }
  assert judged.first(1).relevance == {'q1': {'d1': 2, 'd2': 0}}
  with pytest.raises(CorpusError, match='queries.jsonl:4: no "text"'):
    (beir / 'qrels' / 'test.tsv').write_text('q1\td1\t1\n')
    judged_queries.read_beir(beir, strict=True)
  with pytest.raises(CorpusError, match='dev.tsv is missing.*can be: test'):
    judged_queries.read_beir(beir, 'dev')


def test_qrels_of_trec_eval(tmp_path):
  (tmp_path / 'qrels').write_text('q1 0 d1 1\nq1 0 d2 x\n')
  path = str(tmp_path / 'qrels')
  assert judged_queries.read_qrels(path) == {'q1': {'d1': 1}}
  with pytest.raises(CorpusError, match="qrels:2: .* no whole number: 'x'"):
    judged_queries.read_qrels(path, strict=True)


def test_questions_with_their_paragraphs():
  examples = [
    QaExample('A?', ('a',), id='x', gold_id=7),
    QaExample('B?', ('b',), id='y'),
    QaExample('C?', ('c',), id='x', gold_id='p'),
  ]
  judged = judged_queries.from_questions(examples)
  assert judged.texts == {'x': 'A?', '2': 'C?'}
  assert judged.relevance == {'x': {'7': 1}, '2': {'p': 1}}
  with pytest.raises(CorpusError, match='no question names its paragraph'):
    judged_queries.from_questions(examples[1:2])


def test_run_round_trip(tmp_path):
  path = str(tmp_path / 'run.trec')
  run = {'q1': {'d2': 0.1, 'd1': 1 / 3}, 'q2': {'d1': -1e-9}}
  judged_queries.write_run(path, run, 'bm25')
  assert judged_queries.read_run(path) == run
  with open(path) as f:
    assert f.readline() == 'q1 Q0 d1 1 0.3333333333333333 bm25\n'
  with pytest.raises(ValueError, match='white space .*TREC.*a b'):
    judged_queries.write_run(path, {'q1': {'a b': 1.0}}, 'bm25')
  assert judged_queries.read_run(path) == run
  (tmp_path / 'other').write_text('q1\td1\t0.5\n')
  with pytest.raises(CorpusError, match='no TREC run.*3 columns, not 6'):
    judged_queries.read_run(str(tmp_path / 'other'))
