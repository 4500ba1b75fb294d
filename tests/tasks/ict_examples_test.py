# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from realm_tf.bert.bert_config import BertConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.ict_model import ICTModel
from realm_tf.questions.block_questions import BlockQuestions
from realm_tf.tasks import ict_examples
from realm_tf.text.tokenizer import BertTokenizer
from tests.support import small_world

_SENTENCES = ('The city is old.', 'Rome is in Italy.', 'A river flows!')


@pytest.fixture
def store(tmp_path):
  # The number makes a block's sentences its own.
  return small_world.store(
    tmp_path,
    [
      (f'Paris {i}', ' '.join(f'{i} {s}' for s in _SENTENCES))
      for i in range(10)
    ],
  )


def _batches(store, count=None, **settings):
  dataset = ict_examples.ict_dataset(
    store,
    small_world.tokenizer(),
    **{'batch_size': 4, 'seed': 5, **settings},
  )
  return list(dataset.take(count) if count else dataset)


def _rows(packed):
  """Rows without padding."""
  return [
    ids[: mask.sum()].tolist()
    for ids, mask in zip(
      packed['input_word_ids'].numpy(), packed['input_mask'].numpy()
    )
  ]


def _contains(body, sentence):
  size = len(sentence)
  return any(body[i : i + size] == sentence for i in range(len(body)))


def _titles(batch):
  return [row[1 : row.index(3)] for row in _rows(batch['document'])]


def test_sentence_and_its_block(store):
  tokenizer = small_world.tokenizer()
  seen = set()
  for batch in _batches(store, 20, mask_rate=0.5):
    queries, blocks = _rows(batch['query']), _rows(batch['document'])
    masked = batch['is_masked'].numpy()
    for query, block, is_masked in zip(queries, blocks, masked):
      assert query[0] == tokenizer.cls_id and query[-1] == tokenizer.sep_id
      title, body = block[1 : block.index(3)], block[block.index(3) + 1 : -1]
      sentence = query[1:-1]
      # Title and sentence bear the same number.
      assert title[-1] == sentence[0]
      assert _contains(body, sentence) != is_masked
      whole = tokenizer.tokenize(
        [' '.join(f'{tokenizer.vocab[title[-1]]} {s}' for s in _SENTENCES)]
      ).to_list()[0]
      rest = len(whole) - len(sentence) if is_masked else len(whole)
      assert len(body) == rest
      seen.add((tuple(sentence[1:]), bool(is_masked)))
  assert len(seen) == 6  # Each of three sentences, taken out and left in.


def test_mask_rate(store):
  masked = np.concatenate([b['is_masked'] for b in _batches(store, 100)])
  assert 0.85 < masked.mean() < 0.95
  assert not any(
    b['is_masked'].numpy().any() for b in _batches(store, 5, mask_rate=0.0)
  )


def test_every_block_once_an_epoch(store):
  titles = [t for b in _batches(store, 10, batch_size=5) for t in _titles(b)]
  epochs = [titles[i : i + 10] for i in range(0, 50, 10)]
  assert all(len({tuple(t) for t in e}) == 10 for e in epochs)
  assert epochs[0] != epochs[1]


@pytest.mark.parametrize('start', [1, 7])
def test_any_batch_can_be_the_first(store, start):
  whole = _batches(store, 10)
  tf.random.set_seed(77)
  again = _batches(store, 10 - start, start_batch=start)
  for a, b in zip(again, whole[start:], strict=True):
    tf.nest.map_structure(np.testing.assert_array_equal, a, b)
  other = _batches(store, 1, seed=6)[0]
  assert _titles(other) != _titles(whole[0])


def test_one_epoch(store):
  assert len(_batches(store, repeat=False)) == 2


def test_blocks_of_one_sentence(tmp_path):
  store = small_world.store(
    tmp_path,
    [(f'Lima {i}', 'A city.') for i in range(8)]
    + [('Rome', 'Rome is old. A river flows!')] * 2,
  )
  for batch in _batches(store, 30, batch_size=2):
    for title, masked in zip(_titles(batch), batch['is_masked'].numpy()):
      rome = len(title) == 1
      # Only of two sentences one can be taken out.
      assert rome or not masked
  kept = [b['is_masked'].numpy() for b in _batches(store, 200, batch_size=1)]
  assert np.mean(kept) > 0.7
  alone = small_world.store(tmp_path / 'alone', [('Lima', 'A city.')] * 4)
  for batch in _batches(alone, 3):
    assert not batch['is_masked'].numpy().any()
    assert len(_rows(batch['document'])[0]) > 5


def test_sentences_without_wordpieces_are_no_queries():
  got = ict_examples.make_examples(
    small_world.ragged([[9]] * 20),
    tf.RaggedTensor.from_row_lengths(
      small_world.ragged([[], [20, 21], [22]] * 20), [3] * 20
    ),
    tf.ones([20], tf.bool),
    tf.constant([1, 2], tf.int64),
    special=small_world.tokenizer().special,
    query_seq_len=8,
    candidate_seq_len=12,
  )
  queries = {tuple(q[1:-1]) for q in _rows(got['query'])}
  assert queries == {(20, 21), (22,)}


def test_lengths(store):
  (batch,) = _batches(
    store, 1, query_seq_len=4, candidate_seq_len=8, fixed_length=True
  )
  assert batch['query']['input_word_ids'].shape == [4, 4]
  assert batch['document']['input_word_ids'].shape == [4, 8]
  assert (batch['document']['input_mask'].numpy() == 1).all()


def test_what_is_wrong_is_named(store):
  with pytest.raises(ValueError, match='batch_size.*10.*11'):
    _batches(store, 1, batch_size=11)
  store.info['vocab_fingerprint'] = 'other'
  with pytest.raises(ValueError, match='has the vocabulary'):
    _batches(store, 1)


def test_questions_stand_in_for_sentences(store):
  # Every block but the first has one, of wordpieces that no sentence has.
  ids = tf.ragged.constant([[40 + i, 39] for i in range(1, 10)], tf.int32)
  questions = BlockQuestions(
    ids.with_row_splits_dtype(tf.int64), np.arange(1, 10), 10
  )
  plain = _batches(store, 40)
  shares = []
  for rate in (0.0, 0.5, 1.0):
    asked = []
    got = _batches(store, 40, questions=questions, question_rate=rate)
    for batch, without in zip(got, plain):
      titles = _titles(batch)
      assert titles == _titles(without)
      for i, query in enumerate(_rows(batch['query'])):
        number = int(small_world.tokenizer().vocab[titles[i][-1]])
        is_asked = query[1:-1] == [40 + number, 39]
        if number:
          asked.append(is_asked)
        if is_asked:
          # The block is whole.
          assert not batch['is_masked'][i]
        else:
          assert query == _rows(without['query'])[i]
          assert _rows(batch['document'])[i] == _rows(without['document'])[i]
    shares.append(np.mean(asked))
  assert shares[0] == 0 and shares[2] == 1 and 0.4 < shares[1] < 0.6


def test_a_model_fits(world):
  tokenizer = BertTokenizer.from_file(world / 'vocab.txt')
  corpus = Corpus.open(world / 'corpus', tokenizer=tokenizer)
  config = BertConfig.from_json(world / 'bert_config.json')
  model = ICTModel(Embedder(config, 16))
  model.compile(keras.optimizers.Adam(0.01))
  dataset = ict_examples.ict_dataset(
    corpus, batch_size=8, query_seq_len=32, candidate_seq_len=48
  )
  history = model.fit(dataset, steps_per_epoch=3, epochs=6, verbose=0).history
  assert history['loss'][-1] < 0.95 * history['loss'][0]
