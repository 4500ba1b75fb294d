# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from realm_tf.corpus import (
  block_records,
  corpus_writer,
  documents_view,
)
from realm_tf.corpus import corpus as corpus_lib
from realm_tf.corpus.documents_view import DocumentsView
from realm_tf.io import atomic
from tests.support import small_world

_OLD = [
  ('Paris', 'Paris is the capital of France.'),
  ('', 'the Thames flows through London'),
  ('Lima', 'Lima — a city of Peru — é!'),
  ('Rome', 'old Rome'),
]
_NEW = [('Seine', 'a river of France'), ('', 'big word')]
_LEFT = [_OLD[0], _OLD[2], _OLD[3], *_NEW]


@pytest.fixture
def old(tmp_path):
  return small_world.store(tmp_path / 'old', _OLD)


@pytest.fixture
def new():
  tokenizer = small_world.tokenizer()
  return documents_view.from_records(
    [small_world.block(*block) for block in _NEW],
    tokenizer.vocab_size,
    tokenizer.fingerprint,
  )


@pytest.fixture
def view(old, new):
  return DocumentsView.of(old).select([0, 2, 3]).append(new)


def check_same(mine, its):
  assert len(mine) == len(its)
  rows = [*range(len(its)), -1, 0, len(its) - 1, -1]
  assert mine.titles(rows) == its.titles(rows)
  assert mine.bodies(rows) == its.bodies(rows)
  for a, b in zip(mine.gather(rows), its.gather(rows)):
    assert a.dtype == b.dtype and a.to_list() == b.to_list()
  np.testing.assert_array_equal(mine.uids, its.uids)
  np.testing.assert_array_equal(mine.title_lengths, its.title_lengths)
  np.testing.assert_array_equal(mine.body_lengths, its.body_lengths)
  for a, b in zip(mine.body_ids, its.body_ids):
    assert a.dtype == b.dtype
    np.testing.assert_array_equal(a, b)
  assert mine.fingerprint == its.fingerprint
  assert mine.vocab_size == its.vocab_size


def test_a_view_is_like_a_store_of_the_same_documents(tmp_path, view):
  check_same(view, small_world.store(tmp_path / 'anew', _LEFT))


def test_views_of_views(tmp_path, view, old):
  mixed = view.select([4, 0, 3]).append(DocumentsView.of(old).select([1]))
  anew = small_world.store(
    tmp_path / 'anew', [_NEW[1], _OLD[0], _NEW[0], _OLD[1]]
  )
  check_same(mixed, anew)
  # What it was made from is as it was.
  assert len(view) == 5 and view.titles([3]) == ['Seine']


def test_what_is_written_is_read(tmp_path, view):
  view.write(tmp_path / 'written')
  check_same(view, corpus_lib.Corpus.open(tmp_path / 'written'))


def test_a_corpus_is_the_one_that_a_build_makes(tmp_path, view):
  corpus_writer.write_corpus(
    view,
    tmp_path / 'corpus',
    settings={'lower_case': True, 'input': []},
    counts={'read': 2},
  )
  manifest = atomic.read_json(tmp_path / 'corpus' / 'manifest.json')
  assert manifest['counts'] == {'read': 2, 'blocks': 5}
  assert manifest['lower_case'] is True
  assert manifest['records_in_shards'] == [5]
  path = tmp_path / 'corpus' / manifest['shards'][0]
  records = list(corpus_lib.records.read([str(path)]).as_numpy_iterator())
  assert records == [small_world.block(*block) for block in _LEFT]
  check_same(view, corpus_lib.Corpus.open(tmp_path / 'corpus/documents'))


def test_many_documents_in_several_chunks(tmp_path, old, monkeypatch):
  monkeypatch.setattr(documents_view, '_CHUNK', 7)
  monkeypatch.setattr(corpus_writer, '_CHUNK', 3)
  monkeypatch.setattr(corpus_writer, '_SHARD', 8)
  rows = np.random.default_rng(0).integers(4, size=30)
  view = DocumentsView.of(old).select(rows)
  anew = small_world.store(tmp_path / 'anew', [_OLD[r] for r in rows])
  check_same(view, anew)
  corpus_writer.write_corpus(view, tmp_path / 'corpus', settings={})
  again = corpus_lib.write_documents(
    str(tmp_path / 'corpus' / 'blocks-*'),
    tmp_path / 'again',
    vocab_size=view.vocab_size,
    vocab_fingerprint=view.vocab_fingerprint,
    progress=False,
  )
  check_same(view, again)


def test_rows_out_of_range_are_refused(view):
  with pytest.raises(IndexError, match='from -1 to 4'):
    view.select([5])


def test_another_vocabulary_is_refused(old):
  record = block_records.encode_block(b'a', b'b', [1], [2])
  other = documents_view.from_records([record], old.vocab_size, 'other')
  with pytest.raises(ValueError, match=f'{old.vocab_fingerprint} and other'):
    DocumentsView.of(old).append(other)
  with pytest.raises(ValueError, match='token id 2'):
    documents_view.from_records([record], 2, 'other')


def test_the_files_of_added_records_are_gone(new):
  assert not (documents_view.pathlib.Path(new.directory)).exists()
  assert new.bodies([0]) == ['a river of France']


def test_many_updates_do_not_make_many_parts(tmp_path, old, new, monkeypatch):
  monkeypatch.setattr(documents_view, '_MOST_PARTS', 4)
  view, expected = DocumentsView.of(old), list(_OLD)
  for n in range(9):
    rows = [i for i in range(len(view)) if i != n % len(view)]
    view = view.select(rows).append(new)
    expected = [expected[i] for i in rows] + _NEW
    assert len(view._parts) <= 4
  check_same(view, small_world.store(tmp_path / 'anew', expected))
