# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest

from realm_tf.corpus import document_uids
from realm_tf.corpus.corpus import Corpus, is_corpus, write_corpus
from realm_tf.io import atomic
from realm_tf.text.tokenizer import BertTokenizer
from tests.support import old_corpus, small_world

_BLOCKS = [
  ('Paris', 'Paris is the capital of France.'),
  ('', 'the Thames flows through London'),
  ('Lima', 'Lima — a city of Peru — é!'),
  ('Rome', 'old Rome'),
]
_IDS = ['7', '', 'é', 'é']
_URLS = ['', 'https://a.example/é', 'b', '']


@pytest.fixture
def corpus(tmp_path):
  return small_world.store(tmp_path / 'corpus', _BLOCKS, _IDS, _URLS)


def _check_same(mine, its):
  assert len(mine) == len(its)
  rows = [*range(len(its)), -1, 0, len(its) - 1, -1]
  for name in ('titles', 'bodies', 'record_ids', 'urls'):
    assert getattr(mine, name)(rows) == getattr(its, name)(rows)
  for a, b in zip(mine.gather(rows), its.gather(rows)):
    assert a.dtype == b.dtype == np.int32 and a.to_list() == b.to_list()
  for name in ('uids', 'title_lengths', 'body_lengths'):
    np.testing.assert_array_equal(getattr(mine, name), getattr(its, name))
  for a, b in zip(mine.body_ids, its.body_ids):
    assert a.dtype == b.dtype
    np.testing.assert_array_equal(a, b)
  assert mine.fingerprint == its.fingerprint
  assert mine.vocab_fingerprint == its.vocab_fingerprint


def test_texts_and_ids_are_those_written(corpus):
  assert len(corpus) == 4
  assert corpus.titles([2, -1, 0]) == ['Lima', '', 'Paris']
  assert corpus.bodies([2, 1]) == [_BLOCKS[2][1], _BLOCKS[1][1]]
  assert corpus.record_ids([3, 1, -1, 0]) == ['é', '', '', '7']
  assert corpus.urls([2, 1, -1, 0]) == ['b', 'https://a.example/é', '', '']
  tokenizer = corpus.tokenizer
  assert tokenizer.fingerprint == small_world.tokenizer().fingerprint
  titles, bodies = corpus.gather(np.array([[3, -1], [0, 3]]))
  expected = ['old Rome', '', _BLOCKS[0][1], 'old Rome']
  assert bodies.to_list() == tokenizer.tokenize(expected).to_list()
  expected = ['Rome', '', 'Paris', 'Rome']
  assert titles.to_list() == tokenizer.tokenize(expected).to_list()
  assert corpus.body_lengths.tolist() == [len(b) for b in bodies.to_list()][
    :0
  ] + [int(n) for n in corpus.gather(range(4))[1].row_lengths()]
  expected = document_uids.uids_of(
    [t.encode() for t, _ in _BLOCKS], [b.encode() for _, b in _BLOCKS]
  )
  np.testing.assert_array_equal(corpus.uids, expected)
  ids, splits = corpus.body_ids
  assert ids.dtype == np.uint16 and splits.dtype == np.int64
  assert isinstance(ids, np.memmap) and isinstance(splits, np.memmap)


def test_rows_by_text(corpus, monkeypatch):
  monkeypatch.setattr('realm_tf.corpus.corpus._CHUNK', 3)
  assert corpus.rows_of_records(['é', '7', 'x', '']) == {'é': [2, 3], '7': [0]}
  assert corpus.rows_of_records([]) == {}
  found = corpus.rows_of_titles({'rome', '', 'x'}, str.lower)
  assert found == {'': [1], 'rome': [3]}


def test_rows_out_of_range_are_refused(corpus):
  for rows in ([4], [-2]):
    with pytest.raises(IndexError, match='from -1 to 3'):
      corpus.gather(rows)
    with pytest.raises(IndexError, match='from -1 to 3'):
      corpus.select(rows)


def test_a_corpus_is_opened_by_either_directory(corpus, tmp_path):
  for name in ('corpus', 'corpus/documents'):
    opened = Corpus.open(tmp_path / name)
    _check_same(opened, corpus)
    assert opened.directory == str(tmp_path / 'corpus')
    assert opened.max_block_length == 288
  assert is_corpus(tmp_path / 'corpus') and not is_corpus(tmp_path)


def test_what_is_selected_and_appended_is_written(corpus, tmp_path):
  new = [('Seine', 'a river of France'), ('', 'big word')]
  changed = corpus.select([0, 2, 3]).append(small_world.blocks(new, ['a', 'b']))
  expected = small_world.store(
    tmp_path / 'expected',
    [_BLOCKS[0], *_BLOCKS[2:], *new],
    ['7', 'é', 'é', 'a', 'b'],
    ['', 'b', '', '', ''],
  )
  _check_same(changed, expected)
  changed.write(tmp_path / 'out', settings={'how': 1}, counts={'read': 2})
  written = Corpus.open(tmp_path / 'out')
  _check_same(written, expected)
  assert written.counts == {'read': 2, 'blocks': 5}
  assert written.info['settings'] == {'how': 1}
  assert written.tokenizer.vocab == corpus.tokenizer.vocab
  with pytest.raises(FileExistsError):
    changed.write(tmp_path / 'out')
  # The corpus is as it was; one of no blocks can be written, too.
  assert len(corpus) == 4
  corpus.select([]).write(tmp_path / 'empty')
  empty = Corpus.open(tmp_path / 'empty')
  assert len(empty) == 0 and empty.gather([-1])[0].to_list() == [[]]


def test_no_text_at_all(tmp_path):
  corpus = small_world.store(tmp_path / 'corpus', [('', '')] * 2)
  assert corpus.gather([0, -1, 1])[0].to_list() == [[], [], []]
  assert corpus.titles([0]) == [''] and not corpus.has_record_ids


def test_broken_corpora_are_refused(tmp_path, corpus):
  with pytest.raises(FileNotFoundError, match='holds no corpus'):
    Corpus.open(tmp_path)
  path = tmp_path / 'corpus' / 'documents' / 'body_ids.bin'
  whole = path.read_bytes()
  path.write_bytes(whole[:-2])
  with pytest.raises(ValueError, match='body_ids.bin.*not whole'):
    Corpus.open(tmp_path / 'corpus')
  path.write_bytes(whole)
  manifest = tmp_path / 'corpus' / 'manifest.json'
  info = json.loads(manifest.read_text())
  atomic.write_json(manifest, {**info, 'num_documents': 3})
  with pytest.raises(ValueError, match='4 blocks instead of 3'):
    Corpus.open(tmp_path / 'corpus')
  atomic.write_json(manifest, {**info, 'version': 3})
  with pytest.raises(ValueError, match='version 3, .* up to 2'):
    Corpus.open(tmp_path / 'corpus')


def test_a_tokenizer_of_another_vocabulary(corpus):
  its = small_world.tokenizer()
  assert Corpus.open(corpus.directory, tokenizer=its).tokenizer is its
  other = BertTokenizer([*its.vocab, 'more'])
  with pytest.raises(ValueError, match='has the vocabulary.*`vocab_file`'):
    Corpus.open(corpus.directory, tokenizer=other)


def test_a_corpus_of_version_1_answers_the_same(tmp_path, corpus):
  for name, manifest in (('whole', True), ('store', False)):
    old = old_corpus.write(
      tmp_path / name, _BLOCKS, small_world.tokenizer(), manifest=manifest
    )
    for directory in (old, old / 'documents'):
      opened = Corpus.open(directory)
      without_ids = small_world.store(tmp_path / 'now' / name, _BLOCKS)
      _check_same(opened, without_ids)
      assert opened.fingerprint == corpus.fingerprint
      assert not opened.has_record_ids
      assert opened.rows_of_records(['7']) == {}
      assert opened.max_block_length == (64 if manifest else 288)
      with pytest.raises(ValueError, match='without its vocabulary'):
        opened.tokenizer  # noqa: B018
      with_it = Corpus.open(directory, tokenizer=small_world.tokenizer())
      assert with_it.tokenizer is small_world.tokenizer()
      (tmp_path / 'now' / name).rename(tmp_path / f'{name}-{directory.name}')
  assert is_corpus(tmp_path / 'whole')
  # An update of it is of the new version, and keeps what is known.
  Corpus.open(tmp_path / 'whole').select([0, 2]).append(
    small_world.blocks([('a', 'river')], ['n'])
  ).write(tmp_path / 'new')
  new = Corpus.open(tmp_path / 'new')
  assert new.record_ids(range(3)) == ['', '', 'n']
  assert new.info['lower_case'] is True and new.max_block_length == 64
  assert not (tmp_path / 'new' / 'vocab.txt').exists()


def test_a_corpus_without_urls_has_empty_ones(tmp_path, corpus):
  for path in (tmp_path / 'corpus' / 'documents').glob('urls*.bin'):
    path.unlink()
  older = Corpus.open(tmp_path / 'corpus')
  assert older.urls([1, -1, 2]) == ['', '', '']
  assert older.record_ids([0, 3]) == ['7', 'é']
  changed = older.select([3, 1]).append(
    small_world.blocks([('a', 'river')], ['n'], ['u'])
  )
  changed.write(tmp_path / 'new')
  new = Corpus.open(tmp_path / 'new')
  assert new.urls(range(3)) == ['', '', 'u']
  assert new.record_ids(range(3)) == ['é', '', 'n']


def test_batches_do_not_matter(tmp_path):
  whole = small_world.store(tmp_path / 'whole', _BLOCKS, _IDS)
  parts = [
    small_world.blocks(_BLOCKS[a:b], _IDS[a:b])
    for a, b in ((0, 0), (0, 3), (3, 3), (3, 4))
  ]
  write_corpus(tmp_path / 'parts', parts, small_world.tokenizer())
  for path in (tmp_path / 'whole').rglob('*.*'):
    its = tmp_path / 'parts' / path.relative_to(tmp_path / 'whole')
    assert its.read_bytes() == path.read_bytes(), path
  assert whole.fingerprint == Corpus.open(tmp_path / 'parts').fingerprint
