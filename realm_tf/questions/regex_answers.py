# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds answers that are regular expressions, as in CuratedTREC.

They are matched with the original text of blocks, once for each question and
block.
"""

import collections
import re
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np

from realm_tf.questions.answers import compile_pattern
from realm_tf.text.tokenizer import BertTokenizer


class LRUCache:
  """Keeps the least recently used entries up to a total weight.

  Attributes:
    weight: Weight of all entries.
  """

  def __init__(self, max_weight: int):
    self._max_weight = max_weight
    self._entries: collections.OrderedDict[Hashable, tuple[Any, int]] = (
      collections.OrderedDict()
    )
    self.weight = 0

  def get(self, key: Hashable) -> Any:
    """Returns the value of `key`, or None."""
    if key not in self._entries:
      return None
    self._entries.move_to_end(key)
    return self._entries[key][0]

  def put(self, key: Hashable, value: Any, weight: int = 1) -> None:
    """Stores a value, and drops what was not used for longest."""
    self.weight += weight - self._entries.pop(key, (None, 0))[1]
    self._entries[key] = (value, weight)
    while self.weight > self._max_weight:
      _, (_, dropped) = self._entries.popitem(last=False)
      self.weight -= dropped


def _text(body: str | bytes) -> str:
  if isinstance(body, str):
    return body
  # Invalid bytes keep their number in `_num_bytes`.
  return body.decode('utf-8', 'surrogateescape')


def _num_bytes(text: str) -> int:
  return len(text.encode('utf-8', 'surrogateescape'))


def byte_spans(
  patterns: Sequence[str], body: str | bytes
) -> list[tuple[int, int]]:
  """Finds all matches in a text that are more than white space.

  Args:
    patterns: Regular expressions, for Unicode, ignoring case.
    body: The text; bytes are UTF-8.

  Returns:
    First byte of each match and the byte after its last, in order.
  """
  text = _text(body)
  found = {
    match.span()
    for pattern in patterns
    for match in compile_pattern(pattern).finditer(text)
    if match.group().strip()
  }
  if text.isascii():
    return sorted(found)
  return [
    (_num_bytes(text[:start]), _num_bytes(text[:limit]))
    for start, limit in sorted(found)
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


class _Known(NamedTuple):
  """Sorted rows, and whether they match a question."""

  rows: np.ndarray  # int64 [n]
  matches: np.ndarray  # bool [n]


class RegexAnswers:
  """Finds answers in blocks by regular expression, each pair only once.

  Not safe for use by several threads at once.

  Example:
    answers = RegexAnswers(documents.bodies, tokenizer)
    answers.contain(['(19)?76'], rows)       # bool [5000]
    answers.spans(['(19)?76'], rows[:5])     # five of int32 [spans, 2]
  """

  def __init__(
    self,
    bodies: Callable[[np.ndarray], Sequence[str | bytes]],
    tokenizer: BertTokenizer,
    *,
    max_pairs: int = 20_000_000,
    max_span_pairs: int = 100_000,
  ):
    """Makes a finder.

    Args:
      bodies: Returns the texts of rows int64 `[n]`, as `Documents.bodies` does.
      tokenizer: Tokenizer of the blocks.
      max_pairs: Number of pairs of a question and a block for which it is
        remembered whether the block contains an answer; 9 bytes each.
      max_span_pairs: Number of pairs whose spans are remembered.
    """
    self._bodies = bodies
    self._tokenizer = tokenizer
    self._known = LRUCache(max_pairs)
    self._spans = LRUCache(max_span_pairs)

  def contain(self, patterns: Sequence[str], rows: np.ndarray) -> np.ndarray:
    """Returns which blocks have a match that is more than white space.

    Args:
      patterns: The answers to one question.
      rows: Rows of blocks, int `[n]`.

    Returns:
      bool `[n]`.
    """
    key = tuple(patterns)
    rows = np.asarray(rows, np.int64)
    known = self._known.get(key)
    if known is None:
      known = _Known(np.zeros(0, np.int64), np.zeros(0, bool))
    new = np.setdiff1d(rows, known.rows)
    if len(new):
      compiled = [compile_pattern(pattern) for pattern in key]
      matches = [
        _any_match(compiled, _text(body)) for body in self._bodies(new)
      ]
      merged = np.concatenate([known.rows, new])
      order = np.argsort(merged)
      known = _Known(
        merged[order], np.concatenate([known.matches, matches])[order]
      )
      self._known.put(key, known, len(merged))
    if not len(rows):
      return np.zeros(0, bool)
    return known.matches[np.searchsorted(known.rows, rows)]

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
    key = tuple(patterns)
    rows = np.asarray(rows, np.int64).tolist()
    found = {row: self._spans.get((key, row)) for row in rows}
    new = [row for row, spans in found.items() if spans is None]
    if new:
      for row, spans in zip(new, self._match(key, np.array(new))):
        self._spans.put((key, row), spans)
        found[row] = spans
    return [found[row] for row in rows]

  def _match(
    self, patterns: tuple[str, ...], rows: np.ndarray
  ) -> list[np.ndarray]:
    bodies = self._bodies(rows)
    in_bytes = [byte_spans(patterns, body) for body in bodies]
    matched = [i for i, spans in enumerate(in_bytes) if spans]
    result = [np.zeros([0, 2], np.int32)] * len(bodies)
    if not matched:
      return result
    tokens = self._tokenizer.tokenize_with_offsets(
      [
        body.encode() if isinstance(body, str) else body
        for body in (bodies[i] for i in matched)
      ]
    )
    splits = tokens.starts.row_splits.numpy()
    starts, limits = (x.values.numpy() for x in (tokens.starts, tokens.limits))
    for i, first, end in zip(matched, splits[:-1], splits[1:]):
      result[i] = token_spans(in_bytes[i], starts[first:end], limits[first:end])
    return result


def _any_match(compiled: Sequence[re.Pattern[str]], text: str) -> bool:
  for pattern in compiled:
    first = pattern.search(text)
    if first is None:
      continue
    # The first match may be empty, and a later one not.
    if first.group().strip() or any(
      match.group().strip() for match in pattern.finditer(text, first.start())
    ):
      return True
  return False
