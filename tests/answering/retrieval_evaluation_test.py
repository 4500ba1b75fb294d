# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from realm_tf.answering import retrieval_evaluation
from realm_tf.corpus.document import CorpusError
from realm_tf.questions.judged_queries import JudgedQueries


class _Corpus:
  """Four blocks of three documents; one block has no id."""

  directory = 'corpus'
  has_record_ids = True
  names = ('a', 'a', 'b', '', 'c')

  def __len__(self):
    return len(self.names)

  def record_ids(self, rows):
    return [self.names[row] if row >= 0 else '' for row in rows]

  def rows_of_records(self, names):
    found = {n: [r for r, x in enumerate(self.names) if x == n] for n in names}
    return {n: rows for n, rows in found.items() if rows}

  def titles(self, rows):
    return [f'Title {row}' for row in rows]

  def bodies(self, rows):
    return [f'body {row}' for row in rows]


JUDGED = JudgedQueries(
  {'q1': 'one', 'q2': 'two'}, {'q1': {'b': 1, 'c': 0}, 'q2': {'x': 1, 'c': 2}}
)


def _search(texts, k):
  # The block without an id is the best of the second query.
  rows = {'one': [1, 0, 2, 4, 3], 'two': [3, 4, 2, 1, 0]}
  found = np.array([rows[text] for text in texts])[:, :k]
  return found, np.tile(np.arange(5, 0, -1, np.float32), [len(texts), 1])[:, :k]


def test_a_document_has_the_score_of_its_best_block():
  run = retrieval_evaluation.rank(_search, JUDGED, _Corpus())
  assert run == {
    'q1': {'a': 5.0, 'b': 3.0, 'c': 2.0},
    'q2': {'c': 4.0, 'b': 3.0, 'a': 2.0},
  }
  short = retrieval_evaluation.rank(_search, JUDGED, _Corpus(), depth=1)
  assert short == {'q1': {'a': 5.0}, 'q2': {'c': 4.0}}
  values = retrieval_evaluation.compare({'x': run}, JUDGED)['x']
  np.testing.assert_allclose(values['RR@10'], [1 / 2, 1])


def test_equal_scores_stay_in_order():
  def search(texts, k):
    rows, _ = _search(texts, k)
    return rows, np.ones(rows.shape, np.float32)

  run = retrieval_evaluation.rank(search, JUDGED, _Corpus())
  assert list(run['q1']) == ['a', 'b', 'c']
  assert 1 == run['q1']['a'] > run['q1']['b'] > run['q1']['c'] > 1 - 1e-9
  values = retrieval_evaluation.compare({'x': run}, JUDGED)['x']
  np.testing.assert_allclose(values['RR@10'], [1 / 2, 1])
  np.testing.assert_allclose(values['Success@1'], [0, 1])


def test_misses_are_described():
  run = retrieval_evaluation.rank(_search, JUDGED, _Corpus())
  assert retrieval_evaluation.misses(run, JUDGED, _Corpus(), 5) == [
    'q1: one\n'
    '  relevant, rank 2: b: Title 2: body 2\n'
    '  found: a: Title 0: body 0'
  ]
  both = retrieval_evaluation.misses({}, JUDGED, _Corpus(), 5)
  assert both[1].split('\n') == [
    'q2: two',
    '  relevant, not found: x: not in the corpus',
    '  relevant, not found: c: Title 4: body 4',
  ]
  assert len(retrieval_evaluation.misses({}, JUDGED, _Corpus(), 1)) == 1


def test_documents_that_are_not_in_the_corpus():
  assert retrieval_evaluation.check_documents(JUDGED, _Corpus()) == 2
  other = JudgedQueries({'q': 'x'}, {'q': {'z': 1}})
  with pytest.raises(CorpusError, match="no query has .*first one.*'z'"):
    retrieval_evaluation.check_documents(other, _Corpus())
