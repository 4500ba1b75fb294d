# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import shutil

import numpy as np
import pytest

from realm_tf.answering.answerer import Answerer
from realm_tf.corpus.corpus import Corpus
from realm_tf.corpus.document import CorpusError
from realm_tf.io import atomic
from realm_tf.io.compatibility import MismatchError
from tests.support import light_modules, small_qa

QUESTION = 'What is the capital of Peru ?'
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
  made = Answerer.open(qa.export_dir, qa.corpus_dir, qa.index_path)
  yield made
  made.close()


@pytest.mark.parametrize('question', QUESTIONS)
def test_answers_are_those_of_an_independent_computation(
  qa, answerer, question
):
  found = answerer.answer([question], reader_beam=4, top_n=3)
  expected = small_qa.answers(qa, question, 4, 3)
  assert found.block_ids[0].tolist() == [answer.row for answer in expected]
  assert found.answers[0] == [answer.text.decode() for answer in expected]
  for name, values in (
    ('byte_start', found.byte_starts),
    ('byte_end', found.byte_ends),
  ):
    assert values[0].tolist() == [getattr(a, name) for a in expected]
  for name, values in (('score', found.scores), ('log_prob', found.log_probs)):
    np.testing.assert_allclose(
      values[0], [getattr(a, name) for a in expected], rtol=1e-4, atol=1e-5
    )
  (record,) = found.to_records([question])
  records = record['answers']
  assert record == {'question': question, **records[0], 'answers': records}
  for record, answer in zip(records, expected, strict=True):
    assert record['title'] == qa.documents.titles([answer.row])[0]
    assert record['document_id'] == qa.documents.record_ids([answer.row])[0]
    assert record['document_url'] == qa.documents.urls([answer.row])[0]
    evidence = record['evidence'].encode()
    assert evidence.decode() == qa.documents.bodies([answer.row])[0]
    place = slice(record['byte_start'], record['byte_end'])
    assert evidence[place].decode() == record['prediction']
    assert record['block_id'] == answer.row
    for name in ('retriever_log_prob', 'reader_log_prob'):
      assert record[name] == pytest.approx(getattr(answer, name), abs=2e-5)


@pytest.mark.parametrize('blocks_at_once', [0, 2])
def test_a_batch_gives_the_answers_of_its_questions(answerer, blocks_at_once):
  together = answerer.answer(
    QUESTIONS, reader_beam=5, top_n=2, blocks_at_once=blocks_at_once
  )
  for i, question in enumerate(QUESTIONS):
    alone = answerer.answer([question], reader_beam=5, top_n=2)
    assert together.answers[i] == alone.answers[0]
    assert together.block_ids[i].tolist() == alone.block_ids[0].tolist()
    np.testing.assert_allclose(
      together.scores[i], alone.scores[0], rtol=1e-4, atol=1e-5
    )


def test_bfloat16_answers_nearly_the_same(qa, answerer):
  rounded = Answerer.open(
    qa.export_dir, qa.corpus_dir, qa.index_path, mixed_precision=True
  )
  every = {'reader_beam': len(qa.documents), 'top_n': 1}
  exact, near = (a.answer(QUESTIONS, **every) for a in (answerer, rounded))
  rounded.close()
  np.testing.assert_allclose(near.scores, exact.scores, atol=0.1)
  assert np.abs(near.scores - exact.scores).max() > 1e-5
  assert (near.block_ids == exact.block_ids).mean() >= 0.6


def test_no_answer_is_given_twice(qa, answerer):
  found = answerer.answer(QUESTIONS, reader_beam=40, top_n=60)
  for row in zip(found.block_ids, found.byte_starts, found.byte_ends):
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
  assert found.answers == [['', '']]
  assert found.block_ids.tolist() == [[-1, -1]]
  assert (found.log_probs < -1e8).all()
  assert (found.reader_log_probs < -1e8).all()


def test_more_blocks_than_there_are(qa, answerer):
  rows, _ = answerer.retrieve(['Lima'], 10_000)
  assert rows.shape == (1, len(qa.documents))
  everything = answerer.answer(['Lima'], reader_beam=len(rows[0]), top_n=1)
  found = answerer.answer(['Lima'], reader_beam=10_000, top_n=1)
  assert found.to_records(['Lima']) == everything.to_records(['Lima'])


@pytest.fixture(scope='module')
def light(tmp_path_factory):
  """As `qa`, of modules without a graph, which takes seconds to trace."""
  with pytest.MonkeyPatch.context() as patch:
    light_modules.patch(patch)
    return small_qa.make(tmp_path_factory.mktemp('light'), 'exact')


@pytest.fixture
def editable(light):
  made = Answerer.open(
    light.export_dir, light.corpus_dir, light.directory / 'index'
  )
  yield made
  made.close()


def contents(*directories):
  return {
    path: path.read_bytes()
    for directory in directories
    for path in pathlib.Path(directory).rglob('*')
    if path.is_file()
  }


def found(answerer):
  """All blocks there are now, the best for the question first."""
  ((*rows,),), _ = answerer.retrieve([QUESTION], 1000)
  assert len(rows) == len(answerer.corpus)
  return list(zip(answerer.corpus.titles(rows), answerer.corpus.bodies(rows)))


def test_answers_are_from_the_current_corpus(light, editable):
  before = found(editable)
  with editable.edition() as first:
    old = editable.answer([QUESTION], reader_beam=4, top_n=3)
    expected = small_qa.answers(light, QUESTION, 4, 3)
    assert old.answers[0] == [answer.text.decode() for answer in expected]
    added = editable.add(' Lima &amp; Cuzco', 'Lima  is\tthe big city .')
    assert (added.added, added.removed, added.already_there) == (1, 0, 0)
    for title in {title for title, _ in before[:4]}:
      editable.remove(title)
    # Who holds an edition keeps what was there.
    assert len(first.documents) == len(first.index.embeddings) == len(before)
  gone = {body for _, body in before[:4]}
  new = editable.answer([QUESTION], reader_beam=4, top_n=3)
  assert gone.isdisjoint(new.evidence[0])
  added = ('Lima & Cuzco', 'Lima is the big city .')
  after = found(editable)
  titles = {title for title, _ in before[:4]}
  left = [block for block in before if block[0] not in titles]
  assert sorted(after) == sorted([*left, added])
  assert [block for block in after if block != added] == left
  # There already.
  assert editable.add(*added)[:3] == (0, 0, 1)
  assert editable.remove('Lima & Cuzco')[:3] == (1, 0, 0)
  assert found(editable) == left


def test_ids_stay_over_editions(editable, tmp_path):
  def by_id(corpus):
    rows = range(len(corpus))
    names = zip(corpus.record_ids(rows), corpus.urls(rows))
    return dict(zip(names, zip(corpus.titles(rows), corpus.bodies(rows))))

  before = by_id(editable.corpus)
  first = editable.answer([QUESTION], reader_beam=4, top_n=1)
  gone = editable.corpus.record_ids([1])[0]
  its = editable.corpus.titles([1])[0]
  assert editable.remove('no such', document_id=gone).missing
  assert editable.remove(its, document_id=gone).removed == 1
  new = ('new', 'https://new.example')
  editable.add('Ulm', 'A big old town .', document_id=new[0], url=new[1])
  with pytest.raises(ValueError, match='give `title` or `document_id`'):
    editable.remove()
  editable.save(tmp_path / 'out')
  expected = {k: v for k, v in before.items() if k[0] != gone}
  expected[new] = ('Ulm', 'A big old town .')
  assert by_id(editable.corpus) == expected
  assert by_id(Corpus.open(tmp_path / 'out/corpus')) == expected
  again = editable.answer([QUESTION], reader_beam=4, top_n=1)
  assert again.document_ids == first.document_ids
  assert again.document_urls == first.document_urls
  assert (again.block_ids == first.block_ids - 1).all()


def test_what_changes_nothing_says_why(editable):
  before = found(editable)
  with pytest.raises(CorpusError, match='not added.*left out: empty'):
    editable.add('Lima', ' \n')
  (missing,) = editable.remove('Nobody').missing
  assert "'Nobody'" in str(missing)
  titles = sorted({title for title, _ in before})
  for title in titles[1:]:
    editable.remove(title)
  with pytest.raises(CorpusError, match='no document would be left'):
    editable.remove(titles[0])
  assert {title for title, _ in found(editable)} == {titles[0]}


def test_what_is_saved_is_opened_again(light, editable, tmp_path):
  given = contents(light.corpus_dir, light.directory / 'index')
  editable.add('Lima', 'Lima is the big city .')
  assert editable.save(tmp_path / 'out') == str(tmp_path / 'out/index/10')
  # What it has saved itself it replaces, under whatever name.
  editable.remove('France')
  (tmp_path / 'link').symlink_to(tmp_path)
  editable.save(tmp_path / 'link' / 'out')
  expected = found(editable)
  corpus, index = tmp_path / 'out/corpus', tmp_path / 'out/index'
  again = Answerer.open(light.export_dir, corpus, index)
  assert found(again) == expected
  # An edition can be edited as well.
  assert again.add('Oslo', 'Oslo is old .').added == 1
  again.close()
  manifest = atomic.read_json(corpus / 'manifest.json')
  its = Corpus.open(light.corpus_dir / 'documents').fingerprint
  assert manifest['settings']['updated'] == {'from_corpus': its}
  assert contents(light.corpus_dir, light.directory / 'index') == given


def test_nothing_that_is_there_is_replaced(light, editable, tmp_path):
  out = tmp_path / 'out'
  out.mkdir()
  for path in (out, light.corpus_dir, light.directory / 'index'):
    with pytest.raises(CorpusError, match='is there already'):
      editable.save(path)
  with pytest.raises(CorpusError, match='stays as it is'):
    editable.save(light.corpus_dir / 'new')
  out.rmdir()
  editable.save(out)
  # Somebody has taken its place meanwhile.
  (out / 'notes.txt').touch()
  with pytest.raises(CorpusError, match='holds something else'):
    editable.save(out)
  assert sorted(os.listdir(out)) == ['corpus', 'index', 'notes.txt']
  # Another answerer has not saved it.
  (out / 'notes.txt').unlink()
  other = Answerer.open(light.export_dir, out / 'corpus', out / 'index')
  with pytest.raises(CorpusError, match='is there already'):
    other.save(out)
  other.close()


def test_without_the_embedder_documents_can_only_go(light, tmp_path):
  shutil.copytree(light.index_path, tmp_path / '10')
  shutil.rmtree(tmp_path / '10' / 'embedder')
  answerer = Answerer.open(light.export_dir, light.corpus_dir, tmp_path)
  before = found(answerer)
  with pytest.raises(ValueError, match='can only be removed'):
    answerer.add('Oslo', 'Oslo is old .')
  assert found(answerer) == before
  removed = answerer.remove('France').removed
  assert len(found(answerer)) == len(before) - removed < len(before)
  answerer.close()


def test_what_does_not_belong_together_is_refused(light, tmp_path):
  with pytest.raises(FileNotFoundError, match='no index'):
    Answerer.open(light.export_dir, light.corpus_dir, tmp_path)
  with pytest.raises(FileNotFoundError, match='holds no corpus'):
    Answerer.open(light.export_dir, tmp_path, light.index_path)
  copy = tmp_path / '10'
  shutil.copytree(light.index_path, copy)
  metadata = atomic.read_json(copy / 'metadata.json')
  for name in ('corpus', 'vocab', 'embedder'):
    changed = {**metadata, f'{name}_fingerprint': 'another'}
    atomic.write_json(copy / 'metadata.json', changed)
    with pytest.raises(MismatchError, match='another'):
      Answerer.open(light.export_dir, light.corpus_dir, copy)
  # The embedder in it is seen to be another one before anything is added.
  atomic.write_json(copy / 'metadata.json', metadata)
  shutil.rmtree(copy / 'embedder')
  shutil.copytree(light.embedder_dir, copy / 'embedder')
  answerer = Answerer.open(light.export_dir, light.corpus_dir, copy)
  before = found(answerer)
  with pytest.raises(MismatchError, match='other vectors'):
    answerer.add('Oslo', 'Oslo is old .')
  assert found(answerer) == before
  answerer.close()
