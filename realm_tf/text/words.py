# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Wordpieces as parts of words."""

import numpy as np
import tensorflow as tf

from realm_tf.text.tokenizer import BertTokenizer, TokensWithOffsets


def _goes_on(tokenizer: BertTokenizer) -> tf.Tensor:
  """Which wordpieces go on with a word, bool `[vocab]`."""
  return tf.constant(
    np.array([piece.startswith('##') for piece in tokenizer.vocab])
  )


def word_numbers(ids: tf.Tensor, tokenizer: BertTokenizer) -> tf.Tensor:
  """Which word each wordpiece is of, counted along the last axis.

  Args:
    ids: int32 `[..., length]`.
    tokenizer: Their vocabulary.

  Returns:
    int32 `[..., length]`.
  """
  begins = ~tf.gather(_goes_on(tokenizer), ids)
  return tf.cumsum(tf.cast(begins, tf.int32), -1)


def widen_to_words(
  tokens: TokensWithOffsets, tokenizer: BertTokenizer
) -> TokensWithOffsets:
  """Gives each wordpiece the bytes of the whole word that it is in.

  A span from one wordpiece to another is then one of whole words, as the
  original's answers are.

  Args:
    tokens: Of `tokenizer.tokenize_with_offsets`.
    tokenizer: Its vocabulary tells which wordpieces go on with a word.

  Returns:
    The same ids, with other offsets.
  """
  rows = tokens.ids.value_rowids()
  size = tf.size(rows)
  same_row = tf.concat([[False], rows[1:] == rows[:-1]], 0)[:size]
  inside = tf.gather(_goes_on(tokenizer), tokens.ids.values) & same_row
  words = tf.cumsum(tf.cast(~inside, tf.int32)) - 1
  starts = tf.math.segment_min(tokens.starts.values, words)
  limits = tf.math.segment_max(tokens.limits.values, words)
  return TokensWithOffsets(
    tokens.ids,
    tokens.ids.with_values(tf.gather(starts, words)),
    tokens.ids.with_values(tf.gather(limits, words)),
  )
