# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import hashlib

import numpy as np
import pytest

from realm_tf.corpus import block_records, corpus_writer
from realm_tf.corpus.corpus import Corpus
from realm_tf.corpus.documents_view import DocumentsView
from realm_tf.io import atomic
from tests.support import small_world

_BLOCKS = [
  ('Paris', 'Paris is the capital of France.'),
  ('', 'the Thames flows through London'),
  ('Lima', 'Lima — a city of Peru — é!'),
]
_ROWS = [2, 0, 2, 1, 1, 0, 2]


@pytest.fixture
def view(tmp_path):
  store = small_world.store(tmp_path / 'store', _BLOCKS)
  return DocumentsView.of(store).select(_ROWS)


def write(view, directory, **kwargs):
  corpus_writer.write_corpus(view, directory, **{'settings': {}, **kwargs})
  return atomic.read_json(directory / 'manifest.json')


def test_records_of_rows_in_any_order(view):
  found = corpus_writer.records(view, np.array([3, 0, -1, 0]))
  empty = block_records.encode_block(b'', b'', [], [])
  first, lima = (small_world.block(*_BLOCKS[i]) for i in (1, 2))
  assert found == [first, lima, empty, lima]
  assert corpus_writer.records(view, np.zeros(0, np.int64)) == []


@pytest.mark.parametrize(
  ('shard', 'chunk', 'sizes'),
  [(100, 2, [7]), (7, 7, [7]), (3, 2, [3, 3, 1]), (1, 5, [1] * 7)],
)
def test_shards_hold_all_records_once(
  tmp_path, view, monkeypatch, shard, chunk, sizes
):
  monkeypatch.setattr(corpus_writer, '_SHARD', shard)
  monkeypatch.setattr(corpus_writer, '_CHUNK', chunk)
  manifest = write(view, tmp_path / 'corpus')
  assert manifest['records_in_shards'] == sizes
  expected = [small_world.block(*_BLOCKS[r]) for r in _ROWS]
  assert manifest['counts'] == {'blocks': 7}
  assert manifest['fingerprint'] == (
    hashlib.sha256(b''.join(expected)).hexdigest()
  )
  found = []
  for name, size in zip(manifest['shards'], sizes):
    paths = [str(tmp_path / 'corpus' / name)]
    (batch,) = block_records.blocks_dataset(paths)
    found += batch['body'].numpy().tolist()
    assert len(batch['body']) == size
  assert found == [_BLOCKS[r][1].encode() for r in _ROWS]
  files = {p.name for p in (tmp_path / 'corpus').iterdir()}
  assert files == {'documents', 'manifest.json', *manifest['shards']}


def test_the_manifest_says_how_and_of_which_vocabulary(tmp_path, view):
  settings = {'lower_case': False, 'input': [], 'kind': 'mine'}
  counts = {'read': 9, 'blocks': 1000}
  manifest = write(view, tmp_path / 'a', settings=settings, counts=counts)
  assert manifest['settings'] == settings
  assert (manifest['kind'], manifest['lower_case']) == ('blocks', False)
  assert manifest['counts'] == {'read': 9, 'blocks': 7}
  tokenizer = small_world.tokenizer()
  assert manifest['vocab_size'] == tokenizer.vocab_size
  assert manifest['vocab_fingerprint'] == tokenizer.fingerprint
  # Nobody knows.
  assert 'lower_case' not in write(view, tmp_path / 'b')


def test_a_corpus_of_nothing_has_no_shard(tmp_path, view):
  manifest = write(view.select([]), tmp_path / 'corpus')
  assert manifest['shards'] == manifest['records_in_shards'] == []
  assert manifest['counts'] == {'blocks': 0}
  assert len(Corpus.open(tmp_path / 'corpus' / 'documents')) == 0


def test_a_corpus_that_is_there_is_not_written_over(tmp_path, view):
  manifest = write(view, tmp_path / 'corpus')
  with pytest.raises(FileExistsError):
    write(view.select([0]), tmp_path / 'corpus')
  assert atomic.read_json(tmp_path / 'corpus' / 'manifest.json') == manifest
  assert len(Corpus.open(tmp_path / 'corpus' / 'documents')) == 7
