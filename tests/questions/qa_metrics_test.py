# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest

from realm_tf.questions import qa_metrics


def test_depths():
  assert qa_metrics.recall_depths(20_958) == (
    1, 5, 10, 20, 50, 100, 500, 1000, 5000,
  )  # fmt: skip
  assert qa_metrics.recall_depths(99) == (1, 5, 10, 20, 50)
  with pytest.raises(ValueError, match='Received: 0'):
    qa_metrics.recall_depths(0)


def test_interval_is_the_bootstrap_of_the_answers():
  # By the book: whole samples of the answers, drawn with replacement.
  answers = np.arange(200) < 70
  rng = np.random.default_rng(5)
  drawn = answers[rng.integers(0, 200, [20_000, 200])].mean(1)
  low, high = qa_metrics.bootstrap_interval(70, 200)
  np.testing.assert_allclose(
    [low, high], np.quantile(drawn, [0.025, 0.975]), atol=0.006
  )
  # And near the normal one: 0.35 +- 1.96 * sqrt(.35 * .65 / 200).
  np.testing.assert_allclose([low, high], [0.284, 0.416], atol=0.006)


def test_interval_keeps_its_promise():
  # Of 400 experiments with a known share, about 95 % have it within.
  rights = np.random.default_rng(0).binomial(1000, 0.4, 400)
  intervals = [
    qa_metrics.bootstrap_interval(int(r), 1000, samples=4000) for r in rights
  ]
  covered = np.mean([low <= 0.4 <= high for low, high in intervals])
  assert 0.92 < covered < 0.98


def test_interval_is_seeded_and_knows_its_limits():
  one, two, other = (
    qa_metrics.bootstrap_interval(37, 1001, samples=501, seed=s)
    for s in (1, 1, 2)
  )
  assert one == two != other
  low, high = qa_metrics.bootstrap_interval(50, 100, confidence=0.5)
  assert (low, high) == (0.47, 0.53)
  assert qa_metrics.bootstrap_interval(0, 9) == (0, 0)
  assert qa_metrics.bootstrap_interval(9, 9) == (1, 1)
  assert all(map(math.isnan, qa_metrics.bootstrap_interval(0, 0)))


@pytest.mark.parametrize(
  'right, count, kwargs',
  [
    (3, 2, {}),
    (-1, 2, {}),
    (1, 2, {'confidence': 1}),
    (1, 2, {'samples': 0}),
  ],
)
def test_interval_refuses_what_is_no_share(right, count, kwargs):
  with pytest.raises(ValueError, match='Received: '):
    qa_metrics.bootstrap_interval(right, count, **kwargs)


def test_hits():
  hits = np.array([[0, 0, 1, 1], [1, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]])
  metric = qa_metrics.HitsAt([1, 2, 4])
  metric.update(hits[:1])
  metric.update(hits[1:])
  metric.update(np.zeros([0, 4]))
  assert metric.result() == {1: 0.25, 2: 0.5, 4: 0.75}
  assert metric.count == 4
  with pytest.raises(ValueError, match='Received: 3'):
    metric.update(hits[:, :3])
  with pytest.raises(ValueError, match=r'Received: \(4,\)'):
    metric.update(hits[0])
  with pytest.raises(ValueError, match=r'Received: \[0, 1\]'):
    qa_metrics.HitsAt([0, 1])
  assert math.isnan(qa_metrics.HitsAt([1]).result()[1])


def test_relevance():
  retrieved = np.array([[4, 2, 9], [4, 2, 9], [4, 2, 9], [7, 7, 1]])
  found = qa_metrics.relevance(retrieved, np.array([4, 9, 5, 1]))
  assert found.astype(int).tolist() == [
    [1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 0, 1],
  ]  # fmt: skip
  relevant = [[9, 2], [0, -1], [4, 9], [-1, -1]]
  assert qa_metrics.relevance(retrieved, relevant).astype(int).tolist() == [
    [0, 1, 1], [0, 0, 0], [1, 0, 1], [0, 0, 0],
  ]  # fmt: skip


def test_the_null_document_takes_no_place_and_is_never_relevant():
  rows = np.array([[-1, 4, 2], [-1, -1, 9]])
  assert qa_metrics.relevance(rows, [[2, -1], [9, 9]]).astype(int).tolist() == [
    [0, 1, 0], [1, 0, 0],
  ]  # fmt: skip
  assert not qa_metrics.relevance(rows, [-1, -1]).any()


# Four questions, ten blocks for each, the first two of which are read.
CORRECT = np.array([1, 0, 0, 1])
SPANS = np.array([[1, 0, 0], [0, 0, 1], [0, 0, 0], [1, 1, 0]])
HAS_ANSWER = np.zeros([4, 10], bool)
HAS_ANSWER[0, 0] = HAS_ANSWER[1, 1] = HAS_ANSWER[2, 6] = True
RETRIEVED = np.arange(40).reshape(4, 10)
GOLD = np.array([[0, -1], [-1, -1], [7, 24], [99, -1]])

ENDS = ('_low', '_high')


def _metrics():
  return qa_metrics.QaMetrics(depth=10, reader_beam=2, spans=3)


def test_all_measures():
  metrics = _metrics()
  metrics.update(
    correct=CORRECT,
    spans_correct=SPANS,
    has_answer=HAS_ANSWER,
    retrieved=RETRIEVED,
    gold=GOLD,
  )
  expected = {'questions': 4, 'gold_questions': 3}
  for name, right, count in (
    ('exact_match', 2, 4),
    # Of the first two: only there has the reader seen an answer.
    ('exact_match_if_retrieved', 1, 2),
    ('reader_oracle@1', 2, 4),
    ('reader_oracle@3', 3, 4),
    ('answer_recall@1', 1, 4),
    ('answer_recall@5', 2, 4),
    ('answer_recall@10', 3, 4),
    # Of the three with a gold paragraph.
    ('gold_recall@1', 1, 3),
    ('gold_recall@5', 2, 3),
    ('gold_recall@10', 2, 3),
  ):
    expected[name] = right / count
    ends = qa_metrics.bootstrap_interval(right, count)
    expected[f'{name}_low'], expected[f'{name}_high'] = ends
  assert metrics.result() == expected


def test_what_is_read_need_not_be_the_first_of_what_is_retrieved():
  metrics = _metrics()
  metrics.update(
    correct=CORRECT,
    has_answer=HAS_ANSWER,
    # As a search for so few blocks finds them.
    read_has_answer=[[0, 0], [0, 0], [0, 1], [1, 0]],
  )
  result = metrics.result()
  assert result['exact_match_if_retrieved'] == 0.5
  assert result['answer_recall@5'] == 0.5
  metrics.update(correct=[1], read_has_answer=[[1, 1]])
  assert metrics.result()['exact_match_if_retrieved'] == pytest.approx(2 / 3)


def test_batches_are_as_good_as_one():
  whole, parts = _metrics(), _metrics()
  arguments = {
    'correct': CORRECT,
    'spans_correct': SPANS,
    'has_answer': HAS_ANSWER,
    'retrieved': RETRIEVED,
    'gold': GOLD,
  }
  whole.update(**arguments)
  for part in (slice(0, 1), slice(1, 2), slice(2, 2), slice(2, 4)):
    parts.update(**{name: value[part] for name, value in arguments.items()})
  assert parts.result() == whole.result()


def test_what_is_not_measured_is_not_told():
  metrics = _metrics()
  metrics.update(has_answer=HAS_ANSWER)
  shares = {name for name in metrics.result() if not name.endswith(ENDS)}
  assert shares == {
    'questions', 'answer_recall@1', 'answer_recall@5', 'answer_recall@10',
  }  # fmt: skip
  metrics = _metrics()
  metrics.update(correct=CORRECT)
  assert metrics.result()['exact_match'] == 0.5
  assert 'exact_match_if_retrieved' not in metrics.result()
  # No answer was ever read.
  metrics.update(correct=CORRECT, has_answer=np.zeros([4, 10]))
  assert math.isnan(metrics.result()['exact_match_if_retrieved'])
  assert _metrics().result() == {'questions': 0}


def test_errors_name_what_was_given():
  with pytest.raises(ValueError, match=r'Received sizes: \{3, 4\}'):
    _metrics().update(correct=CORRECT, has_answer=HAS_ANSWER[:3])
  with pytest.raises(ValueError, match='need the retrieved ones'):
    _metrics().update(gold=GOLD)
  with pytest.raises(ValueError, match=r'Received sizes: set\(\)'):
    _metrics().update()
  with pytest.raises(ValueError, match='Received: 9'):
    _metrics().update(has_answer=HAS_ANSWER[:, :9])
