# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import dataclasses
import json
import shutil

import numpy as np
import pytest

from realm_tf.bert import weights as weights_lib
from realm_tf.configs.refresh_schedule import RefreshSchedule
from realm_tf.hub import hub_modules, span_reader_module
from realm_tf.index import build_index, versions
from realm_tf.index.index import Index
from realm_tf.io import compatibility
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.span_reader import SpanReader
from realm_tf.tasks import starts
from realm_tf.text.tokenizer import BertTokenizer
from tests.support import small_qa, small_realm, small_world

SIZES = {
  'vocab_size': 10,
  'hidden_size': 8,
  'num_hidden_layers': 1,
  'num_attention_heads': 2,
  'max_position_embeddings': 16,
}
VOCAB = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'a', 'b']


@pytest.fixture(scope='module')
def realm(tmp_path_factory):
  return small_realm.make(tmp_path_factory.mktemp('realm'))


@pytest.fixture(scope='module')
def qa(tmp_path_factory):
  return small_qa.make(tmp_path_factory.mktemp('qa'), 'exact')


@pytest.fixture(scope='module')
def index(realm):
  loaded = Index.open(realm.index_path)
  yield loaded
  loaded.close()


@pytest.fixture
def files(tmp_path):
  """A configuration and a function that writes a vocabulary."""

  def write_vocab(vocab=VOCAB):
    path = tmp_path / 'words.txt'
    path.write_text('\n'.join(vocab) + '\n')
    return str(path)

  path = tmp_path / 'bert_config.json'
  path.write_text(json.dumps(SIZES))
  return str(path), write_vocab


def find_reader(**fields):
  given = {
    'bert': None,
    'span_reader': None,
    'max_span_width': 10,
    'span_hidden_size': 256,
    'dropout': None,
    'seed': 0,
  }
  return starts.find_reader(**{**given, **fields})


def test_config_and_vocabulary(files):
  config, write_vocab = files
  bert, tokenizer = starts.load_bert(
    config, vocab_file=write_vocab(), lower_case=False
  )
  assert bert.config.hidden_size == 8
  assert (tokenizer.vocab_size, tokenizer.lower_case) == (7, False)


def test_dropout_is_replaced(files):
  config, write_vocab = files
  rates = []
  for dropout in (None, 0.0, 0.25):
    bert, _ = starts.load_bert(
      config, vocab_file=write_vocab(), dropout=dropout
    )
    rates += [bert.config.dropout, bert.config.attention_dropout]
  assert rates == [0.1, 0.1, 0.0, 0.0, 0.25, 0.25]


def test_a_vocabulary_is_needed_and_must_fit(files):
  config, write_vocab = files
  with pytest.raises(ValueError, match='give `vocab_file`'):
    starts.load_bert(config)
  with pytest.raises(ValueError, match='has 13 wordpieces, .* for 10'):
    starts.load_bert(config, vocab_file=write_vocab([*VOCAB, *'cdefgh']))


@pytest.mark.parametrize(
  ('query', 'candidate', 'joint', 'longest'),
  [(17, 4, False, 17), (4, 17, False, 17), (8, 10, True, 18)],
)
def test_more_wordpieces_than_positions(
  files, query, candidate, joint, longest
):
  bert, _ = starts.load_bert(files[0], vocab_file=files[1]())
  lengths = {'query_seq_len': query, 'candidate_seq_len': candidate}
  with pytest.raises(
    ValueError,
    match=f'`query_seq_len` is {query}, .*: {longest} wordpieces.* 16 pos',
  ):
    compatibility.check_lengths(
      'this BERT', bert.config.max_positions, joint, **lengths
    )
  shorter = {name: length - 1 for name, length in lengths.items()}
  compatibility.check_lengths(
    'this BERT', bert.config.max_positions, joint, **shorter
  )


def weights(reader):
  return [v.numpy() for v in reader.used_variables]


def test_an_earlier_reader_goes_on_with_all_its_weights(qa):
  start = find_reader(
    span_reader=str(qa.span_reader_dir), max_span_width=7, dropout=0.25
  )
  assert start.tokenizer.fingerprint == qa.tokenizer.fingerprint
  assert start.span_hidden_size == qa.reader.span_hidden_size
  reader = start.make()
  assert reader.max_span_width == 7 != qa.reader.max_span_width
  assert reader.bert_config == start.bert_config
  assert reader.bert_config.dropout == 0.25
  assert len(weights(reader)) == len(weights(qa.reader))
  for mine, its in zip(weights(reader), weights(qa.reader)):
    np.testing.assert_array_equal(mine, its)


def test_a_bert_gets_a_new_mlp(realm):
  bert = str(realm.export_dir / 'bert')
  one, again, other = (
    find_reader(
      bert=bert, max_span_width=4, span_hidden_size=6, seed=seed
    ).make()
    for seed in (1, 1, 2)
  )
  assert (one.max_span_width, one.span_hidden_size) == (4, 6)
  np.testing.assert_array_equal(one.score.kernel, again.score.kernel)
  assert np.abs(one.score.kernel - other.score.kernel).max() > 0
  expected = weights_lib.load_bert(bert).encoder.get_embedding_table()
  for reader in (one, other):
    np.testing.assert_array_equal(
      reader.encoder.get_embedding_table(), expected
    )


def test_what_is_no_reader_is_named(qa, tmp_path):
  with pytest.raises(ValueError, match='embedder.*span_reader'):
    find_reader(span_reader=str(qa.embedder_dir))
  with pytest.raises(ValueError, match='nowhere is no TF Hub module'):
    find_reader(span_reader=str(tmp_path / 'nowhere'))


def find(realm, index, **fields):
  refreshed = fields.pop('refresh_schedule', None) is not None
  chosen = {'embedder': None, 'span_reader': None, **fields}
  return starts.find_query_embedder(
    **chosen, index=index, tokenizer=realm.tokenizer, refreshed=refreshed
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


def test_the_embedder_of_the_index_is_the_default(realm, index):
  assert find(realm, index) == index.embedder_dir


def test_what_made_the_index_fits_and_another_does_not(realm, index):
  stale, newer = realm.directory / 'stale', realm.export_dir / 'embedder'
  assert find(realm, index, embedder=str(stale)) == str(stale)
  made_by = build_index.fingerprint_embedder(stale)
  its = build_index.fingerprint_embedder(newer)
  with pytest.raises(compatibility.MismatchError, match=f'{made_by}.*{its}'):
    find(realm, index, embedder=str(newer))
  # It embeds the documents as well.
  schedule = RefreshSchedule((0,), (10,))
  found = find(realm, index, embedder=str(newer), refresh_schedule=schedule)
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
  embedder = tmp_path / 'embedder'
  hub_modules.export_embedder(realm.stale_embedder, other, embedder, 10)
  with pytest.raises(
    compatibility.MismatchError,
    match=f'{other.fingerprint}.*{realm.tokenizer.fingerprint}',
  ):
    find(realm, index, embedder=str(embedder))


def test_documents_stay_as_long_as_in_the_index(realm, tmp_path):
  embedder = str(realm.export_dir / 'embedder')
  metadata = versions.IndexMetadata.from_json(
    f'{realm.index_path}/metadata.json'
  )

  def length(asked=None, embedder=embedder, **changed):
    return starts.refreshed_embedding(
      embedder, asked, dataclasses.replace(metadata, **changed)
    ).candidate_seq_len

  assert length(max_length=33) == 33
  assert length(12, max_length=33) == 12
  with pytest.raises(ValueError, match='`candidate_seq_len` is 41.* 40 pos'):
    length(max_length=41)
  apart = str(tmp_path / 'embedder')
  hub_modules.export_embedder(
    Embedder(small_realm.CONFIG, 8, separate_towers=True),
    realm.tokenizer,
    apart,
    0,
  )
  with pytest.raises(ValueError, match='tower of its own'):
    length(embedder=apart, max_length=33)
