# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The report, against what one gets by asking sentence by sentence."""

import types

import numpy as np
import pytest

from realm_tf.answering import blank_evaluation, blanks
from realm_tf.configs.masking_config import FeaturizationConfig
from realm_tf.hub import hub_modules
from realm_tf.io.compatibility import MismatchError
from realm_tf.text.tokenizer import BertTokenizer

LENGTHS = FeaturizationConfig(
  query_seq_len=16, candidate_seq_len=24, num_candidates=4
)


def blank(text, answer, title=None):
  start = text.encode().index(answer.encode())
  return blanks.BlankQuestion(
    text, (start, start + len(answer.encode())), title
  )


QUESTIONS = [
  blank('The capital of France is Paris .', 'Paris', 'France'),
  blank('London is the capital of England .', 'London', 'England'),
  blank('The Tiber flows through Rome .', 'Rome', 'Tiber'),
  blank('The Seine is a river of France .', 'Seine', 'Seine'),
  blank('Japan has a big city .', 'big city'),
]


@pytest.fixture(scope='module')
def filler(realm):
  return blank_evaluation.load_filler(
    realm.export_dir / 'embedder',
    realm.export_dir / 'bert',
    realm.documents,
    LENGTHS,
  )


@pytest.fixture(scope='module')
def report(filler):
  return blank_evaluation.evaluate(
    filler, QUESTIONS, ks=(1, 3), batch_size=2, show_progress=False
  )


def test_recall_counts_the_sentences_with_a_title(filler, realm, report):
  ranks = []
  for question in QUESTIONS[:4]:
    ids, _ = blanks.masked_ids(realm.tokenizer, [question])
    rows, _ = filler.retrieve(ids, 8)
    ranks.append(realm.documents.titles(rows[0]).index(question.title))
  assert report.recall == {
    k: np.mean([rank < k for rank in ranks]) for k in (1, 3)
  }


def test_filled_blanks_are_those_with_every_wordpiece_right(filler, report):
  right, closed_book = [], []
  for question in QUESTIONS:
    ids, answers = blanks.masked_ids(filler.tokenizer, [question])
    filling = filler.fill(ids, top=1)
    answer = answers.to_list()[0]
    right.append(filling.ids[0, :, 0].tolist() == answer)
    closed_book.append(filling.closed_book_ids[0, :, 0].tolist() == answer)
  assert report.filled == np.mean(right)
  assert report.closed_book == np.mean(closed_book)
  assert [e.is_right for e in report.examples] == right
  assert (report.count, report.skipped) == (5, 0)


def test_the_document_shown_is_the_one_that_weighed_most(filler, report):
  likeliest = []
  for question, example in zip(QUESTIONS, report.examples):
    ids, _ = blanks.masked_ids(filler.tokenizer, [question])
    filling = filler.fill(ids, top=10**6)
    weights = filling.candidate_probs[0].copy()
    for j in range(filling.lengths[0]):
      its = filling.document_ids[0, :, j] == filling.ids[0, j, 0]
      weights *= filling.document_probs[0, :, j][its]
    best = 1 + weights[1:].argmax()
    assert [example.title] == filler.corpus.titles(filling.rows[0, [best]])
    assert example.probability == pytest.approx(
      filling.candidate_probs[0, best], rel=1e-4
    )
    likeliest.append(best == 1 + filling.candidate_probs[0, 1:].argmax())
  assert not all(likeliest), 'p(z | x) alone would have done'


def test_blanks_behind_the_last_do_not_weigh():
  filling = types.SimpleNamespace(
    ids=np.zeros([2, 2, 1], int),
    lengths=np.array([1, 2]),
    candidate_probs=np.array([[0.1, 0.5, 0.4]] * 2),
    document_filled_probs=np.array(
      [[[1, 1], [0.1, 1], [0.2, 0]], [[1, 1], [0.1, 1], [0.2, 0]]]
    ),
  )
  assert blank_evaluation._heaviest(filling).tolist() == [2, 1]


def test_answers_that_are_taught_count(realm, filler):
  """A reader whose bias says Paris fills one blank of two."""
  (paris,) = realm.tokenizer.tokenize(['Paris']).to_list()[0]
  reader = hub_modules.load_reader(realm.export_dir / 'bert')
  bias = next(v for v in reader.mlm_head.variables if 'output_bias' in v.name)
  bias.assign_add(np.eye(1, bias.shape[0], paris)[0] * 1e3)
  taught = blank_evaluation.make_filler(
    realm.embedder, reader, realm.tokenizer, realm.documents, LENGTHS
  )
  report = blank_evaluation.evaluate(
    taught, QUESTIONS[:2], ks=(8, 20), show_progress=False
  )
  assert report.filled == report.closed_book == 0.5
  # All eight documents were asked for: the right one is among them.
  assert report.recall == {8: 1.0, 20: 1.0}
  assert report.examples[0].filled.lower() == 'paris'


def test_sentences_whose_blank_is_not_read_are_left_out(filler):
  far = blank('the ' * 30 + 'Paris', 'Paris', 'France')
  report = blank_evaluation.evaluate(
    filler, [far, QUESTIONS[0]], show_progress=False
  )
  assert (report.count, report.skipped) == (1, 1)
  with pytest.raises(ValueError, match='none of 1 held-out sentences'):
    blank_evaluation.evaluate(filler, [far], show_progress=False)


def test_without_titles_there_is_no_recall(filler):
  report = blank_evaluation.evaluate(filler, QUESTIONS[4:], show_progress=False)
  assert report.recall == {}


def test_random_weights_are_of_the_same_size(realm):
  random = blank_evaluation.random_filler(
    realm.export_dir / 'embedder', realm.documents, LENGTHS
  )
  report = blank_evaluation.evaluate(random, QUESTIONS, show_progress=False)
  assert report.count == 5


def test_another_vocabulary_is_refused(realm, tmp_path):
  vocab = list(realm.tokenizer.vocab)
  vocab[-1] = 'zanzibar'
  other = BertTokenizer(vocab, lower_case=True)
  hub_modules.export_embedder(realm.embedder, other, tmp_path / 'embedder', 1)
  with pytest.raises(MismatchError, match='has the vocabulary'):
    blank_evaluation.load_filler(
      tmp_path / 'embedder', realm.export_dir / 'bert', realm.documents, LENGTHS
    )
