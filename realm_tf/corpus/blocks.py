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

from realm_tf.corpus.document import Document
from realm_tf.corpus.store import Blocks
from realm_tf.text import sentences
from realm_tf.text.tokenizer import BertTokenizer

SPECIAL_TOKENS = 3


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


def cut_sentences(
  texts: Sequence[str], max_tokens: Sequence[int], tokenizer: BertTokenizer
) -> list[list[str]]:
  """Cuts each sentence into pieces of at most `max_tokens` wordpieces.

  A sentence is cut at white space where there is any, else between words
  (Chinese has no spaces), else inside a word; the halves of a word can have
  more wordpieces than the whole, so that they may have to be cut again.
  Nothing but white space is lost.
  """
  encoded = [t.encode() for t in texts]
  tokens = tokenizer.tokenize_with_offsets(encoded)
  splits = tokens.ids.row_splits.numpy()
  ids = tokens.ids.values.numpy()
  starts = tokens.starts.values.numpy()
  limits = tokens.limits.values.numpy()
  result = []
  for i, text in enumerate(texts):
    row = slice(splits[i], splits[i + 1])
    inside = [tokenizer.vocab[j].startswith('##') for j in ids[row]]
    cuts = _places_to_cut(
      encoded[i], starts[row], limits[row], inside, max_tokens[i]
    )
    pieces = [
      encoded[i][first:last].decode().strip()
      for first, last in zip([0, *cuts], [*cuts, len(encoded[i])])
    ]
    result.append([p for p in pieces if p] or [text])
  return result


def _places_to_cut(
  text: bytes,
  starts: np.ndarray,
  limits: np.ndarray,
  inside: Sequence[bool],
  max_tokens: int,
) -> list[int]:
  """Returns the bytes before which to cut.

  Args:
    text: UTF-8 sentence.
    starts: First byte of each wordpiece.
    limits: Byte after the last of each wordpiece.
    inside: Whether a wordpiece continues a word.
    max_tokens: Wordpieces between two cuts, at most.
  """
  cuts = []
  first = 0
  while len(starts) - first > max_tokens:
    last = first + max_tokens
    spaces = range(last, first + max_tokens // 2, -1)
    words = range(last, first, -1)
    first = next(
      (i for i in spaces if text[limits[i - 1] : starts[i]].isspace()),
      next((i for i in words if not inside[i]), last),
    )
    cuts.append(int(starts[first]))
  return cuts


def _fit(
  texts: list[str],
  tokens: _Tokens,
  per_document: list[int],
  budgets: np.ndarray,
  tokenizer: BertTokenizer,
) -> tuple[list[str], _Tokens, list[int], int]:
  """Cuts the sentences that are longer than a block, if there are any.

  Returns:
    The arguments with pieces in place of such sentences, and their number.
  """
  owners = np.repeat(np.arange(len(budgets)), per_document)
  lengths = np.diff(tokens.splits)
  long = np.flatnonzero(lengths > budgets[owners])
  if not len(long):
    return texts, tokens, per_document, 0
  pieces = cut_sentences(
    [texts[i] for i in long], budgets[owners[long]].tolist(), tokenizer
  )
  piece_tokens = _tokenize(tokenizer, [p for same in pieces for p in same])
  piece_lengths = np.diff(piece_tokens.splits)
  per_document = list(per_document)
  new_texts: list[str] = []
  new_values, new_lengths = [], []
  previous = done = 0
  for i, same in zip(long.tolist(), pieces):
    new_texts += [*texts[previous:i], *same]
    new_values += [
      tokens.values[tokens.splits[previous] : tokens.splits[i]],
      piece_tokens.values[
        piece_tokens.splits[done] : piece_tokens.splits[done + len(same)]
      ],
    ]
    new_lengths += [lengths[previous:i], piece_lengths[done : done + len(same)]]
    per_document[owners[i]] += len(same) - 1
    previous, done = i + 1, done + len(same)
  new_texts += texts[previous:]
  new_values.append(tokens.values[tokens.splits[previous] :])
  new_lengths.append(lengths[previous:])
  splits = np.concatenate([[0], np.cumsum(np.concatenate(new_lengths))])
  new_tokens = _Tokens(np.concatenate(new_values), splits)
  if len(new_texts) > len(texts):
    # Halves of a word may be too long again.
    new_texts, new_tokens, per_document, _ = _fit(
      new_texts, new_tokens, per_document, budgets, tokenizer
    )
  return new_texts, new_tokens, per_document, len(long)


def make_blocks(
  documents: Sequence[Document],
  tokenizer: BertTokenizer,
  max_block_length: int = 288,
) -> tuple[Blocks, collections.Counter]:
  """Splits documents into blocks.

  Args:
    documents: Clean documents; a few hundred at a time are fastest.
    tokenizer: Tokenizer of the corpus.
    max_block_length: Wordpieces of a block with title and special tokens.

  Returns:
    The blocks in order, and what was counted: `blocks`, `sentences`,
    `wordpieces` of bodies, `cut_sentences`, `cut_titles`, `empty_blocks`.
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

  owners: list[int] = []
  bodies: list[bytes] = []
  body_ids: list[np.ndarray] = []
  splits = tokens.splits.tolist()
  first = 0
  for i, budget in enumerate(budgets.tolist()):
    limit = first + per_document[i]
    while first < limit:
      last = first + 1
      room = splits[first] + budget
      while last < limit and splits[last + 1] <= room:
        last += 1
      # A sentence may be only characters that the tokenizer deletes.
      if splits[last] > splits[first]:
        owners.append(i)
        bodies.append(' '.join(texts[first:last]).encode())
        body_ids.append(tokens.values[splits[first] : splits[last]])
      else:
        counts['empty_blocks'] += 1
      first = last
  counts['blocks'] = len(bodies)
  title_ids = [
    titles.values[start : start + length]
    for start, length in zip(titles.splits, title_lengths)
  ]
  return Blocks.make(
    [documents[i].title.encode() for i in owners],
    bodies,
    [title_ids[i] for i in owners],
    body_ids,
    vocab_size=tokenizer.vocab_size,
    record_ids=[documents[i].id.encode() for i in owners],
    urls=[documents[i].url.encode() for i in owners],
  ), counts
