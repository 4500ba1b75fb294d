# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from benchmarks import indexes
from realm_tf.configs.retrieval_config import RetrievalConfig
from realm_tf.index import lexical, versions
from realm_tf.index.index import Index
from realm_tf.index.lexical import LexicalIndex
from tests.support import clustered, small_world
from tests.support.tiny_world import ROOT

DIM, K = 16, 7
WEIGHTS = {'dense_weight': 2.0, 'lexical_weight': 0.7}


@pytest.fixture(scope='module')
def documents(tmp_path_factory):
  lines = (ROOT / 'testdata/knowledge.jsonl').read_text().splitlines()[:900]
  texts = [(x['title'], x['text']) for x in map(json.loads, lines)]
  return small_world.store(tmp_path_factory.mktemp('corpus'), texts)


@pytest.fixture(scope='module')
def questions(documents):
  titles = documents.titles(range(0, 900, 60))
  return [f'What is the {title}?' for title in titles] + ['the']


@pytest.fixture(scope='module')
def words(documents):
  return LexicalIndex.build(documents)


def _open(documents, words, **retrieval):
  index = indexes.random_index(documents, 'exact', DIM)
  index.lexical, index.retrieval = words, RetrievalConfig(**retrieval)
  return index


def _all_scores(index, questions, queries):
  """Inner products and BM25 of all documents."""
  rows = np.tile(np.arange(len(index.embeddings)), [len(questions), 1])
  return queries @ index.embeddings.T, index.lexical.score(
    questions, rows
  ).numpy()


def _best(scores, k):
  rows = np.argsort(-scores, 1, kind='stable')[:, :k]
  return rows, np.take_along_axis(scores, rows, 1)


def test_hybrid_is_the_weighted_sum(documents, questions, words):
  index = _open(documents, words, retrieval='hybrid', **WEIGHTS)
  assert not index.is_exact
  queries = clustered.vectors(1, len(questions), DIM)
  products, bm25 = _all_scores(index, questions, queries)
  # All documents are candidates.
  everything = index.find(tf.constant(questions), lambda: queries, 900)
  rows, scores = map(np.asarray, everything)
  assert (np.sort(rows) == np.arange(900)).all()
  expected = 2 * products + np.float32(0.7) * bm25
  np.testing.assert_allclose(
    scores, np.take_along_axis(expected, rows, 1), rtol=1e-4, atol=1e-4
  )
  assert (np.diff(scores) <= 0).all()
  # The candidates are the best 100 of each.
  wanted = np.zeros_like(expected, bool)
  for side in (products, bm25):
    np.put_along_axis(wanted, _best(side, 100)[0], True, 1)
  for weights in (None, (2.0, 0.7), (tf.constant(0.01), tf.constant(3.0))):
    s, w = weights or (2.0, 0.7)
    sums = float(s) * products + np.float32(w) * bm25
    best, of_best = _best(np.where(wanted, sums, -np.inf), K)
    rows, scores = index.find(
      tf.constant(questions), lambda: queries, K, weights=weights
    )
    np.testing.assert_array_equal(rows, best)
    np.testing.assert_allclose(scores, of_best, rtol=1e-4, atol=1e-4)


def test_rank_fusion(documents, questions, words):
  index = _open(documents, words, retrieval='rank_fusion')
  queries = clustered.vectors(2, len(questions), DIM)
  products, bm25 = _all_scores(index, questions, queries)
  expected = np.zeros(products.shape)
  for side in (products, bm25):
    order = _best(side, 100)[0]
    for line, rows in zip(expected, order):
      line[rows] += 1 / (61 + np.arange(100))
  rows, scores = index.find(tf.constant(questions), lambda: queries, K)
  np.testing.assert_allclose(scores, _best(expected, K)[1], rtol=1e-5)
  np.testing.assert_allclose(
    np.take_along_axis(expected, rows.numpy().astype(int), 1),
    scores,
    rtol=1e-5,
  )


def test_lexical_embeds_nothing(documents, questions, words):
  index = _open(documents, words, retrieval='lexical', lexical_weight=0.5)
  assert index.is_exact

  def fail():
    raise AssertionError

  rows, scores = index.find(tf.constant(questions), fail, K)
  expected, bm25 = words.search(questions, K)
  np.testing.assert_array_equal(rows, expected)
  np.testing.assert_allclose(scores, 0.5 * bm25)
  rows, scores = index.search(questions, K)
  np.testing.assert_array_equal(rows, expected)
  assert rows.dtype == np.int64


def test_the_sum_needs_a_weight(documents, questions, words):
  index = _open(documents, words, retrieval='hybrid')
  with pytest.raises(ValueError, match='needs a `lexical_weight`: fit it'):
    index.find(tf.constant(questions), lambda: np.zeros([16, DIM]), K)


def test_what_is_opened(tmp_path, documents, questions):
  lexical.publish(documents, tmp_path)
  alone = Index.open(tmp_path, documents)
  assert alone.retrieval.retrieval == alone.metadata.kind == 'lexical'
  rows, _ = alone.search(questions, 3)
  assert rows.shape == (16, 3)
  for kind in ('dense', 'hybrid'):
    with pytest.raises(FileNotFoundError, match='there is no index in'):
      Index.open(tmp_path, documents, retrieval=RetrievalConfig(retrieval=kind))
  with pytest.raises(ValueError, match='no vectors: `retrieval` must be lexic'):
    alone.searcher.search(np.zeros([1, 0], np.float32), 2)
  built = indexes.random_index(documents, 'exact', DIM)
  path = versions.publish_index(
    tmp_path, 0, built.embeddings, built.searcher, built.metadata
  )
  both = Index.open(path, documents)
  assert both.retrieval.retrieval == 'dense' and both.lexical is not None
  again = Index.open(
    tmp_path, documents, retrieval=RetrievalConfig(retrieval='lexical')
  )
  np.testing.assert_array_equal(again.search(questions, 3)[0], rows)
  # Of another corpus.
  other = dataclasses.replace(built.metadata, corpus_fingerprint='other')
  versions.publish_index(tmp_path, 0, built.embeddings, built.searcher, other)
  assert Index.open(path).lexical is None
  with pytest.raises(FileNotFoundError, match='no lexical index of this corp'):
    Index.open(path, retrieval=RetrievalConfig(retrieval='rank_fusion'))
