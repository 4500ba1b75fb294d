# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Splits sentences into words, in the graph, and tells how they are written."""

from typing import NamedTuple

import tensorflow as tf
import tensorflow_text as tf_text

# Characters that BERT's pre-tokenizer does not split at: no space, punctuation
# (all ASCII symbols) or Chinese character.
_CORE = r'[^\s\p{Z}\p{P}\p{Han}$+<=>^`|~]'
_WORD = (
  # U.S., J.R.R.
  r'(?:\p{L}\.){2,}\p{L}?'
  # Coca-Cola, AT&T, O'Neill, amazon.com, 1,000.5
  rf'|{_CORE}+(?:(?:[-\x{{2010}}\x{{2011}}&]{_CORE}'
  rf"|['\x{{2019}}]\p{{Lu}}|\.[\p{{Ll}}\p{{N}}]|,\p{{N}}){_CORE}*)*"
  r'|[^\s\p{Z}]'
)

# Ways to write a word, by number; 0 is also for what is no word.
CASE_PATTERNS = (
  'lower',  # river
  'title',  # Paris
  'upper',  # NATO
  'capital',  # A
  'title_mixed',  # McDonald
  'mixed',  # iPod
  'no_letters',  # 1984
)


class Words(NamedTuple):
  """Words and their bytes.

  Attributes:
    texts: string [batch, (words)].
    starts: int32 [batch, (words)], first byte of each.
    limits: int32 [batch, (words)], byte after the last of each.
  """

  texts: tf.RaggedTensor
  starts: tf.RaggedTensor
  limits: tf.RaggedTensor


def split_words(texts: tf.Tensor) -> Words:
  """Splits strings at white space and punctuation.

  A punctuation mark is a word of its own, except inside words such as
  `Coca-Cola`, `U.S.`, `O'Neill` or `1,000`. Only white space is left out.

  Args:
    texts: UTF-8 strings [batch]; a NUL counts as a space.
  """
  # A NUL would end the string for the op.
  texts = tf.strings.regex_replace(texts, r'\x00', ' ')
  words, starts, limits = tf_text.regex_split_with_offsets(
    texts,
    delim_regex_pattern=rf'{_WORD}|[\s\p{{Z}}]+',
    keep_delim_regex_pattern=_WORD,
  )
  return Words(
    words,
    starts.with_values(tf.cast(starts.values, tf.int32)),
    limits.with_values(tf.cast(limits.values, tf.int32)),
  )


def case_patterns(words: tf.Tensor) -> tf.Tensor:
  """Returns how words are written, as numbers of `CASE_PATTERNS`.

  Args:
    words: UTF-8 strings [words].

  Returns:
    int32 [words].
  """
  number = {name: i for i, name in enumerate(CASE_PATTERNS)}
  lower = tf.strings.lower(words, 'utf-8')
  first = tf.strings.substr(words, 0, 1, unit='UTF8_CHAR')
  rest = tf.strings.substr(words, 1, 1 << 20, unit='UTF8_CHAR')
  is_large = first != tf.strings.lower(first, 'utf-8')
  is_lower = words == lower
  is_upper = words == tf.strings.upper(words, 'utf-8')
  # Later ones take precedence.
  pattern = tf.fill(tf.shape(words), number['mixed'])
  for name, where in (
    ('title_mixed', is_large),
    ('title', is_large & (rest == tf.strings.lower(rest, 'utf-8'))),
    ('upper', is_upper & ~is_lower),
    ('capital', is_large & (tf.strings.length(rest) == 0)),
    ('lower', is_lower),
    ('no_letters', is_lower & is_upper),
  ):
    pattern = tf.where(where, number[name], pattern)
  return pattern
