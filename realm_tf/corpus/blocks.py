# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Greedy blocks of whole sentences, for many documents at a time.

A block is as many sentences in a row as fit, with the title and BERT's
special tokens, into `max_block_length` wordpieces:

    [CLS] title [SEP] body [SEP]
"""

import collections
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from realm_tf.corpus import block_records, sentences
from realm_tf.corpus.document import Document
from realm_tf.text.tokenizer import BertTokenizer

SPECIAL_TOKENS = 3
# Below this a title and a handful of words no longer fit.
MIN_BLOCK_LENGTH = 16


class _Tokens(NamedTuple):
  """Wordpieces of many strings, flat.

  Attributes:
    values: int32 `[total]`.
    splits: `[strings + 1]`: string i has values[splits[i]:splits[i + 1]].
  """

  values: np.ndarray
  splits: np.ndarray


def _tokenize(tokenizer: BertTokenizer, texts: Sequence[str]) -> _Tokens:
  if not texts:
    return _Tokens(np.zeros(0, np.int32), np.zeros(1, np.int64))
  ragged = tokenizer.tokenize([t.encode() for t in texts])
  return _Tokens(ragged.values.numpy(), ragged.row_splits.numpy())


def cut_sentence(
  sentence: str, max_tokens: int, tokenizer: BertTokenizer
) -> list[str]:
  """Cuts a sentence into pieces of at most `max_tokens` wordpieces.

  It is cut at white space where there is any, else between words (Chinese has
  no spaces), else inside a word. Nothing but white space is lost.
  """
  encoded = sentence.encode()
  tokens = tokenizer.tokenize_with_offsets([encoded])
  starts = tokens.starts.values.numpy()
  limits = tokens.limits.values.numpy()
  if len(starts) <= max_tokens:
    return [sentence]
  ids = tokens.ids.values.numpy()

  def is_continuation(i: int) -> bool:
    return tokenizer.vocab[ids[i]].startswith('##')

  def best_cut(first: int) -> int:
    last = first + max_tokens
    for i in range(last, first + max_tokens // 2, -1):
      if encoded[limits[i - 1] : starts[i]].isspace():
        return i
    for i in range(last, first, -1):
      if not is_continuation(i):
        return i
    return last

  pieces = []
  first = 0
  position = 0
  while len(starts) - first > max_tokens:
    first = best_cut(first)
    # Not the start of the next token: what stands before it, such as an
    # opening mark that is no token, would go to the wrong side.
    limit = int(starts[first])
    pieces.append(encoded[position:limit].decode().strip())
    position = limit
  pieces.append(encoded[position:].decode().strip())
  # A word that was cut can have other wordpieces, and more of them.
  return [
    short
    for piece in pieces
    if piece
    for short in (
      cut_sentence(piece, max_tokens, tokenizer)
      if piece != sentence
      else [piece]
    )
  ]


def _fit(
  texts: list[str],
  tokens: _Tokens,
  counts_per_document: list[int],
  budgets: np.ndarray,
  tokenizer: BertTokenizer,
) -> tuple[list[str], _Tokens, list[int], int]:
  """Cuts the sentences that are longer than a block, if there are any."""
  owners = np.repeat(np.arange(len(budgets)), counts_per_document)
  long = np.flatnonzero(np.diff(tokens.splits) > budgets[owners])
  if not len(long):
    return texts, tokens, counts_per_document, 0
  counts_per_document = list(counts_per_document)
  new_texts: list[str] = []
  values, lengths = [], []
  previous = 0
  old_lengths = np.diff(tokens.splits)
  for i in [*long, len(texts)]:
    new_texts.extend(texts[previous:i])
    values.append(tokens.values[tokens.splits[previous] : tokens.splits[i]])
    lengths.append(old_lengths[previous:i])
    if i == len(texts):
      break
    pieces = cut_sentence(texts[i], int(budgets[owners[i]]), tokenizer)
    piece_tokens = _tokenize(tokenizer, pieces)
    new_texts.extend(pieces)
    values.append(piece_tokens.values)
    lengths.append(np.diff(piece_tokens.splits))
    counts_per_document[owners[i]] += len(pieces) - 1
    previous = i + 1
  splits = np.concatenate([[0], np.cumsum(np.concatenate(lengths))])
  new_tokens = _Tokens(np.concatenate(values), splits)
  return new_texts, new_tokens, counts_per_document, len(long)


def make_blocks(
  documents: Sequence[Document],
  tokenizer: BertTokenizer,
  max_block_length: int = 288,
) -> tuple[list[bytes], collections.Counter]:
  """Splits documents into blocks.

  Args:
    documents: Clean documents; a few hundred at a time are fastest.
    tokenizer: The tokenizer.
    max_block_length: Wordpieces of a block with title and special tokens.

  Returns:
    The serialized block records in order, and what was counted: `blocks`,
    `sentences`, `wordpieces` of bodies, `cut_sentences`, `cut_titles`.
  """
  counts: collections.Counter = collections.Counter()
  titles = _tokenize(tokenizer, [d.title for d in documents])
  texts: list[str] = []
  per_document = []
  for document in documents:
    found = sentences.split_sentences(document.text)
    texts.extend(found)
    per_document.append(len(found))
  counts['sentences'] = len(texts)
  # A title gets half of a block at most, so that there is room for a body.
  max_title = (max_block_length - SPECIAL_TOKENS) // 2
  title_lengths = np.diff(titles.splits)
  counts['cut_titles'] = int(np.sum(title_lengths > max_title))
  title_lengths = np.minimum(title_lengths, max_title)
  budgets = max_block_length - SPECIAL_TOKENS - title_lengths
  texts, tokens, per_document, counts['cut_sentences'] = _fit(
    texts, _tokenize(tokenizer, texts), per_document, budgets, tokenizer
  )
  counts['wordpieces'] = len(tokens.values)

  records = []
  splits = tokens.splits.tolist()
  values = tokens.values
  first = 0
  for i, document in enumerate(documents):
    title = document.title.encode()
    title_start = titles.splits[i]
    title_ids = titles.values[
      title_start : title_start + title_lengths[i]
    ].tolist()
    budget = int(budgets[i])
    limit = first + per_document[i]
    while first < limit:
      last = first + 1
      room = splits[first] + budget
      while last < limit and splits[last + 1] <= room:
        last += 1
      body = ' '.join(texts[first:last])
      body_ids = values[splits[first] : splits[last]].tolist()
      # A sentence of nothing but characters that the tokenizer deletes.
      if body_ids:
        records.append(
          block_records.encode_block(title, body.encode(), title_ids, body_ids)
        )
      else:
        counts['empty_blocks'] += 1
      first = last
  counts['blocks'] = len(records)
  return records, counts
