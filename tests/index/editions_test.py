# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import dataclasses
import os
import pathlib

import numpy as np
import pytest

from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.corpus.document import CorpusError
from realm_tf.index import editions, searcher, versions
from realm_tf.index.index import Index
from realm_tf.io import atomic
from tests.support import clustered, damage, small_world

BLOCKS = [('Paris', 'old Paris'), ('', 'a river'), ('Lima', 'a city of Peru')]


@pytest.fixture(scope='module')
def store(tmp_path_factory):
  return small_world.store(tmp_path_factory.mktemp('store'), BLOCKS)


def edition(documents, **metadata):
  """One that was not saved: it has no corpus fingerprint."""
  config = SearcherConfig(searcher='exact')
  embeddings = clustered.vectors(1, len(documents), 4)
  of_all = {
    'step': 3,
    'num_documents': len(documents),
    'dim': 4,
    'kind': 'exact',
    'corpus_fingerprint': '',
    'vocab_fingerprint': documents.vocab_fingerprint,
    'embedder_fingerprint': 'e',
    'searcher': config,
    'built_at': 1.0,
    'rows_added': 2,
  }
  index = Index(
    'nowhere',
    searcher.build_searcher(embeddings, config),
    versions.IndexMetadata(**{**of_all, **metadata}),
    embeddings,
  )
  return editions.Edition(documents, index)


def write(its, directory, **kwargs):
  settings = {'updated': {}, **kwargs.pop('settings', {})}
  return editions.write_edition(
    its, directory, embedder_dir=None, settings=settings, **kwargs
  )


def test_corpus_and_index_belong_together_on_the_disk(tmp_path, store):
  its = edition(store.select([2, 0]))
  path = write(
    its, tmp_path / 'out', settings={'lower_case': True}, counts={'read': 5}
  )
  assert path == str(tmp_path / 'out/index/3')
  saved = Corpus.open(tmp_path / 'out/corpus/documents')
  assert saved.titles([0, 1]) == ['Lima', 'Paris']
  index = Index.open(path, saved)
  np.testing.assert_array_equal(index.embeddings, its.index.embeddings)
  assert index.metadata == dataclasses.replace(
    its.index.metadata,
    corpus_fingerprint=saved.fingerprint,
    crc32=index.metadata.crc32,
  )
  both = editions.Edition(saved, index)
  both.verify()
  for name in ('corpus/documents/body_text.bin', 'index/3/embeddings.npy'):
    with damage.flipped(tmp_path / 'out' / name):
      with pytest.raises(ValueError, match=name):
        both.verify()
  index.close()
  manifest = atomic.read_json(tmp_path / 'out/corpus/manifest.json')
  assert manifest['settings'] == {
    'input': [],
    'updated': {},
    'lower_case': True,
  }
  assert manifest['counts'] == {'read': 5, 'blocks': 2}
  # The edition in memory goes on as it was.
  assert its.index.metadata.corpus_fingerprint == ''
  assert its.index.searcher.search(its.index.embeddings, 1)[0].shape == (2, 1)


def test_one_that_fails_leaves_the_one_that_is_there(tmp_path, store):
  write(edition(store), tmp_path / 'out')
  # Found out when the corpus is written and the index is not.
  broken = edition(store.select([1]), num_documents=2)
  for name in ('out', 'new'):
    with pytest.raises(ValueError, match='different shapes'):
      write(broken, tmp_path / name)
  assert os.listdir(tmp_path) == ['out']
  assert len(Corpus.open(tmp_path / 'out/corpus/documents')) == 3
  index = Index.open(tmp_path / 'out/index/3')
  index.close()


def test_an_edition_is_replaced_as_a_whole(tmp_path, store):
  out = tmp_path / 'out'
  editions.check_output_dir(out, [])
  out.mkdir()
  editions.check_output_dir(out, [])
  write(edition(store), out)
  editions.check_output_dir(out, [])
  fewer = store.select([1])
  write(edition(fewer, step=12), out)
  editions.check_output_dir(out, [])
  assert os.listdir(out / 'index') == ['12']
  assert len(Corpus.open(out / 'corpus/documents')) == 1


@pytest.mark.parametrize(
  ('path', 'text'),
  [
    ('notes.txt', ''),
    ('corpus/notes.txt', ''),
    ('corpus/spans/manifest.json', '{}'),
    ('index/notes.txt', ''),
    ('index/3a/metadata.json', '{}'),
    ('corpus/manifest.json', None),
    ('corpus/manifest.json', '{"settings": '),
    ('corpus/manifest.json', '{"settings": {"input": []}}'),
    ('corpus/manifest.json', '{"counts": {}}'),
    ('corpus/manifest.json', '["settings"]'),
  ],
)
def test_anything_else_is_not_replaced(tmp_path, store, path, text):
  write(edition(store), tmp_path / 'out')
  changed = tmp_path / 'out' / path
  changed.parent.mkdir(exist_ok=True)
  changed.unlink(missing_ok=True)
  if text is not None:
    changed.write_text(text)
  with pytest.raises(CorpusError, match='out holds something else'):
    editions.check_output_dir(tmp_path / 'out', [])


def test_files_and_halves_are_not_replaced(tmp_path):
  (tmp_path / 'file').touch()
  with pytest.raises(CorpusError, match='file is a file'):
    editions.check_output_dir(tmp_path / 'file', [])
  for names in (['corpus'], ['index'], ['corpus', 'index']):
    half = tmp_path / '-'.join(names)
    half.mkdir()
    for name in names:
      (half / name).touch()
    with pytest.raises(CorpusError, match='holds something else'):
      editions.check_output_dir(half, [])


def test_what_is_read_is_not_written_into(tmp_path, monkeypatch):
  (tmp_path / 'a' / 'corpus').mkdir(parents=True)
  (tmp_path / 'link').symlink_to(tmp_path / 'a')
  monkeypatch.chdir(tmp_path / 'a')
  given = ['/elsewhere/corpus', pathlib.Path('corpus')]
  for output in ('.', 'corpus', 'corpus/new', '../link/corpus', '..'):
    with pytest.raises(CorpusError, match='and corpus, which stays as it is'):
      editions.check_output_dir(output, given)
  # A name that only begins alike.
  editions.check_output_dir('corpus2', given)
  editions.check_output_dir('../b/corpus', given)
