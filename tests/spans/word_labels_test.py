# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import itertools

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.configs.tagger_config import WindowConfig
from realm_tf.spans import word_labels
from realm_tf.spans.conll import Entity, Sentence
from realm_tf.spans.word_labels import IGNORED, Classes
from realm_tf.text.tokenizer import BertTokenizer

TOKENIZER = BertTokenizer(
  [
    *('[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'),
    *('ann', '##a', 'lee', 'saw', 'rome', '.', '-'),
  ]
)
BIO = Classes(('LOC', 'PER'), with_begin=True)
IO = Classes(('LOC', 'PER'), with_begin=False)


def _sentence(*tokens, entities=()):
  return Sentence(tokens, tuple(Entity(*e) for e in entities), 0)


SENTENCES = [
  _sentence(
    'Anna', 'Lee', 'saw', 'Rome', '.', entities=[(0, 2, 'PER'), (3, 4, 'LOC')]
  ),
  _sentence('\u200b'),
  _sentence(
    '\u200b', 'Ann-Lee', 'Rome', entities=[(0, 2, 'PER'), (2, 3, 'LOC')]
  ),
]


def test_the_first_piece_bears_the_class():
  assert len(BIO) == 5 and len(IO) == 3
  found = word_labels.make_examples(SENTENCES, BIO, TOKENIZER, WindowConfig())
  # Ann ##a Lee saw Rome . | Ann - Lee Rome
  x = IGNORED
  assert found.classes.tolist() == [3, x, 4, 0, 1, 0, 4, x, x, 1]
  assert found.splits.tolist() == [0, 6, 10]
  assert len(found) == 2
  io = word_labels.make_examples(SENTENCES, IO, TOKENIZER, WindowConfig())
  assert io.classes.tolist() == [2, x, 2, 0, 1, 0, 2, x, x, 1]
  assert io.cases.tolist()[:3] == [1, 1, 1]


def test_long_sentences_lose_nothing():
  sentence = _sentence(
    *(['saw'] * 9_999 + ['Rome']), entities=[(9_999, 10_000, 'LOC')]
  )
  config = WindowConfig(max_length=64, overlap=16)
  found = word_labels.make_examples([sentence], IO, TOKENIZER, config)
  assert np.diff(found.splits).max() == 62
  assert len(found.ids) >= 10_000
  assert found.classes[-1] == 1


def _collect(count, **changes):
  examples = word_labels.make_examples(
    SENTENCES * 4, IO, TOKENIZER, WindowConfig()
  )
  stream = word_labels.training_batches(
    examples, TOKENIZER, **{'batch_size': 3, 'seed': 5, **changes}
  )
  return [
    {name: value.numpy().tolist() for name, value in batch.items()}
    for batch in itertools.islice(stream, count)
  ]


def test_batches_can_be_resumed():
  batches = _collect(7, mask_rate=0.3)
  assert batches[4:] == _collect(3, mask_rate=0.3, start_batch=4)
  assert batches != _collect(7, mask_rate=0.3, seed=6)
  ids = [row for batch in batches for row in batch['input_word_ids']]
  assert any(TOKENIZER.mask_id in row for row in ids)
  # An epoch is two whole batches of the eight windows; each row has [CLS].
  assert all(row[0] == TOKENIZER.cls_id for row in ids)
  assert {len(batch['word_classes']) for batch in batches} == {3}


def test_few_windows_are_one_batch():
  (batch,) = _collect(1, batch_size=100)
  assert len(batch['input_word_ids']) == 8
  assert np.array(batch['word_classes'])[:, 0].tolist() == [IGNORED] * 8


def test_heldout_windows_come_once():
  examples = word_labels.make_examples(SENTENCES, IO, TOKENIZER, WindowConfig())
  batches = list(word_labels.heldout_batches(examples, TOKENIZER, batch_size=1))
  assert [tf.shape(b['input_word_ids']).numpy().tolist() for b in batches] == [
    [1, 6],
    [1, 8],
  ]


def test_refusals():
  with pytest.raises(ValueError, match='no wordpiece'):
    word_labels.make_examples(SENTENCES[1:2], IO, TOKENIZER, WindowConfig())
  with pytest.raises(ValueError, match='overlap=32, max_length=34'):
    WindowConfig(max_length=34)
