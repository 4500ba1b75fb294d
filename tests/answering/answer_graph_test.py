# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import tensorflow as tf

from realm_tf.answering.answer_graph import AnswerGraph
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.span_reader import SpanReader
from realm_tf.text import packing
from tests.support import small_realm, small_world

TEXTS = ['the capital of France', 'a big river', 'old Rome']
QUESTIONS = ['the capital is', 'a river of Italy']
ROWS = np.array([[0, 2, 1], [1, -1, 0]], np.int32)
SCORES = np.array([[2.0, 1.0, 0.5], [0.3, 0.2, 0.1]], np.float32)


class ListedBlocks:
  """Blocks of a list: `answer_graph.Blocks`."""

  def __init__(self, tokenizer):
    self.ids = tokenizer.tokenize(TEXTS)
    self.shown = []

  def wordpieces(self, rows):
    sizes = tf.cast(self.ids.row_lengths(), tf.int32)
    real = tf.maximum(rows, 0)
    return packing.Slices(
      tf.pad(self.ids.values, [[0, 1]]),
      tf.cast(tf.gather(self.ids.row_starts(), real), tf.int64),
      tf.where(rows < 0, 0, tf.gather(sizes, real)),
    )

  def texts(self, rows):
    self.shown += rows.numpy().tolist()
    titles = tf.strings.as_string(rows)
    return titles, tf.gather(tf.constant(TEXTS), rows)

  def names(self, rows):
    ids = tf.where(rows < 0, '', tf.strings.as_string(rows))
    return {'document_ids': ids, 'document_urls': tf.strings.join(['u', ids])}


@pytest.fixture(scope='module')
def graph():
  reader = SpanReader(small_realm.CONFIG, max_span_width=3, span_hidden_size=6)
  return AnswerGraph(
    small_realm.shaken(Embedder(small_realm.CONFIG, 8), 1),
    small_realm.shaken(reader, 2),
    small_world.tokenizer(),
    query_seq_len=10,
    reader_seq_len=20,
  )


def read(graph, blocks, rows=ROWS, scores=SCORES, blocks_at_once=0, top_n=4):
  found = graph.read(
    graph.pack(tf.constant(QUESTIONS)),
    tf.constant(rows),
    tf.constant(scores),
    blocks,
    top_n=top_n,
    blocks_at_once=blocks_at_once,
  )
  return {name: value.numpy() for name, value in found.items()}


def test_answers_are_words_of_the_blocks_that_they_name(graph):
  blocks = ListedBlocks(graph.tokenizer)
  found = read(graph, blocks)
  for i, j in np.ndindex(found['answers'].shape):
    row, start, end = (
      int(found[name][i, j])
      for name in ('block_ids', 'byte_starts', 'byte_ends')
    )
    assert row in ROWS[i] and row >= 0
    text = TEXTS[row]
    assert found['answers'][i, j].decode() == text[start:end] != ''
    assert set(text[start:end].split()) <= set(text.split())
    assert found['evidence'][i, j].decode() == text
    assert found['titles'][i, j].decode() == str(row)
    assert found['document_ids'][i, j].decode() == str(row)
    assert found['document_urls'][i, j].decode() == f'u{row}'
  # Each block is tokenized for its words only once.
  assert len(blocks.shown) == len(set(blocks.shown))


def test_the_log_probs_are_of_one_distribution(graph):
  found = read(graph, ListedBlocks(graph.tokenizer), top_n=60)
  for i in range(len(QUESTIONS)):
    there = found['block_ids'][i] >= 0
    joint = found['log_probs'][i][there]
    assert np.all(np.diff(joint) <= 0) and np.exp(joint).sum() <= 1 + 1e-5
    assert set(found['answers'][i][~there]) <= {b''}
    retriever = dict(
      zip(found['block_ids'][i], found['retriever_log_probs'][i])
    )
    expected = SCORES[i] - np.log(np.exp(SCORES[i]).sum())
    for row, value in zip(ROWS[i], expected):
      if row >= 0:
        np.testing.assert_allclose(retriever[row], value, atol=1e-5)


def test_blocks_read_at_a_time_change_nothing(graph):
  blocks = ListedBlocks(graph.tokenizer)
  expected = read(graph, blocks)
  found = read(graph, blocks, blocks_at_once=2)
  for name, value in expected.items():
    if value.dtype == np.float32:
      np.testing.assert_allclose(found[name], value, atol=1e-5)
    else:
      np.testing.assert_array_equal(found[name], value)


def test_answers_come_from_what_the_search_finds(graph):
  blocks = ListedBlocks(graph.tokenizer)
  asked = []

  def search(questions, queries, k):
    asked.append((questions.shape, queries().shape, k))
    return tf.constant(ROWS[:, :k]), tf.constant(SCORES[:, :k])

  found = graph.answer(
    tf.constant(QUESTIONS), 2, search, blocks, top_n=4, blocks_at_once=0
  )
  assert asked == [((2,), (2, 8), 2)]
  expected = read(graph, blocks, ROWS[:, :2], SCORES[:, :2])
  np.testing.assert_array_equal(found['answers'], expected['answers'])
