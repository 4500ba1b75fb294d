# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.answering.question_answerer import QuestionAnswerer
from realm_tf.corpus.documents_view import DocumentsView
from realm_tf.corpus.removals import Removal
from realm_tf.index import live, versions
from realm_tf.index.versions import IndexMismatchError
from realm_tf.io import atomic
from realm_tf.modeling.span_reader import SpanReader
from tests.support import small_qa

QUESTIONS = [
  'What is the capital of France ?',
  'Lima',
  '',
  'x' * 1000,
  '\u6771\u4eac',
  b'\xff\xfe big city',
]


@pytest.fixture(scope='module')
def answerer(qa):
  made = QuestionAnswerer.load(qa.export_dir, qa.corpus_dir, qa.index_path)
  yield made
  made.close()


@pytest.mark.parametrize('question', QUESTIONS)
def test_answers_are_those_of_an_independent_computation(
  qa, answerer, question
):
  found = answerer.answer([question], reader_beam=4, top_n=3)
  expected = small_qa.answers(qa, question, 4, 3)
  assert found.rows[0].tolist() == [answer.row for answer in expected]
  assert found.texts[0] == [answer.text.decode() for answer in expected]
  for name, values in (
    ('byte_start', found.byte_starts),
    ('byte_end', found.byte_limits),
  ):
    assert values[0].tolist() == [getattr(a, name) for a in expected]
  for name, values in (('score', found.scores), ('log_prob', found.log_probs)):
    np.testing.assert_allclose(
      values[0], [getattr(a, name) for a in expected], rtol=1e-4, atol=1e-5
    )
  np.testing.assert_allclose(
    found.reader_log_probs[0],
    [answer.reader_log_prob for answer in expected],
    rtol=1e-4,
    atol=1e-5,
  )
  by_row = dict(zip(found.block_rows[0], found.block_log_probs[0]))
  np.testing.assert_allclose(
    [by_row[answer.row] for answer in expected],
    [answer.retriever_log_prob for answer in expected],
    rtol=1e-4,
    atol=1e-5,
  )


@pytest.mark.parametrize('blocks_at_once', [0, 2])
def test_a_batch_gives_the_answers_of_its_questions(answerer, blocks_at_once):
  together = answerer.answer(
    QUESTIONS, reader_beam=5, top_n=2, blocks_at_once=blocks_at_once
  )
  for i, question in enumerate(QUESTIONS):
    alone = answerer.answer([question], reader_beam=5, top_n=2)
    assert together.texts[i] == alone.texts[0]
    assert together.rows[i].tolist() == alone.rows[0].tolist()
    np.testing.assert_allclose(
      together.scores[i], alone.scores[0], rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(
  'blocks_at_once, rows_read',
  # Six questions with five blocks each.
  [(0, {30}), (30, {30}), (100, {30}), (12, {12, 6}), (5, {5}), (2, {2})],
)
def test_no_more_blocks_are_read_at_once_than_told(
  qa, monkeypatch, blocks_at_once, rows_read
):
  seen = []
  read_rows = SpanReader._rows

  def counted(self, inputs, positions, seed):
    rows = tf.numpy_function(seen.append, [tf.shape(positions)[0]], [])
    with tf.control_dependencies([rows]):
      return read_rows(self, inputs, positions, seed)

  monkeypatch.setattr(SpanReader, '_rows', counted)
  index = versions.load_index(qa.index_path)
  fresh = QuestionAnswerer(
    qa.embedder,
    qa.reader,
    qa.tokenizer,
    qa.documents,
    index,
    query_seq_len=small_qa.QUERY_SEQ_LEN,
    reader_seq_len=small_qa.READER_SEQ_LEN,
  )
  fresh.answer(QUESTIONS, reader_beam=5, blocks_at_once=blocks_at_once)
  fresh.close()
  assert set(seen) == rows_read


def test_bfloat16_answers_nearly_the_same(qa, answerer):
  rounded = QuestionAnswerer.load(
    qa.export_dir, qa.corpus_dir, qa.index_path, mixed_precision=True
  )
  every = {'reader_beam': len(qa.documents), 'top_n': 1}
  exact, near = (a.answer(QUESTIONS, **every) for a in (answerer, rounded))
  rounded.close()
  np.testing.assert_allclose(near.scores, exact.scores, atol=0.1)
  assert np.abs(near.scores - exact.scores).max() > 1e-5
  assert (near.rows == exact.rows).mean() >= 0.6


def test_no_answer_is_given_twice(qa, answerer):
  found = answerer.answer(QUESTIONS, reader_beam=40, top_n=60)
  for row in zip(found.rows, found.byte_starts, found.byte_limits):
    places = [place for place in zip(*(x.tolist() for x in row))]
    places = [place for place in places if place[0] >= 0]
    assert len(places) > 50 and len(set(places)) == len(places)
  # Spans of wordpieces are: letters of unknown words.
  bodies = qa.documents.bodies(range(len(qa.documents)))
  assert any(
    '##' in ' '.join(qa.tokenizer.tokens(ids))
    for ids in qa.tokenizer.tokenize(bodies).to_list()
  )


def test_what_is_no_answer_is_not_likely(answerer):
  found = answerer.read(
    ['Lima ?'], np.array([[-1]]), np.zeros([1, 1], np.float32), top_n=2
  )
  assert found.texts == [['', '']]
  assert found.rows.tolist() == [[-1, -1]]
  assert (found.log_probs < -1e8).all()
  assert (found.reader_log_probs < -1e8).all()


def test_more_blocks_than_there_are(qa, answerer):
  found = answerer.answer(['Lima'], reader_beam=10_000, top_n=1)
  assert found.block_rows.shape == (1, len(qa.documents))


def test_an_index_of_another_embedder_is_refused(qa, tmp_path):
  import shutil

  index = tmp_path / 'index'
  shutil.copytree(qa.index_path, index)
  metadata = atomic.read_json(index / 'metadata.json')
  atomic.write_json(
    index / 'metadata.json', {**metadata, 'embedder_fingerprint': 'another'}
  )
  with pytest.raises(IndexMismatchError, match='another') as error:
    QuestionAnswerer.load(qa.export_dir, qa.corpus_dir, index)
  assert metadata['embedder_fingerprint'] in str(error.value)


def test_answers_from_another_edition(qa, answerer):
  question = 'What is the capital of France ?'
  before = answerer.answer([question], reader_beam=4, top_n=1)
  best = int(before.rows[0, 0])
  edited = live.LiveIndex(qa.documents, versions.load_index(qa.index_path))
  edited.update([], [Removal('row', best)])
  with edited.acquire() as edition:
    other = answerer.using(edition.documents, edition.index)
    found = other.answer([question], reader_beam=10_000, top_n=1)
    assert found.block_rows.shape == (1, len(qa.documents) - 1)
    gone = qa.documents.bodies([best])[0]
    assert gone not in edition.documents.bodies(found.block_rows[0])
    text = found.texts[0][0]
    body = edition.documents.bodies(found.rows[0])[0].encode()
    start, limit = found.byte_starts[0, 0], found.byte_limits[0, 0]
    assert body[start:limit].decode() == text
  edited.close()
  # The first goes on with its own.
  after = answerer.answer([question], reader_beam=4, top_n=1)
  assert after.texts == before.texts
  np.testing.assert_array_equal(after.rows, before.rows)


def test_an_edition_that_does_not_belong_is_refused(qa, answerer):
  index = versions.load_index(qa.index_path)
  metadata = index.metadata
  for name in ('embedder', 'vocab', 'corpus'):
    changed = {f'{name}_fingerprint': 'another'}
    index.metadata = dataclasses.replace(metadata, **changed)
    with pytest.raises(IndexMismatchError, match='another') as error:
      answerer.using(qa.documents, index)
    assert getattr(metadata, f'{name}_fingerprint') in str(error.value)
  # One that was not saved has no fingerprint.
  index.metadata = dataclasses.replace(metadata, corpus_fingerprint='')
  fewer = DocumentsView.of(qa.documents).select([0, 1])
  with pytest.raises(IndexMismatchError, match='corpus in use 2'):
    answerer.using(fewer, index)
  other = DocumentsView.of(qa.documents).select(range(len(qa.documents)))
  other.metadata = {**other.metadata, 'vocab_fingerprint': 'another'}
  with pytest.raises(IndexMismatchError, match='the vocabulary another'):
    answerer.using(other, index)
  answerer.using(qa.documents, index)
  index.close()
