# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.configs.qa_config import QuestionConfig
from realm_tf.index.index import Index
from realm_tf.index.slot import IndexSlot
from realm_tf.questions import gold_blocks
from realm_tf.questions.qa_datasets import QaExample
from realm_tf.questions.questions import Questions
from realm_tf.tasks import question_batches
from realm_tf.tasks.question_batches import QuestionFeatures
from tests.support import small_qa, small_world

EXAMPLES = [
  QaExample('What is the capital of France ?', ('Paris',)),
  QaExample('Where is the city ?', ('Lima', 'big city')),
  QaExample('Is Rome old ?', ('Rome',)),
]
CONFIG = QuestionConfig(
  query_seq_len=14, reader_seq_len=34, retriever_beam=9, reader_beam=3
)


@pytest.fixture(scope='module')
def qa(tmp_path_factory):
  return small_qa.make(tmp_path_factory.mktemp('qa'), 'exact')


@pytest.mark.parametrize(
  ('rows', 'gold', 'expected'),
  [
    ([5, 6, 7, 8], 6, [5, 6, 7, 8]),
    ([5, 6, 7, 8], 8, [5, 6, 8, 7]),
    ([5, 6, 7, 8], 9, [5, 6, 9, 7]),
    ([5, 6, 7, 8], -1, [5, 6, 7, 8]),
  ],
)
def test_gold_is_read_in_the_last_place(rows, gold, expected):
  given = np.array([rows, rows])
  found = question_batches.put_gold_at(given, np.array([gold, -1]), 2)
  assert found.tolist() == [expected, rows]
  assert given.tolist() == [rows, rows]


def _batch(qa, config, gold_rows=None):
  with mock.patch.object(gold_blocks, 'gold_rows', return_value=gold_rows):
    features = QuestionFeatures(
      Questions(EXAMPLES, qa.tokenizer), qa.documents, qa.tokenizer, config
    )
  slot = IndexSlot(Index.open(qa.index_path))
  try:
    (batch,) = question_batches.question_batches(
      [np.array([0, 2, 1])],
      4,
      features=features,
      embed_queries=qa.embedder.embed_queries,
      slot=slot,
    )
  finally:
    slot.close()
  return batch


def _found(qa, question):
  """The rows of all blocks, best first, by numpy."""
  ids = qa.tokenizer.tokenize([question])
  special = qa.tokenizer.special
  row = [
    special.cls,
    *ids[0].numpy()[: small_qa.QUERY_SEQ_LEN - 2],
    special.sep,
  ]
  query = qa.embedder.embed_queries(
    {
      'input_word_ids': tf.constant([row]),
      'input_mask': tf.ones([1, len(row)], tf.int32),
      'input_type_ids': tf.zeros([1, len(row)], tf.int32),
    }
  ).numpy()[0]
  index = Index.open(qa.index_path)
  embeddings = np.array(index.embeddings)
  index.close()
  return np.argsort(-(embeddings @ query), kind='stable'), embeddings


def test_a_batch_has_what_was_found_and_where_the_answers_are(qa):
  batch = _batch(qa, CONFIG)
  assert batch.number == 4 and batch.index_step == -1
  features = batch.features
  assert 'beam_is_gold' not in features
  for i, number in enumerate([0, 2, 1]):
    example = EXAMPLES[number]
    rows, embeddings = _found(qa, example.question)
    rows = rows[:9]
    np.testing.assert_array_equal(
      features['beam_embeddings'][i], embeddings[rows]
    )
    expected = [small_qa.has_answer(qa, r, example.answers) for r in rows]
    assert features['beam_has_answer'][i].tolist() == expected
    joint = {key: x[i].numpy() for key, x in features['joint'].items()}
    _, bodies = qa.documents.gather(rows[:3])
    for block in range(3):
      inside = joint['block_mask'][block] > 0
      ids = joint['input_word_ids'][block][inside]
      assert ids.tolist() == bodies[block].numpy()[: len(ids)].tolist()
      spans = [
        ' '.join(qa.tokenizer.tokens(ids[start : end + 1]))
        for start, end in zip(
          features['gold_starts'][i, block].numpy(),
          features['gold_ends'][i, block].numpy(),
        )
        if 0 <= start <= end < len(ids)
      ]
      answers = {answer.lower() for answer in example.answers}
      assert set(spans) <= answers
      assert bool(spans) == expected[block]
  assert 'France' in batch.describe()


def test_gold_blocks_are_added_and_marked(qa):
  worst = _found(qa, EXAMPLES[2].question)[0][-1]
  gold = np.array([-1, 0, worst])
  config = QuestionConfig(
    query_seq_len=14,
    reader_seq_len=34,
    retriever_beam=9,
    reader_beam=3,
    add_gold=True,
  )
  marked = _batch(qa, config, gold).features['beam_is_gold']
  assert not marked[0].any()
  assert np.flatnonzero(marked[1]).tolist() == [2]
  assert marked[2].sum() == 1
  plain = _batch(qa, CONFIG, gold).features['beam_is_gold']
  assert not plain[1].any()


def test_a_beam_is_not_longer_than_the_corpus(qa):
  config = QuestionConfig(query_seq_len=14, reader_seq_len=34)
  features = _batch(qa, config).features
  assert features['beam_embeddings'].shape[1] == len(qa.documents)
  assert features['joint']['block_mask'].shape[1] == 5


def test_small_world_is_tokenized_by_its_own_tokenizer(qa):
  assert qa.tokenizer.fingerprint == small_world.tokenizer().fingerprint
