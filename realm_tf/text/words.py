# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Wordpieces as parts of words."""

import tensorflow as tf

from realm_tf.text.tokenizer import BertTokenizer, TokensWithOffsets


def _continues_word(tokenizer: BertTokenizer) -> tf.Tensor:
  """Returns which wordpieces continue a word, bool `[vocab]`."""
  return tf.constant([piece.startswith('##') for piece in tokenizer.vocab])


def word_numbers(ids: tf.Tensor, tokenizer: BertTokenizer) -> tf.Tensor:
  """Numbers the words of wordpieces along the last axis.

  Args:
    ids: int32 `[..., length]`.
    tokenizer: Tokenizer of the ids.

  Returns:
    int32 `[..., length]`, equal for the wordpieces of a word.
  """
  begins = ~tf.gather(_continues_word(tokenizer), ids)
  return tf.cumsum(tf.cast(begins, tf.int32), -1)


def widen_to_words(
  tokens: TokensWithOffsets, tokenizer: BertTokenizer
) -> TokensWithOffsets:
  """Gives each wordpiece the bytes of its whole word.

  A span from one wordpiece to another then consists of whole words, like the
  original's answers.

  Args:
    tokens: Result of `tokenizer.tokenize_with_offsets`.
    tokenizer: Tokenizer of the tokens.
  """
  rows = tokens.ids.value_rowids()
  size = tf.size(rows)
  same_row = tf.concat([[False], rows[1:] == rows[:-1]], 0)[:size]
  inside = tf.gather(_continues_word(tokenizer), tokens.ids.values) & same_row
  words = tf.cumsum(tf.cast(~inside, tf.int32)) - 1
  starts = tf.math.segment_min(tokens.starts.values, words)
  limits = tf.math.segment_max(tokens.limits.values, words)
  return TokensWithOffsets(
    tokens.ids,
    tokens.ids.with_values(tf.gather(starts, words)),
    tokens.ids.with_values(tf.gather(limits, words)),
  )
