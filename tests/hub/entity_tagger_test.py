# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.bert.bert_config import BertConfig
from realm_tf.configs.tagger_config import WindowConfig
from realm_tf.hub import entity_tagger, hub_modules
from realm_tf.modeling.token_classifier import TokenClassifier
from realm_tf.spans.word_labels import Classes
from tests.support import ranks, small_tagger

WINDOWS = WindowConfig(max_length=16, overlap=4)


def _make(with_begin=False, **logits):
  model, classes = small_tagger.make(WINDOWS, with_begin=with_begin, **logits)
  return entity_tagger.EntityTaggerModule(
    model, classes, small_tagger.tokenizer(), WINDOWS
  )


@pytest.fixture(scope='module')
def module():
  return _make()


def _tag(module, *texts):
  found = {k: v.numpy() for k, v in module.tag(tf.constant(texts)).items()}
  splits = found['row_splits']
  assert splits[0] == 0 and len(splits) == len(texts) + 1
  result = []
  for text, first, limit in zip(texts, splits, splits[1:]):
    raw = text.encode()
    result.append(
      [
        (raw[a:b].decode(), label.decode())
        for a, b, label in zip(
          found['starts'][first:limit],
          found['limits'][first:limit],
          found['labels'][first:limit],
        )
      ]
    )
  return result


def test_spans_are_whole_words_of_the_text(module):
  assert _tag(
    module,
    'Ann Lee saw Rome.',
    '',
    'saw saw',
    'Änn, (ANN-LEEs) and “Rome”!',
    'Ann \u200b\u00a0 Lee',
  ) == [
    [('Ann Lee', 'PER'), ('Rome', 'LOC')],
    [],
    [],
    [('Änn', 'PER'), ('ANN-LEEs', 'PER'), ('Rome', 'LOC')],
    [('Ann \u200b\u00a0 Lee', 'PER')],
  ]
  assert _tag(module, '') == [[]]
  none = module.tag(tf.zeros([0], tf.string))
  assert none['row_splits'].numpy().tolist() == [0]


def test_long_sentences_lose_nothing(module):
  # Windows of 14 pieces.
  words = ['saw'] * 10_000
  for place in (0, 13, 14, 5_000, 9_999):
    words[place] = 'Rome'
  text = ' '.join(words)
  (found,) = _tag(module, text)
  assert found == [('Rome Rome' if i == 1 else 'Rome', 'LOC') for i in range(4)]


def test_batches_do_not_matter(module):
  texts = ['Ann saw Rome', 'saw', 'Rome and Ann Lee', 'x ' * 40 + 'Ann'] * 30
  together = _tag(module, *texts)
  assert together == [_tag(module, text)[0] for text in texts[:4]] * 30


def test_words_of_a_name_vote():
  # Rome is LOC by 4, Lee PER by 8: together they are a person's.
  module = _make(rome=('LOC', 4.0))
  assert _tag(module, 'Rome Lee saw Rome') == [
    [('Rome Lee', 'PER'), ('Rome', 'LOC')]
  ]
  # Both sure: two entities.
  assert _tag(_make(), 'Rome Lee') == [[('Rome', 'LOC'), ('Lee', 'PER')]]


def test_a_beginning_is_a_beginning():
  module = _make(with_begin=True)
  assert _tag(module, 'Ann Lee') == [[('Ann Lee', 'PER')]]
  model, classes = small_tagger.make(WINDOWS, with_begin=True)
  assert classes.of_entity('PER') == (3, 4)
  table = np.zeros([len(small_tagger.VOCAB), 5], np.float32)
  table[:, 0] = 2
  table[small_tagger.VOCAB.index('ann'), 3] = 9
  table[small_tagger.VOCAB.index('lee'), 4] = 9
  model.call = lambda inputs, training=False: tf.gather(
    tf.constant(table), inputs['input_word_ids']
  )
  module = entity_tagger.EntityTaggerModule(
    model, classes, small_tagger.tokenizer(), WINDOWS
  )
  assert _tag(module, 'Lee Ann Lee Ann') == [
    [('Lee', 'PER'), ('Ann Lee', 'PER'), ('Ann', 'PER')]
  ]


def test_places_of_a_word_share_what_is_known():
  found = tf.constant([[0.2, 0.8], [0.7, 0.3], [0.7, 0.3], [0.7, 0.3]])
  texts = tf.constant(['Lee', 'Lee', 'lee', 'Lee'])
  rows = tf.constant([0, 0, 0, 1], tf.int64)
  shared = entity_tagger._agree(found, texts, rows).numpy()
  np.testing.assert_allclose(
    shared[:, 1], [(0.8 + 0.55) / 2, (0.3 + 0.55) / 2, 0.3, 0.3], atol=1e-6
  )
  np.testing.assert_allclose(shared.sum(1), 1, atol=1e-6)


def test_saved_and_loaded(tmp_path):
  config = BertConfig(
    vocab_size=len(small_tagger.VOCAB),
    hidden_size=8,
    num_layers=1,
    num_heads=2,
    max_positions=16,
  )
  classes = Classes(small_tagger.LABELS, with_begin=False)
  model = TokenClassifier(config, 3, num_segments=7, seed=3)
  model.output_layer.kernel.assign(model.output_layer.kernel * 50)
  tokenizer = small_tagger.tokenizer()
  module = entity_tagger.EntityTaggerModule(model, classes, tokenizer, WINDOWS)
  module.save(tmp_path / 'tagger', 5)
  texts = tf.constant(['Ann saw Rome and Lee', 'x', ''])
  expected = module.tag(texts)
  assert len(expected['starts'])
  loaded = tf.saved_model.load(tmp_path / 'tagger')
  ranks.check_ranks(loaded)
  found = loaded.signatures['serving_default'](sentences=texts)
  assert {k: v.numpy().tolist() for k, v in found.items()} == {
    k: v.numpy().tolist() for k, v in expected.items()
  }
  info = hub_modules.read_info(tmp_path / 'tagger', entity_tagger.KIND)
  assert (info['step'], info['whole_documents']) == (5, False)
