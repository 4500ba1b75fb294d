# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds answers that are regular expressions, as in CuratedTREC.

They are matched with the original text of blocks, and what was found is
remembered. RE2, which takes linear time, chooses the blocks that may match;
Python's own matching, for a limited time, decides.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf.questions import timed_regex
from realm_tf.questions.answers import compile_pattern
from realm_tf.text.tokenizer import BertTokenizer

_TOKEN = re.compile(
  r'\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?:?|\{,|[*+?}]\+|.', re.DOTALL
)
_CLASSES = {
  r'\d': r'\p{Nd}',
  r'\s': r'\t-\r\x1c- \x{85}\p{Z}',
  r'\w': r'\p{L}\p{N}_',
}


def to_re2(pattern: str) -> str | None:
  """Makes a pattern of RE2 that matches wherever a pattern of Python does.

  It may match elsewhere, too: word boundaries are left out, since RE2 knows
  only those of ASCII.

  Returns:
    The pattern for a whole text in which dotless and dotted capital i are
    replaced by i, which RE2 takes for other letters; or None where RE2 may not
    match as Python does: look-around, references, inline flags, possessive
    repetitions, non-ASCII characters.
  """

  def escape(match: re.Match) -> str:
    token = match[0]
    if token in _CLASSES:
      return _CLASSES[token]
    if token[1].isalnum() and token[1] not in 'Aafnrtvx':
      raise ValueError(token)
    return token.replace(r'\_', '_')

  def convert(match: re.Match) -> str:
    token = match[0]
    if token in (r'\b', r'\B', r'\Z'):
      return '(?:)'
    if token.lower() in _CLASSES:
      negation = '^' if token[1].isupper() else ''
      return f'[{negation}{_CLASSES[token.lower()]}]'
    if token in ('(?', '{,') or re.fullmatch(r'[*+?}]\+', token):
      raise ValueError(token)
    if '[:' in token:
      raise ValueError(token)
    return re.sub(r'\\.', escape, token, flags=re.DOTALL)

  if not pattern.isascii():
    return None
  try:
    return f'(?im)(?s:.*)(?:{_TOKEN.sub(convert, pattern)})(?s:.*)'
  except ValueError:
    return None


def may_match(patterns: Sequence[str], texts: Sequence[str]) -> np.ndarray:
  """Returns in linear time which texts may have a match, bool `[texts]`.

  Raises:
    AnswerPatternError: A pattern does not compile.
  """
  for pattern in patterns:
    compile_pattern(pattern)
  found = np.zeros(len(texts), bool)
  values = tf.constant(
    [
      text.replace('ı', 'i').replace('İ', 'i').encode('utf-8', 'replace')
      for text in texts
    ],
    tf.string,
  )
  for linear in map(to_re2, patterns):
    if linear is None:
      return np.ones_like(found)
    try:
      found |= tf.raw_ops.RegexFullMatch(input=values, pattern=linear).numpy()
    except tf.errors.InvalidArgumentError:  # Too large for RE2.
      return np.ones_like(found)
  return found


def byte_spans(
  patterns: Sequence[str], texts: Sequence[str], question: str = ''
) -> list[list[tuple[int, int]]]:
  """Finds all matches in texts that are more than white space.

  Args:
    patterns: Regular expressions, for Unicode, ignoring case.
    texts: The texts.
    question: The question, for the log of what ran out of time.

  Returns:
    First UTF-8 byte of each match and the byte after its last, in order, for
    each text.
  """
  result: list[list[tuple[int, int]]] = [[] for _ in texts]
  chosen = np.flatnonzero(may_match(patterns, texts)).tolist()
  found = timed_regex.find(
    patterns, [texts[i] for i in chosen], 'all', question
  )
  for i, spans in zip(chosen, found):
    text = texts[i]
    result[i] = [
      (len(text[:start].encode()), len(text[:limit].encode()))
      for start, limit in spans
    ]
  return result


def token_spans(
  spans: Sequence[tuple[int, int]], starts: np.ndarray, limits: np.ndarray
) -> np.ndarray:
  """Covers each span of bytes with the fewest wordpieces.

  Args:
    spans: First byte of each span and the byte after its last.
    starts: int [tokens], first byte of each wordpiece.
    limits: int [tokens], byte after the last of each wordpiece.

  Returns:
    int32 [spans, 2], the different pairs of first and last wordpieces. A span
    without wordpieces, such as one of deleted characters, is left out.
  """
  bounds = np.asarray(spans, np.int64).reshape(-1, 2)
  first = np.searchsorted(limits, bounds[:, 0], side='right')
  last = np.searchsorted(starts, bounds[:, 1], side='left') - 1
  found = np.stack([first, last], 1)[first <= last]
  return np.unique(found, axis=0).astype(np.int32)


class RegexAnswers:
  """Finds answers in blocks by regular expression, each pair only once.

  Not safe for use by several threads at once.

  Example:
    answers = RegexAnswers(corpus.bodies, tokenizer)
    answers.contain(['(19)?76'], rows)       # bool [5000]
    answers.spans(['(19)?76'], rows[:5])     # five of int32 [spans, 2]
  """

  def __init__(
    self,
    bodies: Callable[[np.ndarray], Sequence[str]],
    tokenizer: BertTokenizer,
    *,
    max_pairs: int = 20_000_000,
    max_span_pairs: int = 100_000,
  ):
    """Makes a finder.

    Args:
      bodies: Returns the texts of rows int64 `[n]`, as `Corpus.bodies` does.
      tokenizer: Tokenizer of the blocks.
      max_pairs: Number of pairs of a question and a block for which it is
        remembered whether the block contains an answer; 9 bytes each.
      max_span_pairs: Number of pairs whose spans are remembered.
    """
    self._bodies = bodies
    self._tokenizer = tokenizer
    self._max_pairs, self._max_span_pairs = max_pairs, max_span_pairs
    # By question: sorted rows, and whether they match.
    self._known: dict[tuple[str, ...], tuple[np.ndarray, np.ndarray]] = {}
    self._num_pairs = 0
    self._spans: dict[tuple, np.ndarray] = {}

  def contain(
    self, patterns: Sequence[str], rows: np.ndarray, question: str = ''
  ) -> np.ndarray:
    """Returns which blocks have a match that is more than white space.

    Args:
      patterns: The answers to one question.
      rows: Rows of blocks, int `[n]`.
      question: The question, for the log of what ran out of time.

    Returns:
      bool `[n]`.
    """
    key, rows = tuple(patterns), np.asarray(rows, np.int64)
    if not len(rows):
      return np.zeros(0, bool)
    nothing = np.zeros(0, np.int64), np.zeros(0, bool)
    known, found = self._known.get(key, nothing)
    new = np.setdiff1d(rows, known)
    if len(new):
      bodies = self._bodies(new)
      matched = may_match(key, bodies)
      chosen = [bodies[i] for i in np.flatnonzero(matched).tolist()]
      hits = timed_regex.find(key, chosen, 'search', question)
      matched[matched] = [bool(hit) for hit in hits]
      known, found = np.append(known, new), np.append(found, matched)
      order = np.argsort(known)
      known, found = known[order], found[order]
      self._num_pairs += len(new)
      if self._num_pairs > self._max_pairs:
        self._known.clear()
        self._num_pairs = len(known)
      self._known[key] = known, found
    return found[np.searchsorted(known, rows)]

  def spans(
    self, patterns: Sequence[str], rows: np.ndarray, question: str = ''
  ) -> list[np.ndarray]:
    """Finds all matches as spans of wordpieces.

    Args:
      patterns: The answers to one question.
      rows: Rows of blocks, int `[n]`.
      question: The question, for the log of what ran out of time.

    Returns:
      int32 `[spans, 2]` for each block, first and last wordpieces in the body;
      `answer_spans.pad_spans` pads them.
    """
    keys = [(*patterns, int(row)) for row in rows]
    found: dict[tuple, Any] = {key: self._spans.get(key) for key in keys}
    new = [key for key, spans in found.items() if spans is None]
    if new:
      new_rows = [key[-1] for key in new]
      found.update(zip(new, self._match(patterns, new_rows, question)))
      if len(self._spans) + len(new) > self._max_span_pairs:
        self._spans.clear()
      self._spans.update(found)
    return [found[key] for key in keys]

  def _match(
    self, patterns: Sequence[str], rows: Sequence[int], question: str
  ) -> list[np.ndarray]:
    bodies = self._bodies(np.array(rows))
    in_bytes = byte_spans(patterns, bodies, question)
    matched = [i for i, spans in enumerate(in_bytes) if spans]
    result = [np.zeros([0, 2], np.int32)] * len(bodies)
    if not matched:
      return result
    tokens = self._tokenizer.tokenize_with_offsets([bodies[i] for i in matched])
    splits = tokens.starts.row_splits.numpy()
    starts, limits = (x.values.numpy() for x in (tokens.starts, tokens.limits))
    for i, first, end in zip(matched, splits[:-1], splits[1:]):
      result[i] = token_spans(in_bytes[i], starts[first:end], limits[first:end])
    return result
