# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import threading
import types

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.configs.retrieval_config import RetrievalConfig
from realm_tf.index import candidates
from realm_tf.index.candidates import (
  CandidateFinder,
  IndexVersion,
  QueryEmbedders,
)
from realm_tf.index.slot import IndexSlot
from realm_tf.modeling.embedder import Embedder
from tests.modeling.encoding_test import CONFIG, make_inputs

DIM = 4
# Document 3 holds the sentence [8, 9] under another uid; 5 is the own one.
BODIES = [[1, 2], [3], [8, 4, 9], [7, 8, 9, 1], [9, 8], [8, 9], [2, 2], [6]]
UIDS = [100 + row for row in range(8)]


class FakeDocuments:
  def __init__(self, bodies=BODIES, uids=UIDS):
    self.bodies = bodies
    self.uids = np.array(uids, np.int64)

  def __len__(self):
    return len(self.bodies)

  def gather(self, rows):
    bodies = [self.bodies[row] if row >= 0 else [] for row in rows]
    ids = tf.ragged.constant(bodies, tf.int32)
    return ids[:, :0], ids


class FakeSearcher:
  """Returns rows in a fixed order of relevance."""

  def __init__(self, order):
    self.order = np.array(order)
    self.asked = []

  def search(self, queries, k):
    self.asked.append(k)
    rows = np.tile(self.order[:k], [len(queries), 1])
    return rows, -np.tile(np.arange(k, dtype=np.float32), [len(queries), 1])


class FakeIndex:
  def __init__(self, order, step=7):
    self.searcher = FakeSearcher(order)
    self.metadata = types.SimpleNamespace(step=step)
    self.closed = False
    self.retrieval = RetrievalConfig()

  def find(self, texts, queries, k):
    return self.searcher.search(queries(), k)

  def close(self):
    self.closed = True


def make_masked(sentences, uids):
  return {
    'sentence_ids': tf.ragged.constant(sentences, tf.int32),
    'doc_uid': tf.constant(uids, tf.int64),
  }


def make_finder(order, documents=None, **options):
  documents = documents or FakeDocuments()
  index = FakeIndex(order)
  version = IndexVersion(
    index, lambda inputs: np.zeros([len(inputs['input_word_ids']), DIM])
  )
  return CandidateFinder(documents, IndexSlot(version), **options), index


QUERY = make_inputs([4, 3], 4)
MASKED = make_masked([[8, 9], [50]], [105, 999])


def test_null_first_own_document_dropped_order_kept():
  finder, _ = make_finder([5, 3, 4, 0, 1, 2, 6, 7], num_candidates=4)
  rows = finder.find(MASKED, QUERY)
  # The first query's own document is 5, by uid, and 3 holds its sentence.
  # Document 4 has its words in another order.
  np.testing.assert_array_equal(rows, [[-1, 4, 0, 1], [-1, 5, 3, 4]])
  assert rows.dtype == np.int64


def test_trivial_retrieval_by_uid_alone():
  finder, _ = make_finder(range(8), num_candidates=3)
  masked = make_masked([[49], [49]], [100, 101])  # Its text was edited.
  np.testing.assert_array_equal(
    finder.find(masked, QUERY), [[-1, 1, 2], [-1, 0, 2]]
  )


def test_trivial_retrieval_by_containment_alone():
  finder, _ = make_finder([3, 5, 4, 1], num_candidates=3)
  masked = make_masked([[8, 9], [9, 8]], [1, 1])
  np.testing.assert_array_equal(
    finder.find(masked, QUERY), [[-1, 4, 1], [-1, 3, 5]]
  )


@pytest.mark.parametrize('rule', ['uid', 'containment', 'null'])
def test_without_the_rule_other_candidates_would_come_out(rule, monkeypatch):
  """What these tests would see if the rule were not there."""
  finder, _ = make_finder([5, 3, 4, 0, 1, 2, 6, 7], num_candidates=4)
  expected = finder.find(MASKED, QUERY)
  if rule == 'null':
    monkeypatch.setattr(candidates, 'NULL_DOCUMENT', 6)
  else:
    masked = dict(MASKED)
    if rule == 'uid':
      masked['sentence_ids'] = tf.ragged.constant([[49], [49]], tf.int32)
    else:
      masked['doc_uid'] = tf.constant([1, 1], tf.int64)
    trivial = finder.is_trivial(masked, np.arange(8)[None].repeat(2, 0))
    # Each half of the rule alone finds what the other does not.
    assert trivial[0].tolist() == (
      [False] * 5 + [True] + [False] * 2
      if rule == 'uid'
      else [False] * 3 + [True, False, True] + [False] * 2
    )
    monkeypatch.setattr(
      CandidateFinder,
      'is_trivial',
      lambda self, m, rows: np.zeros(rows.shape, bool),
    )
  assert (finder.find(MASKED, QUERY) != expected).any()


def test_asks_for_more_where_many_are_trivial():
  bodies = [[8, 9]] * 20 + [[1], [2], [3]]
  documents = FakeDocuments(bodies, np.arange(23))
  finder, index = make_finder(range(23), documents, num_candidates=3)
  rows = finder.find(make_masked([[8, 9], [8, 9]], [-5, -5]), QUERY)
  np.testing.assert_array_equal(rows, [[-1, 20, 21]] * 2)
  assert index.searcher.asked == [4, 16, 23]


def test_a_small_corpus_is_filled_up_with_the_null_document():
  documents = FakeDocuments([[8, 9], [1], [2]], [1, 2, 3])
  finder, _ = make_finder([2, 0, 1], documents, num_candidates=6)
  rows = finder.find(make_masked([[8, 9], [5]], [-5, -5]), QUERY)
  np.testing.assert_array_equal(
    rows, [[-1, 2, 1, -1, -1, -1], [-1, 2, 0, 1, -1, -1]]
  )


def test_oversampling_gives_more():
  finder, _ = make_finder(
    [5, 3, 4, 0, 1, 2, 6, 7], num_candidates=3, oversample=5
  )
  np.testing.assert_array_equal(
    finder.find(MASKED, QUERY), [[-1, 4, 0, 1, 2], [-1, 5, 3, 4, 0]]
  )


def test_versions_have_embedders_of_their_own_and_take_turns():
  embedders = QueryEmbedders(lambda: Embedder(CONFIG, projection_size=DIM))

  def version(seed):
    def read(embedder):
      source = Embedder(CONFIG, projection_size=DIM, seed=seed)
      embedder.set_weights(source.get_weights())

    return embedders.version(FakeIndex(range(8), step=seed), read)

  def expected(seed):
    return Embedder(CONFIG, DIM, seed=seed).embed_queries(QUERY)

  first, second = version(1), version(2)
  assert first.metadata.step == 1
  # Each goes on giving its own embeddings while both are in use.
  np.testing.assert_allclose(first.embed_queries(QUERY), expected(1), atol=1e-5)
  np.testing.assert_allclose(
    second.embed_queries(QUERY), expected(2), atol=1e-5
  )
  first.close()
  assert first.index.closed
  third = version(3)
  assert embedders.made == 2
  np.testing.assert_allclose(third.embed_queries(QUERY), expected(3), atol=1e-5)
  np.testing.assert_allclose(
    second.embed_queries(QUERY), expected(2), atol=1e-5
  )

  def broken(embedder):
    raise OSError('half-written')

  third.close()
  with pytest.raises(OSError, match='half-written'):
    embedders.version(FakeIndex(range(8)), broken)
  version(4)
  assert embedders.made == 2


def test_fewer_oversampled_than_read():
  with pytest.raises(ValueError, match='oversample=3, num_candidates=8'):
    make_finder(range(8), oversample=3)


def test_a_batch_sees_one_version_though_the_slot_is_swapped():
  documents = FakeDocuments()
  entered, swapped = threading.Event(), threading.Event()

  def slow(inputs):
    entered.set()
    swapped.wait(10)
    return np.zeros([2, DIM])

  old, new = FakeIndex([0, 1, 2, 4, 6, 7]), FakeIndex([7, 6, 4, 2, 1, 0])
  slot = IndexSlot(IndexVersion(old, slow))
  finder = CandidateFinder(documents, slot, num_candidates=3)
  found = []
  thread = threading.Thread(
    target=lambda: found.append(finder.find(MASKED, QUERY))
  )
  thread.start()
  assert entered.wait(60)
  slot.swap(IndexVersion(new, lambda inputs: np.zeros([2, DIM])))
  assert not old.closed
  swapped.set()
  thread.join()
  np.testing.assert_array_equal(found[0], [[-1, 0, 1], [-1, 0, 1]])
  assert old.closed and not new.closed
  np.testing.assert_array_equal(
    finder.find(MASKED, QUERY), [[-1, 7, 6], [-1, 7, 6]]
  )


class FlatSearcher:
  """The same order for all; counts how many queries ask for how many."""

  def __init__(self):
    self.asked = []

  def search(self, queries, k):
    self.asked.append((len(queries), k))
    rows = np.tile(np.arange(k), [len(queries), 1])
    return rows, np.zeros(rows.shape, np.float32)


def test_only_short_rows_ask_again_and_not_without_end():
  documents = FakeDocuments([[8, 9]] * 5000, np.arange(5000))
  finder, index = make_finder([], documents, num_candidates=4)
  index.searcher = FlatSearcher()
  masked = make_masked([[7], [8, 9], [5]], [-5, -5, 1])
  rows = finder.find(masked, make_inputs([4, 3, 4], 4))
  # All that is near holds the second sentence: it has to do without.
  np.testing.assert_array_equal(
    rows, [[-1, 0, 1, 2], [-1, -1, -1, -1], [-1, 0, 2, 3]]
  )
  assert index.searcher.asked == [(3, 5), (1, 20), (1, 80), (1, 320), (1, 1000)]


def test_many_short_rows_ask_a_few_at_a_time(monkeypatch):
  monkeypatch.setattr(candidates, '_BODIES_AT_ONCE', 40)
  documents = FakeDocuments([[8, 9]] * 10 + [[row] for row in range(90)])
  documents.uids = np.arange(100)
  finder, index = make_finder([], documents, num_candidates=3)
  index.searcher = FlatSearcher()
  masked = make_masked([[8, 9]] * 5, [-5, -5, -5, 10, -5])
  rows = finder.find(masked, make_inputs([4] * 5, 4))
  np.testing.assert_array_equal(
    rows, [[-1, 11, 12] if i == 3 else [-1, 10, 11] for i in range(5)]
  )
  assert index.searcher.asked == [(5, 4), (2, 16), (2, 16), (1, 16)]
