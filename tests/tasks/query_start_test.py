# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import shutil

import pytest

from realm_tf.hub import hub_modules, span_reader_module
from realm_tf.index import build_index, versions
from realm_tf.io import compatibility
from realm_tf.modeling.span_reader import SpanReader
from realm_tf.tasks import query_start
from realm_tf.text.tokenizer import BertTokenizer
from tests.support import small_realm, small_world


@pytest.fixture(scope='module')
def realm(tmp_path_factory):
  return small_realm.make(tmp_path_factory.mktemp('realm'))


@pytest.fixture(scope='module')
def index(realm):
  loaded = versions.Index.open(realm.index_path)
  yield loaded
  loaded.close()


def find(realm, index, **others):
  return query_start.find(
    index,
    **{
      'embedder': None,
      'span_reader': None,
      'vocab_fingerprint': realm.tokenizer.fingerprint,
      'refreshed': False,
      **others,
    },
  )


def finetuned(realm, directory, made_by):
  """What a fine-tuning on an index of `made_by` exports."""
  shutil.copytree(realm.export_dir / 'embedder', directory / 'embedder')
  span_reader_module.export_span_reader(
    SpanReader(small_realm.CONFIG, span_hidden_size=4),
    realm.tokenizer,
    directory / 'span_reader',
    30,
    query_seq_len=8,
    reader_seq_len=20,
    document_embedder_fingerprint=made_by,
  )
  return str(directory / 'embedder'), str(directory / 'span_reader')


def test_that_of_the_index_is_the_default(realm, index):
  assert find(realm, index) == index.embedder_dir


def test_what_made_the_index_fits_and_another_does_not(realm, index):
  stale, newer = realm.directory / 'stale', realm.export_dir / 'embedder'
  assert find(realm, index, embedder=str(stale)) == str(stale)
  made_by = build_index.fingerprint_embedder(stale)
  its = build_index.fingerprint_embedder(newer)
  with pytest.raises(compatibility.MismatchError, match=f'{made_by}.*{its}'):
    find(realm, index, embedder=str(newer))
  # Documents are embedded anew by it.
  found = find(realm, index, embedder=str(newer), refreshed=True)
  assert found == str(newer)


def test_what_was_tuned_on_the_index_fits(realm, index, tmp_path):
  made_by = build_index.fingerprint_embedder(realm.directory / 'stale')
  embedder, reader = finetuned(realm, tmp_path / 'here', made_by)
  assert find(realm, index, embedder=embedder) == embedder
  assert find(realm, index, span_reader=reader) == embedder
  embedder, reader = finetuned(realm, tmp_path / 'elsewhere', 'f00d')
  its = build_index.fingerprint_embedder(embedder)
  with pytest.raises(
    compatibility.MismatchError,
    match=f'{made_by}.*{its}.* on documents of f00d',
  ):
    find(realm, index, embedder=embedder)
  with pytest.raises(ValueError, match='span_reader.*embedder'):
    find(realm, index, embedder=reader)
  # The reader may go on with it; questions begin where documents are.
  assert find(realm, index, span_reader=reader) == index.embedder_dir


def test_another_vocabulary_is_refused(realm, index, tmp_path):
  pieces = list(small_world.tokenizer().vocab)
  pieces[-1], pieces[-2] = pieces[-2], pieces[-1]
  other = BertTokenizer(pieces)
  assert other.fingerprint != realm.tokenizer.fingerprint
  hub_modules.export_embedder(
    realm.stale_embedder, other, tmp_path / 'embedder', 10
  )
  with pytest.raises(
    compatibility.MismatchError,
    match=f'{other.fingerprint}.*{realm.tokenizer.fingerprint}',
  ):
    find(realm, index, embedder=str(tmp_path / 'embedder'))
