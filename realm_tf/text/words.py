# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Wordpieces as parts of words."""

import numpy as np
import tensorflow as tf

from realm_tf.text.tokenizer import BertTokenizer, TokensWithOffsets


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
  goes_on = tf.constant(
    np.array([piece.startswith('##') for piece in tokenizer.vocab])
  )
  rows = tokens.ids.value_rowids()
  size = tf.size(rows)
  same_row = tf.concat([[False], rows[1:] == rows[:-1]], 0)[:size]
  inside = tf.gather(goes_on, tokens.ids.values) & same_row
  words = tf.cumsum(tf.cast(~inside, tf.int32)) - 1
  starts = tf.math.segment_min(tokens.starts.values, words)
  limits = tf.math.segment_max(tokens.limits.values, words)
  return TokensWithOffsets(
    tokens.ids,
    tokens.ids.with_values(tf.gather(starts, words)),
    tokens.ids.with_values(tf.gather(limits, words)),
  )
