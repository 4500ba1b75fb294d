# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import tensorflow as tf

from realm_tf.text import words
from realm_tf.text.tokenizer import BertTokenizer

TOKENIZER = BertTokenizer(
  ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']
  + ['the', '##se', '##us', 'a', '.', '-', '##a']
)


def widened(texts):
  tokens = words.widen_to_words(
    TOKENIZER.tokenize_with_offsets(texts), TOKENIZER
  )
  return [
    [text.encode()[a:b].decode() for a, b in zip(starts, limits)]
    for text, starts, limits in zip(
      texts, tokens.starts.to_list(), tokens.limits.to_list()
    )
  ]


def test_pieces_get_the_bytes_of_their_word():
  assert widened(['a Théseus-a.', 'aa']) == [
    ['a', 'Théseus', 'Théseus', 'Théseus', '-', 'a', '.'],
    ['aa', 'aa'],
  ]


def test_a_row_does_not_go_on_with_the_one_before():
  # Of a row that begins with a continuation, as none of a text does.
  tokens = TOKENIZER.tokenize_with_offsets(['theseus', 'theseus'])
  cut = type(tokens)(*(part[:, 1:] for part in tokens))
  found = words.widen_to_words(cut, TOKENIZER)
  assert found.starts.to_list() == [[3, 3], [3, 3]]
  assert found.limits.to_list() == [[7, 7], [7, 7]]


def test_nothing():
  assert widened(['', ' ']) == [[], []]


def test_in_a_graph():
  @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
  def limits(texts):
    tokens = TOKENIZER.tokenize_with_offsets(texts)
    return words.widen_to_words(tokens, TOKENIZER).limits

  assert limits(['a theseus']).to_list() == [[1, 9, 9, 9]]


def test_words_are_counted():
  ids = TOKENIZER.tokenize(['a theseus-a.']).to_tensor()
  numbers = words.word_numbers(tf.stack([ids, ids[:, ::-1]]), TOKENIZER)
  assert numbers[0].numpy().tolist() == [[1, 2, 2, 2, 3, 4, 5]]
  assert numbers[1].numpy().tolist() == [[1, 2, 3, 3, 3, 4, 5]]
