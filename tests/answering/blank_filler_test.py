# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Every number of a filling, computed again by hand, a row at a time."""

import dataclasses
import json
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.answering import blanks
from realm_tf.answering.blank_filler import BlankFiller
from realm_tf.configs.masking_config import FeaturizationConfig
from realm_tf.hub import hub_modules
from realm_tf.index.candidates import NULL_DOCUMENT
from realm_tf.index.index import Index
from realm_tf.io.compatibility import MismatchError
from realm_tf.text.tokenizer import BertTokenizer
from tests.support.small_realm import BLOCKS, CONFIG

LENGTHS = FeaturizationConfig(
  query_seq_len=16, candidate_seq_len=24, num_candidates=4
)
SENTENCES = [
  'The capital of France is [MASK] .',
  '[MASK] and the [MASK] flows !',
  'the old [MASK]',
]


@pytest.fixture(scope='module')
def filler(realm):
  return BlankFiller.open(
    realm.export_dir, realm.corpus_dir, realm.index_path, config=LENGTHS
  )


@pytest.fixture(scope='module')
def query_ids(realm):
  return blanks.tokenize_with_blanks(realm.tokenizer, SENTENCES)


@pytest.fixture(scope='module')
def filling(filler, query_ids):
  """With the whole vocabulary; more than that is not asked for."""
  return filler.fill(query_ids, top=10**6)


def inputs_of(first, second=None):
  """BERT's inputs of one row without padding, joined by hand."""
  ids = [2, *first, 3]
  types = [0] * len(ids)
  if second is not None:
    ids += [*second, 3]
    types += [1] * (len(second) + 1)
  return {
    'input_word_ids': tf.constant([ids]),
    'input_mask': tf.ones([1, len(ids)], tf.int32),
    'input_type_ids': tf.constant([types]),
  }


def softmax(x):
  x = np.exp(np.asarray(x, np.float64) - np.max(x))
  return x / x.sum()


def pieces_of(realm, row):
  if row == NULL_DOCUMENT:
    return [], []
  return realm.tokenizer.tokenize(list(BLOCKS[row])).to_list()


def document_probs(realm, ids, rows):
  """p(z | x) by the fresh embedder."""
  query = realm.embedder.embed_queries(inputs_of(ids)).numpy()[0]
  documents = [
    realm.embedder.embed_documents(inputs_of(*pieces_of(realm, row)))
    for row in rows
  ]
  return softmax([query @ d.numpy()[0] for d in documents])


def word_probs(realm, ids, row):
  """p(y_j | z, x) of each blank, [blanks, vocab], by Model Garden's layers."""
  positions = [i + 1 for i, piece in enumerate(ids) if piece == 4]
  hidden = realm.reader.encoder(inputs_of(ids, pieces_of(realm, row)[1]))
  logits = realm.reader.mlm_head(
    hidden['sequence_output'], tf.constant([positions])
  )
  return np.stack([softmax(x) for x in logits.numpy()[0]])


def dense(ids, probs):
  """By wordpiece, [..., vocab]."""
  out = np.full(ids.shape, np.nan)
  np.put_along_axis(out, ids, probs, -1)
  return out


def test_it_searches_the_index_with_the_embedder_of_the_index(
  realm, filling, query_ids
):
  documents = np.concatenate(
    [
      realm.stale_embedder.embed_documents(inputs_of(*pieces_of(realm, row)))
      for row in range(len(BLOCKS))
    ]
  )
  differs = False
  for i, ids in enumerate(query_ids.to_list()):
    query = realm.stale_embedder.embed_queries(inputs_of(ids)).numpy()[0]
    best = np.argsort(-(documents @ query))[:3]
    assert filling.rows[i].tolist() == [NULL_DOCUMENT, *best]
    fresh = document_probs(realm, ids, range(len(BLOCKS)))
    differs |= set(np.argsort(-fresh)[:3]) != set(best)
  assert differs, 'the fresh embedder would have found something else'


def test_documents_are_weighed_by_the_fresh_embedder(realm, filling, query_ids):
  for i, ids in enumerate(query_ids.to_list()):
    expected = document_probs(realm, ids, filling.rows[i])
    np.testing.assert_allclose(filling.candidate_probs[i], expected, atol=1e-5)


def test_words_by_document_and_without_any(realm, filling, query_ids):
  vocab = realm.tokenizer.vocab_size
  assert filling.lengths.tolist() == [1, 2, 1]
  assert filling.document_ids.shape == (3, 4, 2, vocab)
  found = dense(filling.document_ids, filling.document_probs)
  closed = dense(filling.closed_book_ids, filling.closed_book_probs)
  for i, ids in enumerate(query_ids.to_list()):
    blanks = filling.lengths[i]
    for j, row in enumerate(filling.rows[i]):
      expected = word_probs(realm, ids, row)
      assert expected.shape == (blanks, vocab)
      np.testing.assert_allclose(found[i, j, :blanks], expected, atol=1e-5)
    # To read nothing is to read the null document.
    expected = word_probs(realm, ids, NULL_DOCUMENT)
    np.testing.assert_allclose(closed[i, :blanks], expected, atol=1e-5)
    other = word_probs(realm, ids, filling.rows[i, 1])
    assert np.abs(other - expected).max() > 1e-3


def test_the_marginal_is_the_sum_over_documents(filling):
  by_document = dense(filling.document_ids, filling.document_probs)
  found = dense(filling.ids, filling.probs)
  for i, count in enumerate(filling.lengths):
    expected = sum(
      p * words
      for p, words in zip(filling.candidate_probs[i], by_document[i, :, :count])
    )
    np.testing.assert_allclose(found[i, :count], expected, atol=1e-6)
    np.testing.assert_allclose(found[i, :count].sum(-1), 1, atol=1e-5)
    assert (np.diff(filling.probs[i, :count]) <= 0).all(), 'likeliest first'


def test_a_sentence_alone_is_filled_as_in_company(filler, filling, query_ids):
  for i in range(len(SENTENCES)):
    alone = filler.fill(query_ids[i : i + 1], top=3)
    assert alone.rows[0].tolist() == filling.rows[i].tolist()
    blanks = filling.lengths[i]
    np.testing.assert_allclose(
      alone.probs[0], filling.probs[i, :blanks, :3], atol=1e-5
    )
    assert alone.ids[0].tolist() == filling.ids[i, :blanks, :3].tolist()


def test_a_corpus_of_few_documents_has_one_null_document(realm, query_ids):
  filler = BlankFiller.open(
    realm.export_dir,
    realm.corpus_dir,
    realm.index_path,
    config=dataclasses.replace(LENGTHS, num_candidates=12),
  )
  filling = filler.fill(query_ids[:1], top=2)
  assert sorted(filling.rows[0]) == [NULL_DOCUMENT, *range(len(BLOCKS))]
  expected = document_probs(realm, query_ids[0].numpy(), filling.rows[0])
  np.testing.assert_allclose(filling.candidate_probs[0], expected, atol=1e-5)


def test_no_more_is_read_than_the_models_have_positions_for(realm):
  """By default 96 and 288 wordpieces; these models have 40 positions."""
  filler = BlankFiller.open(
    realm.export_dir, realm.corpus_dir, realm.index_path
  )
  words = ['the', 'a', 'of', 'is', 'in'] * 20
  text = ' '.join(['[MASK]', *words])
  ids = blanks.tokenize_with_blanks(realm.tokenizer, [text])
  filling = filler.fill(ids, top=realm.tokenizer.vocab_size)
  read = ids[0].numpy()[:35]
  # 37 positions for the sentence leave 2 wordpieces of the document.
  row = filling.rows[0, 1]
  hidden = realm.reader.encoder(inputs_of(read, pieces_of(realm, row)[1][:2]))[
    'sequence_output'
  ]
  assert hidden.shape[1] == CONFIG.max_positions
  logits = realm.reader.mlm_head(hidden, tf.constant([[1]])).numpy()[0, 0]
  found = dense(filling.document_ids, filling.document_probs)[0, 1, 0]
  np.testing.assert_allclose(found, softmax(logits), atol=1e-5)


def test_retrieve_gives_scores_of_the_index(realm, filler, query_ids):
  rows, scores = filler.retrieve(query_ids, 5)
  assert rows.shape == scores.shape == (3, 5)
  assert (np.diff(scores) <= 0).all()
  query = realm.stale_embedder.embed_queries(inputs_of(query_ids[2].numpy()))
  document = realm.stale_embedder.embed_documents(
    inputs_of(*pieces_of(realm, rows[2, 4]))
  )
  np.testing.assert_allclose(
    scores[2, 4], np.vdot(query, document), rtol=1e-4, atol=1e-5
  )
  everything, _ = filler.retrieve(query_ids, 100)
  assert everything.shape == (3, len(BLOCKS))


@pytest.mark.parametrize('text', ['no blank', 'the ' * 14 + '[MASK]'])
def test_a_sentence_needs_a_blank_where_it_is_read(realm, filler, text):
  ids = blanks.tokenize_with_blanks(realm.tokenizer, ['[MASK]', text])
  with pytest.raises(ValueError, match='needs a .MASK. within its first 14'):
    filler.fill(ids)


def test_the_index_is_closed_with_the_filler_and_after_an_error(realm):
  def index_of():
    return Index.open(realm.index_path, realm.corpus_dir)

  index = index_of()
  filler = BlankFiller.open(realm.export_dir, realm.corpus_dir, index)
  assert len(index.embeddings) == len(BLOCKS)
  filler.close()
  assert not len(index.embeddings)
  index = index_of()
  with pytest.raises(ValueError, match='num_candidates'):
    BlankFiller.open(
      realm.export_dir, realm.corpus_dir, index, num_documents=-1
    )
  assert not len(index.embeddings)


@pytest.mark.parametrize('part', ['corpus', 'vocab'])
def test_an_index_of_something_else(realm, tmp_path, part):
  path = tmp_path / '10'
  shutil.copytree(realm.index_path, path)
  metadata = json.loads((path / 'metadata.json').read_text())
  right = metadata[f'{part}_fingerprint']
  metadata[f'{part}_fingerprint'] = 'feedbeef'
  (path / 'metadata.json').write_text(json.dumps(metadata))
  with pytest.raises(MismatchError) as error:
    BlankFiller.open(realm.export_dir, realm.corpus_dir, path)
  for word in (str(path), 'feedbeef', right, 'build'):
    assert word in str(error.value)


def test_embedder_and_reader_of_two_vocabularies(realm, tmp_path):
  other = BertTokenizer(realm.tokenizer.vocab, lower_case=False)
  os.symlink(realm.export_dir / 'embedder', tmp_path / 'embedder')
  reader = realm.reader
  hub_modules.export_bert(
    CONFIG, reader.encoder, reader.mlm_head, other, tmp_path / 'bert', 1
  )
  with pytest.raises(ValueError) as error:
    BlankFiller.open(tmp_path, realm.corpus_dir, realm.index_path)
  for word in (other.fingerprint, realm.tokenizer.fingerprint, 'bert'):
    assert word in str(error.value)


def test_documents_of_another_vocabulary(realm):
  other = BertTokenizer(realm.tokenizer.vocab, lower_case=False)
  with pytest.raises(ValueError) as error:
    BlankFiller(realm.embedder, realm.reader, other, realm.documents, None)
  for word in (
    realm.documents.directory,
    other.fingerprint,
    realm.tokenizer.fingerprint,
    'build_corpus',
  ):
    assert word in str(error.value)
