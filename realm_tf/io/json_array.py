# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads JSON arrays that are larger than memory, item by item."""

import codecs
import json
from collections.abc import Iterator
from typing import IO, Any

_CHUNK = 1 << 20
_SPACE = frozenset(' \t\n\r')
_AFTER_ITEM = _SPACE | {',', ']'}


class _Text:
  """A window on a text that counts lines."""

  def __init__(self, stream: IO[bytes], max_item: int):
    # Bytes that are not UTF-8 become lone surrogates in their item, so that the
    # other items can be read.
    self._bytes = codecs.getincrementaldecoder('utf-8-sig')('surrogateescape')
    self._stream = stream
    self._max_item = max_item
    self._decoder = json.JSONDecoder()
    self._window = ''
    self._position = 0
    self._ended = False
    self.line = 1

  def _read(self, size: int) -> None:
    content = self._stream.read(size)
    self._ended = not content
    more = self._bytes.decode(content, final=self._ended)
    self._window = self._window[self._position :] + more
    self._position = 0

  def _skip_to(self, limit: int) -> None:
    self.line += self._window.count('\n', self._position, limit)
    self._position = limit

  def next_character(self) -> str:
    """Skips white space, and returns the next character, before the end."""
    if character := self.character_if_any():
      return character
    raise ValueError(f'line {self.line}: the array does not end')

  def character_if_any(self) -> str:
    """As `next_character`; nothing at the end."""
    while True:
      limit = self._position
      while limit < len(self._window) and self._window[limit] in _SPACE:
        limit += 1
      self._skip_to(limit)
      if limit < len(self._window):
        self._skip_to(limit + 1)
        return self._window[limit]
      self._read(_CHUNK)
      if self._ended:
        return ''

  def item_from(self, first: str) -> Any:
    """Parses the item that begins with the last character."""
    self._position -= 1
    assert self._window[self._position] == first
    while True:
      try:
        item, limit = self._decoder.raw_decode(self._window, self._position)
      except json.JSONDecodeError as e:
        problem = e.msg
      else:
        # An item may continue after the window, as 12 in 12.5.
        if self._window[limit : limit + 1] in _AFTER_ITEM:
          self._skip_to(limit)
          return item
        problem = 'neither "," nor "]" after an item'
      known = len(self._window) - self._position
      if self._ended or known > self._max_item:
        raise ValueError(f'line {self.line}: not JSON: {problem}')
      self._read(max(_CHUNK, known))


def read_items(
  stream: IO[bytes], max_item: int = 64 << 20, *, in_object: bool = False
) -> Iterator[tuple[int, Any]]:
  """Reads a JSON array, or several that follow one another.

  Args:
    stream: UTF-8; must stay open while the iterator is used.
    max_item: Approximate maximum number of characters of an item; a longer one
      counts as broken.
    in_object: Whether the array is a value of an object, whose other values are
      not read.

  Yields:
    (line where the item begins, from 1; the item). A byte that is not UTF-8
    becomes a lone surrogate.

  Raises:
    ValueError: The rest is no JSON array, or there is something after it; the
      message begins with `line N: `.
    RecursionError: An item is nested too deeply.
  """
  text = _Text(stream, max_item)
  sign = text.next_character()
  while sign == '[':
    yield from _items_of_one(text)
    sign = text.character_if_any()
    if in_object and sign == ',':
      return
    if in_object and sign == '}':
      sign = text.character_if_any()
    if not sign:
      return
    if in_object or sign != '[':
      raise ValueError(f'line {text.line}: something after the end of the JSON')
  raise ValueError(f'line {text.line}: not a JSON array')


def _items_of_one(text: _Text) -> Iterator[tuple[int, Any]]:
  sign = text.next_character()
  if sign == ']':
    return
  while True:
    line = text.line
    yield line, text.item_from(sign)
    sign = text.next_character()
    if sign == ']':
      return
    if sign != ',':
      raise ValueError(f'line {text.line}: not JSON: neither "," nor "]"')
    sign = text.next_character()
