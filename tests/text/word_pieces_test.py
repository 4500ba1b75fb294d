# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.text import split_words, word_pieces
from realm_tf.text.tokenizer import BertTokenizer

TOKENIZER = BertTokenizer(
  [
    *('[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'),
    *('u', '.', 's', 'ann', '-', 'lee', 'par', '##is', 'x'),
  ]
)


def test_the_first_piece_of_a_word_knows_it():
  pieces = word_pieces.split_word_pieces(
    tf.constant(['U.S. Ann-Lee', '', 'x \u200b Paris']), TOKENIZER
  )
  found = [TOKENIZER.tokens(row) for row in pieces.ids.to_list()]
  assert found == [
    ['u', '.', 's', '.', 'ann', '-', 'lee'],
    [],
    ['x', 'par', '##is'],
  ]
  # Word 3, of a zero-width character, has no piece.
  assert pieces.words.to_list() == [
    [0, -1, -1, -1, 1, -1, -1],
    [],
    [2, 4, -1],
  ]
  upper, mixed, title = (
    split_words.CASE_PATTERNS.index(name)
    for name in ('upper', 'title_mixed', 'title')
  )
  assert pieces.cases.to_list() == [
    [upper] * 4 + [mixed] * 3,
    [],
    [0, title, title],
  ]
  assert pieces.word_starts.to_list() == [[0, 5], [], [0, 2, 6]]
  assert pieces.word_limits.to_list() == [[4, 12], [], [1, 5, 11]]
  plain = word_pieces.split_word_pieces(
    tf.constant(['Paris']), TOKENIZER, with_cases=False
  )
  assert plain.cases.to_list() == [[0, 0]]


@pytest.mark.parametrize('overlap', [0, 3, 4, 9])
def test_windows_lose_nothing(overlap):
  lengths = np.array([3, 0, 10, 11, 10_000])
  windows = word_pieces.make_windows(
    tf.constant(lengths), length=10, overlap=overlap
  )
  assert int(tf.reduce_max(windows.pieces.row_lengths())) == 10
  kept = tf.boolean_mask(windows.pieces.values, windows.kept.values).numpy()
  assert sorted(kept) == list(range(lengths.sum()))
  row = np.repeat(np.arange(len(lengths)), lengths)
  bounds = {0, *np.cumsum(lengths).tolist()}
  for numbers, keeps in zip(windows.pieces.to_list(), windows.kept.to_list()):
    assert len({row[n] for n in numbers}) == 1
    # A piece that is kept stands away from where the window cuts.
    for n, keep in zip(numbers, keeps):
      if keep and numbers[0] not in bounds:
        assert n - numbers[0] >= overlap // 2
      if keep and numbers[-1] + 1 not in bounds:
        assert numbers[-1] - n >= overlap - overlap // 2


def test_windows_must_advance():
  with pytest.raises(ValueError, match='overlap=4, length=4'):
    word_pieces.make_windows(tf.constant([3]), length=4, overlap=4)


def test_packing():
  packed = word_pieces.pack_windows(
    tf.ragged.constant([[7, 8], [9]], dtype=tf.int32),
    tf.ragged.constant([[1, 2], [3]], dtype=tf.int32),
    TOKENIZER,
  )
  assert packed['input_word_ids'].numpy().tolist() == [
    [2, 7, 8, 3],
    [2, 9, 3, 0],
  ]
  assert packed['input_type_ids'].numpy().tolist() == [
    [0, 1, 2, 0],
    [0, 3, 0, 0],
  ]
  assert packed['input_mask'].numpy().tolist() == [[1, 1, 1, 1], [1, 1, 1, 0]]
