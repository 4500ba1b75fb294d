# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import random

import numpy as np
import pytest

from realm_tf.corpus import blocks
from realm_tf.corpus.document import Document
from realm_tf.text import sentences
from realm_tf.text.tokenizer import BertTokenizer


@pytest.fixture(scope='module')
def tokenizer(vocab_file):
  return BertTokenizer.from_file(vocab_file)


def _decode(made):
  rows = np.arange(len(made))
  ids = []
  for name in ('title_ids', 'body_ids'):
    values, splits = made.column(name)
    ids.append([values[a:b].tolist() for a, b in zip(splits, splits[1:])])
  texts = [
    [s.decode() for s in made.strings(name, rows)]
    for name in ('title_text', 'body_text')
  ]
  return list(zip(*texts, *ids))


def _documents():
  rng = random.Random(3)
  words = ['river', 'town', 'x99', 'old', 'king', 'flows', '東京都', 'Zoë']
  return [
    Document(
      ' '.join(rng.choices(words, k=rng.randint(1, 4))),
      ' '.join(
        ' '.join(rng.choices(words, k=rng.randint(1, 14))).capitalize() + '.'
        for _ in range(rng.randint(1, 12))
      ),
    )
    for _ in range(30)
  ]


@pytest.mark.parametrize('max_length', [16, 40, 288])
def test_blocks(tokenizer, max_length):
  documents = _documents()
  records, counts = blocks.make_blocks(documents, tokenizer, max_length)
  found = _decode(records)
  assert counts['blocks'] == len(found)
  titles, bodies, title_ids, body_ids = zip(*found)
  # The ids are those of the text, and the budget holds with title and specials.
  assert list(body_ids) == tokenizer.tokenize(bodies).to_list()
  for title, body in zip(title_ids, body_ids):
    assert 0 < len(body) <= max_length - 3 - len(title)
  if counts['cut_titles'] == 0:
    assert list(title_ids) == tokenizer.tokenize(titles).to_list()
  first_sentences = tokenizer.tokenize(
    [sentences.split_sentences(b)[0] for b in bodies]
  ).to_list()
  position = 0
  for document in documents:
    letters = ''.join(document.text.split())
    read = ''.join(bodies[position].split())
    assert titles[position] == document.title
    while read != letters:
      position += 1
      assert titles[position] == document.title
      read += ''.join(bodies[position].split())
      assert letters.startswith(read)
      # Greedy: the first sentence of this block did not fit into the last.
      together = len(body_ids[position - 1]) + len(first_sentences[position])
      assert together > max_length - 3 - len(title_ids[position])
    position += 1
  assert position == len(found)
  if max_length == 16:
    assert counts['cut_sentences'] > 0
  if max_length == 288:
    assert counts['cut_sentences'] == 0


def test_batching_changes_nothing(tokenizer):
  documents = [d._replace(id=str(i)) for i, d in enumerate(_documents())]
  together, _ = blocks.make_blocks(documents, tokenizer, 40)
  alone = [blocks.make_blocks([d], tokenizer, 40)[0] for d in documents]
  assert sum(map(_decode, alone), []) == _decode(together)
  names = together.strings('record_ids', np.arange(len(together)))
  sizes = [len(its) for its in alone]
  assert names == [b'%d' % i for i, n in enumerate(sizes) for _ in range(n)]


def test_exact_fit(tokenizer):
  # [CLS] town [SEP] 12 wordpieces [SEP] = 16
  text = 'River king old river king. River king old river king.'
  records, _ = blocks.make_blocks([Document('town', text)], tokenizer, 16)
  assert [len(b[3]) for b in _decode(records)] == [12]
  text = text.replace('old', 'old old', 1)
  records, _ = blocks.make_blocks([Document('town', text)], tokenizer, 16)
  assert [len(b[3]) for b in _decode(records)] == [7, 6]


def test_a_long_sentence_is_cut_at_spaces_and_not_lost(tokenizer):
  text = ' '.join(['river'] * 100) + '.'
  assert len(sentences.split_sentences(text)) == 1
  records, counts = blocks.make_blocks([Document('town', text)], tokenizer, 24)
  found = _decode(records)
  assert ' '.join(b[1] for b in found) == text
  assert counts['cut_sentences'] == 1
  assert [len(b[3]) for b in found] == [20, 20, 20, 20, 19, 2]


@pytest.mark.parametrize('sentence', ['東京' * 50, 'x9' * 60, 'a-b' * 40])
def test_without_spaces_it_is_cut_anyway(tokenizer, sentence):
  (pieces,) = blocks.cut_sentences([sentence], [13], tokenizer)
  assert ''.join(pieces) == sentence
  assert len(pieces) > 5
  records, _ = blocks.make_blocks([Document('a', sentence)], tokenizer, 17)
  found = _decode(records)
  assert ''.join(b[1].replace(' ', '') for b in found) == sentence
  for _, body, _, body_ids in found:
    assert 0 < len(body_ids) <= 13
    assert body_ids == tokenizer.tokenize([body]).to_list()[0]


def test_a_title_gets_half_a_block_at_most(tokenizer):
  document = Document('king ' * 40, 'Old river.')
  records, counts = blocks.make_blocks([document], tokenizer, 32)
  ((title, _, title_ids, body_ids),) = _decode(records)
  assert title == document.title
  assert len(title_ids) == (32 - 3) // 2
  assert len(body_ids) == 3
  assert counts['cut_titles'] == 1


def test_nothing(tokenizer):
  assert len(blocks.make_blocks([], tokenizer)[0]) == 0
  records, counts = blocks.make_blocks([Document('a', '\u200b')], tokenizer)
  assert len(records) == 0
  assert counts['empty_blocks'] == 1
