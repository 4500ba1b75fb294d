# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds answers that are regular expressions, as in CuratedTREC.

They are matched with the original text of blocks, and what was found is
remembered.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from realm_tf.questions.answers import compile_pattern
from realm_tf.text.tokenizer import BertTokenizer


def _matches(patterns: Sequence[str], text: str) -> Iterator[re.Match]:
  """Yields all matches that are more than white space."""
  for pattern in patterns:
    for match in compile_pattern(pattern).finditer(text):
      if match.group().strip():
        yield match


def byte_spans(patterns: Sequence[str], text: str) -> list[tuple[int, int]]:
  """Finds all matches in a text that are more than white space.

  Args:
    patterns: Regular expressions, for Unicode, ignoring case.
    text: The text.

  Returns:
    First UTF-8 byte of each match and the byte after its last, in order.
  """
  found = sorted({match.span() for match in _matches(patterns, text)})
  if text.isascii():
    return found
  return [
    (len(text[:start].encode()), len(text[:limit].encode()))
    for start, limit in found
  ]


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

  def contain(self, patterns: Sequence[str], rows: np.ndarray) -> np.ndarray:
    """Returns which blocks have a match that is more than white space.

    Args:
      patterns: The answers to one question.
      rows: Rows of blocks, int `[n]`.

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
      matched = [any(_matches(key, body)) for body in self._bodies(new)]
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
    self, patterns: Sequence[str], rows: np.ndarray
  ) -> list[np.ndarray]:
    """Finds all matches as spans of wordpieces.

    Args:
      patterns: The answers to one question.
      rows: Rows of blocks, int `[n]`.

    Returns:
      int32 `[spans, 2]` for each block, first and last wordpieces in the body;
      `answer_spans.pad_spans` pads them.
    """
    keys = [(*patterns, int(row)) for row in rows]
    found: dict[tuple, Any] = {key: self._spans.get(key) for key in keys}
    new = [key for key, spans in found.items() if spans is None]
    if new:
      found.update(zip(new, self._match(patterns, [key[-1] for key in new])))
      if len(self._spans) + len(new) > self._max_span_pairs:
        self._spans.clear()
      self._spans.update(found)
    return [found[key] for key in keys]

  def _match(
    self, patterns: Sequence[str], rows: Sequence[int]
  ) -> list[np.ndarray]:
    bodies = self._bodies(np.array(rows))
    in_bytes = [byte_spans(patterns, body) for body in bodies]
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
