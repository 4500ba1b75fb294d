# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Wordpieces with their words, in windows that fit an encoder."""

from typing import NamedTuple

import tensorflow as tf

from realm_tf.text import split_words
from realm_tf.text.tokenizer import BertTokenizer


class WordPieces(NamedTuple):
  """Sentences as wordpieces and as words.

  Attributes:
    ids: int32 [batch, (pieces)].
    cases: int32 [batch, (pieces)], `split_words.CASE_PATTERNS` of their words.
    words: int32 [batch, (pieces)], the word that begins with the piece,
      numbered across the batch; -1 for the other pieces.
    word_texts: string [batch, (words)], including words without a piece (only
      zero-width characters).
    word_starts: int32 [batch, (words)], bytes.
    word_limits: int32 [batch, (words)].
  """

  ids: tf.RaggedTensor
  cases: tf.RaggedTensor
  words: tf.RaggedTensor
  word_texts: tf.RaggedTensor
  word_starts: tf.RaggedTensor
  word_limits: tf.RaggedTensor


class Windows(NamedTuple):
  """Overlapping parts of sentences that fit an encoder.

  Attributes:
    pieces: int32 [windows, (length)], wordpieces, numbered across the batch.
    kept: bool [windows, (length)]; each wordpiece is kept in the one window
      where it has more context.
  """

  pieces: tf.RaggedTensor
  kept: tf.RaggedTensor


def _keys(rows: tf.Tensor, offsets: tf.Tensor) -> tf.Tensor:
  """Returns one ascending number for a row and a place in it."""
  return tf.cast(rows, tf.int64) * (1 << 32) + tf.cast(offsets, tf.int64)


def split_word_pieces(
  texts: tf.Tensor, tokenizer: BertTokenizer, *, with_cases: bool = True
) -> WordPieces:
  """Splits sentences into wordpieces, and finds the words that they begin.

  Args:
    texts: UTF-8 strings [batch].
    tokenizer: Tokenizer.
    with_cases: Whether `cases` are determined. Otherwise they are 0.
  """
  texts = tf.strings.regex_replace(texts, r'\x00', ' ')
  words = split_words.split_words(texts)
  tokens = tokenizer.tokenize_with_offsets(texts)
  rows = tokens.ids.value_rowids()
  word_rows = words.starts.value_rowids()
  # [pieces]: the last word that does not begin after the piece.
  of_piece = (
    tf.searchsorted(
      _keys(word_rows, words.starts.values),
      _keys(rows, tokens.starts.values),
      side='right',
    )
    - 1
  )
  there = of_piece >= 0
  index = tf.maximum(of_piece, 0)
  # There may be no word at all.
  padded_rows = tf.concat([word_rows, [-1]], 0)
  there &= tf.gather(padded_rows, index) == rows
  begins = tf.concat([[True], of_piece[1:] != of_piece[:-1]], 0)
  begins = begins[: tf.size(of_piece)]
  cases = tf.zeros_like(of_piece)
  if with_cases:
    patterns = split_words.case_patterns(words.texts.values)
    cases = tf.where(there, tf.gather(tf.concat([patterns, [0]], 0), index), 0)
  return WordPieces(
    ids=tokens.ids,
    cases=tokens.ids.with_values(cases),
    words=tokens.ids.with_values(tf.where(there & begins, of_piece, -1)),
    word_texts=words.texts,
    word_starts=words.starts,
    word_limits=words.limits,
  )


def make_windows(
  row_lengths: tf.Tensor, *, length: int, overlap: int
) -> Windows:
  """Cuts rows into windows; a row without wordpieces has none.

  Args:
    row_lengths: int64 [batch], number of wordpieces.
    length: Maximum number of wordpieces of a window.
    overlap: Number of wordpieces that neighboring windows share.

  Raises:
    ValueError: Windows would not advance.
  """
  if not 0 <= overlap < length:
    raise ValueError(
      'overlap must be less than the length of a window. Received:'
      f' overlap={overlap}, length={length}'
    )
  row_lengths = tf.cast(row_lengths, tf.int32)
  stride = length - overlap
  counts = -(-tf.maximum(row_lengths - overlap, 1) // stride)
  counts = tf.where(row_lengths > 0, counts, 0)
  row = tf.repeat(tf.range(tf.size(counts)), counts)  # [windows]
  number = tf.range(tf.size(row)) - tf.gather(
    tf.cumsum(counts, exclusive=True), row
  )
  row_start = tf.gather(tf.cumsum(row_lengths, exclusive=True), row)
  row_limit = row_start + tf.gather(row_lengths, row)
  start = row_start + number * stride
  limit = tf.minimum(start + length, row_limit)
  pieces = tf.ragged.range(start, limit)
  # Each of two windows keeps half of what they share.
  first = tf.where(number > 0, start + overlap // 2, start)
  last = start + stride + overlap // 2
  last = tf.where(limit < row_limit, last, row_limit)
  window = pieces.value_rowids()
  kept = (pieces.values >= tf.gather(first, window)) & (
    pieces.values < tf.gather(last, window)
  )
  return Windows(pieces, pieces.with_values(kept))


def pack_windows(
  ids: tf.RaggedTensor, cases: tf.RaggedTensor, tokenizer: BertTokenizer
) -> dict[str, tf.Tensor]:
  """Packs `[CLS] window [SEP]`; the type of a wordpiece is its case.

  Args:
    ids: int32 [windows, (length)].
    cases: int32 [windows, (length)].
    tokenizer: Tokenizer of the ids.

  Returns:
    `input_word_ids`, `input_mask`, `input_type_ids`, int32
    [windows, longest + 2].
  """
  ends = tf.ones([ids.nrows(), 1], tf.int32)
  packed = tf.concat([ends * tokenizer.cls_id, ids, ends * tokenizer.sep_id], 1)
  types = tf.concat([0 * ends, cases, 0 * ends], 1)
  return {
    'input_word_ids': packed.to_tensor(tokenizer.pad_id),
    'input_mask': tf.ones_like(packed).to_tensor(0),
    'input_type_ids': types.to_tensor(0),
  }
