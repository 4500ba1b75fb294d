# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import shutil

import pytest

from realm_tf.answering.live_answerer import LiveAnswerer
from realm_tf.corpus.corpus import Corpus
from realm_tf.corpus.document import CorpusError
from realm_tf.index import versions
from realm_tf.io import atomic
from tests.support import light_modules, small_qa

QUESTION = 'What is the capital of Peru ?'


@pytest.fixture(scope='module')
def qa(tmp_path_factory):
  with pytest.MonkeyPatch.context() as patch:
    light_modules.patch(patch)
    return small_qa.make(tmp_path_factory.mktemp('qa'), 'exact')


@pytest.fixture
def answerer(qa):
  made = LiveAnswerer(qa.export_dir, qa.corpus_dir, qa.directory / 'index')
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
  with answerer.now() as edition:
    ((*rows,),), _ = edition.retrieve([QUESTION], 1000)
    documents = edition.documents
    assert len(rows) == len(documents)
    return list(zip(documents.titles(rows), documents.bodies(rows)))


def answers(edition):
  its = edition.answer([QUESTION], reader_beam=4, top_n=3)
  return its.texts[0], edition.documents.bodies(its.rows[0])


def test_answers_are_from_the_corpus_of_now(qa, answerer):
  before = found(answerer)
  with answerer.now() as first:
    best = small_qa.answers(qa, QUESTION, 4, 3)
    expected = [answer.text.decode() for answer in best]
    assert answers(first)[0] == expected
    added = answerer.add(' Lima &amp; Cuzco', 'Lima  is\tthe big city .')
    assert (added.added, added.removed, added.already_there) == (1, 0, 0)
    for title in {title for title, _ in before[:4]}:
      answerer.remove(title)
    # Who has begun goes on with what was there.
    assert answers(first)[0] == expected
    assert len(first.documents) == len(before)
    with answerer.now() as second:
      gone = {body for _, body in before[:4]}
      assert gone.isdisjoint(answers(second)[1])
  new = ('Lima & Cuzco', 'Lima is the big city .')
  after = found(answerer)
  titles = {title for title, _ in before[:4]}
  left = [block for block in before if block[0] not in titles]
  assert sorted(after) == sorted([*left, new])
  assert [block for block in after if block != new] == left
  # There already.
  assert answerer.add(*new)[:3] == (0, 0, 1)
  assert answerer.remove('Lima & Cuzco')[:3] == (1, 0, 0)
  assert found(answerer) == left


def test_what_changes_nothing_says_why(answerer):
  before = found(answerer)
  for title, text, reason in (
    ('List of cities', 'Lima .', 'left out: list_or_index'),
    ('Lima', ' \n', 'left out: empty'),
  ):
    with pytest.raises(CorpusError, match=f'not added.*{reason}'):
      answerer.add(title, text)
  with pytest.raises(ValueError, match='no character'):
    answerer.add('Lima', '&#' + '9' * 5000 + ';')
  (missing,) = answerer.remove('Nobody').missing
  assert "'Nobody'" in str(missing)
  titles = sorted({title for title, _ in before})
  for title in titles[1:]:
    answerer.remove(title)
  with pytest.raises(CorpusError, match='no document would be left'):
    answerer.remove(titles[0])
  assert {title for title, _ in found(answerer)} == {titles[0]}


def test_what_is_saved_is_opened_again(qa, answerer, tmp_path):
  given = contents(qa.corpus_dir, qa.directory / 'index')
  answerer.add('Lima', 'Lima is the big city .')
  assert answerer.save(tmp_path / 'out') == str(tmp_path / 'out/index/10')
  # What it has saved itself it replaces, under whatever name.
  answerer.remove('France')
  (tmp_path / 'link').symlink_to(tmp_path)
  answerer.save(tmp_path / 'link' / 'out')
  expected = found(answerer)
  corpus, index = tmp_path / 'out/corpus', tmp_path / 'out/index'
  again = LiveAnswerer(qa.export_dir, corpus, index)
  assert found(again) == expected
  # An edition can be edited as well.
  assert again.add('Oslo', 'Oslo is old .').added == 1
  again.close()
  manifest = atomic.read_json(corpus / 'manifest.json')
  its = Corpus.open(qa.corpus_dir / 'documents').fingerprint
  assert manifest['settings']['updated'] == {'from_corpus': its}
  assert contents(qa.corpus_dir, qa.directory / 'index') == given


def test_nothing_that_is_there_is_replaced(qa, answerer, tmp_path):
  out = tmp_path / 'out'
  out.mkdir()
  for path in (out, qa.corpus_dir, qa.directory / 'index'):
    with pytest.raises(CorpusError, match='is there already'):
      answerer.save(path)
  with pytest.raises(CorpusError, match='stays as it is'):
    answerer.save(qa.corpus_dir / 'new')
  out.rmdir()
  answerer.save(out)
  # Somebody has taken its place meanwhile.
  (out / 'notes.txt').touch()
  with pytest.raises(CorpusError, match='holds something else'):
    answerer.save(out)
  assert sorted(os.listdir(out)) == ['corpus', 'index', 'notes.txt']
  # Another answerer has not saved it.
  (out / 'notes.txt').unlink()
  other = LiveAnswerer(qa.export_dir, out / 'corpus', out / 'index')
  with pytest.raises(CorpusError, match='is there already'):
    other.save(out)
  other.close()


def test_without_the_embedder_documents_can_only_go(qa, tmp_path):
  shutil.copytree(qa.index_path, tmp_path / '10')
  shutil.rmtree(tmp_path / '10' / 'embedder')
  answerer = LiveAnswerer(qa.export_dir, qa.corpus_dir, tmp_path)
  before = found(answerer)
  with pytest.raises(ValueError, match='can only be removed'):
    answerer.add('Oslo', 'Oslo is old .')
  assert found(answerer) == before
  removed = answerer.remove('France').removed
  assert len(found(answerer)) == len(before) - removed < len(before)
  answerer.close()


def test_what_does_not_belong_together_is_refused(qa, tmp_path):
  with pytest.raises(FileNotFoundError, match='no index'):
    LiveAnswerer(qa.export_dir, qa.corpus_dir, tmp_path)
  with pytest.raises(FileNotFoundError, match='no document store'):
    LiveAnswerer(qa.export_dir, tmp_path, qa.index_path)
  copy = tmp_path / '10'
  shutil.copytree(qa.index_path, copy)
  metadata = atomic.read_json(copy / 'metadata.json')
  for name in ('corpus', 'vocab', 'embedder'):
    changed = {**metadata, f'{name}_fingerprint': 'another'}
    atomic.write_json(copy / 'metadata.json', changed)
    with pytest.raises(versions.IndexMismatchError, match='another'):
      LiveAnswerer(qa.export_dir, qa.corpus_dir, copy)
  # The embedder in it is seen to be another one before anything is added.
  atomic.write_json(copy / 'metadata.json', metadata)
  shutil.rmtree(copy / 'embedder')
  shutil.copytree(qa.embedder_dir, copy / 'embedder')
  answerer = LiveAnswerer(qa.export_dir, qa.corpus_dir, copy)
  before = found(answerer)
  with pytest.raises(versions.IndexMismatchError, match='other vectors'):
    answerer.add('Oslo', 'Oslo is old .')
  assert found(answerer) == before
  answerer.close()
