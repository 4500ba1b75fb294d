# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import tensorflow as tf

from realm_tf.text import split_words


def _split(text):
  found = split_words.split_words(tf.constant([text]))
  raw = text.encode()
  for word, start, limit in zip(
    found.texts[0].numpy(), found.starts[0].numpy(), found.limits[0].numpy()
  ):
    assert raw[start:limit].replace(b'\0', b' ') == word
  return [w.decode() for w in found.texts[0].numpy()]


def test_words_keep_what_belongs_to_them():
  assert _split("The U.S. and O'Neill's Coca-Cola, AT&T, 1,000.5 km.") == [
    *('The', 'U.S.', 'and', "O'Neill", "'", 's', 'Coca-Cola', ',', 'AT&T', ','),
    *('1,000.5', 'km', '.'),
  ]
  assert _split('St. Louis (UK). amazon.com end.The well- 東京') == [
    *('St', '.', 'Louis', '(', 'UK', ')', '.', 'amazon.com', 'end', '.', 'The'),
    *('well', '-', '東', '京'),
  ]


def test_nothing_but_white_space_is_left_out():
  text = 'a\u200bb \u200b \u00a0–x\u2028ü\x00z \t\n!'
  assert _split(text) == ['a\u200bb', '\u200b', '–', 'x', 'ü', 'z', '!']


def test_empty_strings_have_no_words():
  found = split_words.split_words(tf.constant(['', ' ', 'a']))
  assert found.texts.row_lengths().numpy().tolist() == [0, 0, 1]
  none = split_words.split_words(tf.zeros([0], tf.string))
  assert none.starts.nrows() == 0


def test_case_patterns():
  found = split_words.case_patterns(
    tf.constant(
      ['river', 'Paris', 'NATO', 'A', 'McDonald', 'iPod', '1984', 'Élan', '.']
    )
  )
  assert [split_words.CASE_PATTERNS[i] for i in found.numpy()] == [
    *('lower', 'title', 'upper', 'capital', 'title_mixed', 'mixed'),
    *('no_letters', 'title', 'no_letters'),
  ]
