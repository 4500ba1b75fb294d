# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import dataclasses
import json

import bm25s
import numpy as np
import pytest
import Stemmer
import tensorflow as tf

from realm_tf.index import lexical
from realm_tf.index.lexical import LexicalIndex
from realm_tf.io import atomic, checksums
from tests.support import small_world
from tests.support.tiny_world import ROOT

K = 20
TEXTS = [
  ('Peru', 'The capital of Peru is Lima. Rivers flow through Peru.'),
  ('Ülm', 'Größere Flüsse, naïve_word x y z 東京タワー 42 4.2'),
  ('', '?!'),
  ('River', 'A river flows; rivers flowed, a flowing river.'),
]


@pytest.fixture(scope='module')
def documents(tmp_path_factory):
  lines = (ROOT / 'testdata/knowledge.jsonl').read_text().splitlines()
  texts = [(x['title'], x['text']) for x in map(json.loads, lines)]
  return small_world.store(tmp_path_factory.mktemp('corpus'), texts)


@pytest.fixture(scope='module')
def questions():
  lines = (ROOT / 'testdata/qa/dev.jsonl').read_text().splitlines()[:200]
  asked = [json.loads(line)['question'] for line in lines]
  return [*asked, 'Books books BOOKS about mammals?', 'zzzz the', '']


@pytest.fixture(scope='module')
def index(documents):
  return LexicalIndex.build(documents)


def _reference(documents):
  """bm25s over titles and bodies."""
  rows = range(len(documents))
  texts = map(' '.join, zip(documents.titles(rows), documents.bodies(rows)))
  stemmer = Stemmer.Stemmer('english')
  tokens = bm25s.tokenize([*texts], stemmer=stemmer, show_progress=False)
  model = bm25s.BM25()
  model.index(tokens, show_progress=False)

  def scores(question):
    (words,) = bm25s.tokenize(
      [question], stemmer=stemmer, return_ids=False, show_progress=False
    )
    if not words:
      return np.zeros(len(documents), np.float32)
    return model.get_scores(words)

  return scores


def _check(found, questions, scores_of):
  for question, rows, scores in zip(questions, *map(np.asarray, found)):
    expected = scores_of(question)
    order = np.argsort(-expected, kind='stable')[:K]
    np.testing.assert_array_equal(rows, order, question)
    np.testing.assert_array_equal(scores, expected[order], question)


def test_same_documents_and_scores_as_bm25s(documents, questions, index):
  scores_of = _reference(documents)
  _check(index.search(questions, K), questions, scores_of)
  rng = np.random.default_rng(0)
  rows = rng.integers(-1, len(documents), (len(questions), 50))
  rows[:, :2] = -1, len(documents) - 1
  found = index.score(questions, rows).numpy()
  for question, its, scores in zip(questions, rows, found):
    expected = np.where(its < 0, 0, scores_of(question)[its])
    np.testing.assert_array_equal(scores, expected)
  assert (found > 0).sum() > 100


def test_words_are_those_of_bm25s(tmp_path):
  documents = small_world.store(tmp_path, TEXTS)
  index = LexicalIndex.build(documents)
  scores_of = _reference(documents)
  questions = [
    'RIVER rivers, river!',  # Each counts.
    'größere FLÜSSE?',
    'ÜLM: naïve_word',
    'naïve x 4 東京タワー',
    b'\xff\xfe 42'.decode('utf-8', 'replace'),
    'the of x',  # Stop words and single letters.
    'flows flowed flow flowing',
    "peru's capitals",  # In no document; their stems are.
  ]
  found = index.score(questions, np.tile(np.arange(4), (len(questions), 1)))
  np.testing.assert_array_equal(found, [*map(scores_of, questions)])
  assert (found.numpy().any(1) == [1, 1, 1, 1, 1, 0, 1, 1]).all()
  rows, scores = index.search(['?'], 10)
  assert rows.numpy().tolist() == [[0, 1, 2, 3]] and not scores.numpy().any()
  rows, scores = index.search(tf.zeros([0], tf.string), 3)
  assert rows.shape[0] == scores.shape[0] == 0


def test_corpus_without_words(tmp_path):
  index = LexicalIndex.build(small_world.store(tmp_path, [('?', '!')] * 2))
  rows, scores = index.search(['word'], 5)
  assert rows.numpy().tolist() == [[0, 1]] and not scores.numpy().any()
  assert index.score(['word'], [[1, 0, -1]]).numpy().tolist() == [[0, 0, 0]]


def test_published_once_and_mapped(tmp_path, documents, questions, index):
  path = lexical.publish(documents, tmp_path)
  assert path == tmp_path / 'lexical' / documents.fingerprint
  written = {p.name: p.stat().st_mtime_ns for p in path.iterdir()}
  assert lexical.publish(documents, tmp_path) == path
  assert written == {p.name: p.stat().st_mtime_ns for p in path.iterdir()}
  (tmp_path / '7').mkdir()
  expected = index.search(questions, K)
  for where in (tmp_path, tmp_path / '7'):
    for fingerprint in (None, documents.fingerprint):
      opened = LexicalIndex.open(where, fingerprint)
      times = {'built_at': 0, 'build_seconds': 0}
      assert dataclasses.replace(
        opened.metadata, **times
      ) == dataclasses.replace(index.metadata, **times)
      for mine, its in zip(expected, opened.search(questions, K)):
        np.testing.assert_array_equal(mine, its)
  facts = atomic.read_json(path / 'metadata.json')
  assert checksums.verify(path, facts['crc32']) == 5
  # Not copied.
  rows = np.lib.format.open_memmap(path / 'rows.npy', 'r+')
  rows[:] = 5
  rows.flush()
  assert opened.search(questions[:1], 1)[0].numpy() == 5


def test_in_a_saved_model(tmp_path, questions, index):
  module = index.as_variables()
  texts = tf.TensorSpec([None], tf.string)
  module.find = tf.function(
    lambda questions, k: module.search(questions, k),
    input_signature=[texts, tf.TensorSpec([], tf.int32)],
    autograph=False,
  )
  module.rate = tf.function(
    lambda questions, rows: module.score(questions, rows),
    input_signature=[texts, tf.TensorSpec([None, None], tf.int32)],
    autograph=False,
  )
  tf.saved_model.save(module, str(tmp_path))
  loaded = tf.saved_model.load(str(tmp_path))
  rows, scores = index.search(questions, K)
  its_rows, its_scores = loaded.find(tf.constant(questions), K)
  np.testing.assert_array_equal(rows, its_rows)
  np.testing.assert_array_equal(scores, its_scores)
  again = loaded.rate(tf.constant(questions), rows)
  np.testing.assert_array_equal(scores, again)


def test_what_cannot_be_opened(tmp_path, documents):
  with pytest.raises(FileNotFoundError, match='`retrieval` lexical or hybrid'):
    LexicalIndex.open(tmp_path)
  path = lexical.publish(documents, tmp_path)
  with pytest.raises(FileNotFoundError, match='of this corpus in'):
    LexicalIndex.open(tmp_path, 'other')
  np.save(path / 'rows.npy', np.zeros(3, np.int32))
  with pytest.raises(ValueError, match='the lengths that its metadata say'):
    LexicalIndex.open(tmp_path)
  (path / 'rows.npy').write_bytes(b'')
  with pytest.raises(ValueError, match=r'build it again \(build_index\)'):
    LexicalIndex.open(tmp_path)
  (path / 'metadata.json').write_text('{"version": 9}')
  with pytest.raises(ValueError, match='not a lexical index of version 1'):
    LexicalIndex.open(tmp_path)
