# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest

from realm_tf.corpus import corpus as corpus_lib
from realm_tf.corpus import document_uids
from realm_tf.text.tokenizer import BertTokenizer
from tests.support import small_world

_BLOCKS = [
  ('Paris', 'Paris is the capital of France.'),
  ('', 'the Thames flows through London'),
  ('Lima', 'Lima — a city of Peru — é!'),
  ('Rome', 'old Rome'),
]


@pytest.fixture
def store(tmp_path):
  return small_world.store(tmp_path, _BLOCKS)


def test_texts_and_ids_are_those_written(store):
  assert len(store) == 4
  assert store.titles([2, -1, 0]) == ['Lima', '', 'Paris']
  assert store.bodies([2, 1]) == [_BLOCKS[2][1], _BLOCKS[1][1]]
  tokenizer = small_world.tokenizer()
  titles, bodies = store.gather(np.array([[3, -1], [0, 3]]).reshape(-1))
  expected = ['old Rome', '', _BLOCKS[0][1], 'old Rome']
  assert bodies.to_list() == tokenizer.tokenize(expected).to_list()
  expected = ['Rome', '', 'Paris', 'Rome']
  assert titles.to_list() == tokenizer.tokenize(expected).to_list()
  assert titles.dtype == bodies.dtype == np.int32


def test_lengths_and_uids(store):
  _, bodies = store.gather(range(4))
  assert store.body_lengths.tolist() == [len(b) for b in bodies.to_list()]
  assert store.title_lengths[1] == 0
  expected = document_uids.uids_of(
    [t.encode() for t, _ in _BLOCKS], [b.encode() for _, b in _BLOCKS]
  )
  np.testing.assert_array_equal(store.uids, expected)


def test_all_wordpieces_in_one_row(store):
  ids, splits = store.body_ids
  assert ids.dtype == np.uint16 and splits.dtype == np.int64
  _, bodies = store.gather(range(4))
  np.testing.assert_array_equal(ids, bodies.values)
  np.testing.assert_array_equal(splits, bodies.row_splits)


def test_nothing_is_read_into_memory(store):
  assert all(isinstance(x, np.memmap) for x in store._values.values())
  assert store._values['body_ids'].dtype == np.uint16


def test_rows_out_of_range_are_refused(store):
  for rows in ([4], [-2]):
    with pytest.raises(IndexError, match='from -1 to 3'):
      store.gather(rows)


def test_fingerprint_is_of_content(tmp_path, store):
  same = small_world.store(tmp_path / 'same', _BLOCKS)
  assert same.fingerprint == store.fingerprint
  # The same wordpieces in other documents.
  other = small_world.store(
    tmp_path / 'other', [*_BLOCKS[:3], ('Rome', 'old'), ('', 'Rome')]
  )
  assert other.fingerprint != store.fingerprint


def test_written_again_only_when_the_blocks_changed(tmp_path):
  store = small_world.store(tmp_path, _BLOCKS)
  path = tmp_path / 'documents' / 'metadata.json'
  before = path.stat().st_mtime_ns
  pattern = str(tmp_path / 'blocks-*')
  settings = {
    'vocab_size': store.vocab_size,
    'vocab_fingerprint': store.vocab_fingerprint,
    'progress': False,
  }
  corpus_lib.write_documents(pattern, tmp_path / 'documents', **settings)
  assert path.stat().st_mtime_ns == before
  small_world.write_records(
    tmp_path / 'blocks-1.tfrecord.gz', [small_world.block('a', 'city')]
  )
  corpus_lib.write_documents(pattern, tmp_path / 'documents', **settings)
  assert corpus_lib.Corpus.open(tmp_path / 'documents').titles([4]) == ['a']


def test_wide_vocabularies_have_wide_ids(tmp_path):
  path = small_world.write_records(
    tmp_path / 'b.tfrecord.gz',
    [small_world.block_records.encode_block(b'a', b'b', [70000], [1, 99999])],
  )
  store = corpus_lib.write_documents(
    path,
    tmp_path / 'store',
    vocab_size=100_000,
    vocab_fingerprint='x',
    progress=False,
  )
  assert store.gather([0])[1].to_list() == [[1, 99999]]


def test_ids_of_another_vocabulary_are_refused(tmp_path):
  path = small_world.write_records(
    tmp_path / 'b.tfrecord.gz',
    [small_world.block_records.encode_block(b'a', b'b', [1], [7])],
  )
  with pytest.raises(ValueError, match=r'b\.tfrecord\.gz.*token id 7'):
    corpus_lib.write_documents(
      path,
      tmp_path / 'store',
      vocab_size=7,
      vocab_fingerprint='x',
      progress=False,
    )
  assert not (tmp_path / 'store').exists()


def test_files_that_are_no_blocks_are_named(tmp_path):
  record = small_world.span_record('t', ['a city.'], ['city'])
  path = small_world.write_records(tmp_path / 's.tfrecord.gz', [record])
  with pytest.raises(ValueError, match=r's\.tfrecord\.gz: .* no body'):
    corpus_lib.write_documents(
      path,
      tmp_path / 'store',
      vocab_size=10,
      vocab_fingerprint='x',
      progress=False,
    )


def test_broken_stores_are_refused(tmp_path, store):
  with pytest.raises(FileNotFoundError, match='holds no corpus'):
    corpus_lib.Corpus.open(tmp_path / 'nothing')
  path = tmp_path / 'documents' / 'body_ids.bin'
  path.write_bytes(path.read_bytes()[:-2])
  with pytest.raises(ValueError, match='body_ids.bin.*not whole'):
    corpus_lib.Corpus.open(tmp_path / 'documents')


def test_no_text_at_all(tmp_path):
  path = small_world.write_records(
    tmp_path / 'b.tfrecord.gz',
    [small_world.block_records.encode_block(b'', b'', [], [])] * 2,
  )
  store = corpus_lib.write_documents(
    path,
    tmp_path / 'store',
    vocab_size=10,
    vocab_fingerprint='x',
    progress=False,
  )
  assert store.gather([0, -1, 1])[0].to_list() == [[], [], []]
  assert store.titles([0]) == ['']
  assert (
    json.loads((tmp_path / 'store' / 'metadata.json').read_text())[
      'num_documents'
    ]
    == 2
  )


def test_a_tokenizer_of_another_vocabulary(tmp_path, store):
  its = small_world.tokenizer()
  opened = corpus_lib.Corpus.open(store.directory, tokenizer=its)
  assert opened.tokenizer is its
  with pytest.raises(ValueError, match='without its vocabulary'):
    store.tokenizer  # noqa: B018
  other = BertTokenizer([*its.vocab, 'more'])
  with pytest.raises(ValueError, match='`vocab_file`'):
    corpus_lib.Corpus.open(store.directory, tokenizer=other)
