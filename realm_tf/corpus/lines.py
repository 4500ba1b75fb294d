# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Lines of bytes: cut from files, and parsed as text, JSON or columns."""

import csv
import json
import re
from collections.abc import Iterator
from typing import IO, Any

from realm_tf.corpus.document import MalformedError

# Bytes of a record at most; text of a thousand books.
MAX_RECORD = 64 << 20
# A line that is longer is no text with a record that is too long.
_NO_LINES = 16 * MAX_RECORD
_BYTE_ORDER_MARK = b'\xef\xbb\xbf'
_LONE_SURROGATE = re.compile(r'[\ud800-\udfff]')


class DamagedError(ValueError):
  """A file that cannot be read further.

  Attributes:
    line: Where; None for the record after the last one.
  """

  def __init__(self, line: int | None, reason: str):
    super().__init__(line, reason)
    self.line = line

  def __str__(self) -> str:
    return self.args[1]


def too_long(what: str) -> MalformedError:
  """Returns the error of a record of more than `MAX_RECORD` bytes."""
  return MalformedError(
    f'{what} is longer than {MAX_RECORD >> 20} MB', 'too_long'
  )


def _pass_over(stream: IO[bytes], line: int) -> None:
  """Reads the rest of a line that is too long."""
  passed = MAX_RECORD
  while (content := stream.readline(1 << 20)) and content[-1:] != b'\n':
    passed += len(content)
    if passed > _NO_LINES:
      raise DamagedError(line, f'no line break in {_NO_LINES >> 30} GB')


def cut(stream: IO[bytes]) -> Iterator[tuple[int, bytes | MalformedError]]:
  """Yields the lines of a file with their numbers, from 1, but for empty ones.

  A line of more than `MAX_RECORD` bytes is a `MalformedError` in its place. A
  byte order mark is dropped at the start of any line: files are concatenated.

  Raises:
    DamagedError: A line has no end.
  """
  line = 0
  while content := stream.readline(MAX_RECORD):
    line += 1
    if len(content) == MAX_RECORD and content[-1:] != b'\n':
      del content
      _pass_over(stream, line)
      yield line, too_long('a line')
      continue
    if content[:3] == _BYTE_ORDER_MARK:
      content = content[3:]
    if content.strip():
      yield line, content


def cut_objects(stream: IO[bytes]) -> Iterator[tuple[int, Any]]:
  """As `cut`, for lines of JSON.

  Raises:
    DamagedError: Also if an object ends with the file, in the middle of a line.
  """
  for line, content in cut(stream):
    if isinstance(content, bytes) and content[:1] == b'{':
      _check_end(line, content)
    yield line, content


def _check_end(line: int, content: bytes) -> None:
  if content[-1:] == b'\n':
    return
  try:
    json.loads(content)
  except RecursionError:
    pass
  except ValueError as e:
    if 'Extra data' not in str(e):
      raise DamagedError(line, 'the last line is cut off') from e


def decode(content: bytes) -> str:
  """Decodes UTF-8.

  Raises:
    MalformedError: The bytes are not UTF-8; the message names the first one.
  """
  try:
    return content.decode()
  except UnicodeDecodeError as e:
    raise MalformedError(f'not UTF-8 at byte {e.start}', 'not_utf8') from e


def parse_object(line: bytes) -> dict[str, Any]:
  """Parses a line of JSON.

  Raises:
    MalformedError: The line is not UTF-8, not JSON or not an object.
  """
  try:
    record = json.loads(decode(line))
  except MalformedError:
    raise
  except ValueError as e:
    raise MalformedError(f'not JSON: {e}', 'not_json') from e
  except RecursionError as e:
    raise MalformedError('nested too deeply', 'not_json') from e
  if not isinstance(record, dict):
    raise MalformedError('not a JSON object', 'not_json')
  return record


def check_string(name: str, value: object) -> str:
  """Returns a value of parsed JSON, which must be text.

  Args:
    name: Name of the value, for the error.
    value: Parsed value.

  Raises:
    MalformedError: The value is no string, or one that UTF-8 cannot hold.
  """
  if not isinstance(value, str):
    raise MalformedError(
      f'{name} is {type(value).__name__}, not a string', 'wrong_type'
    )
  if not value.isascii() and _LONE_SURROGATE.search(value):
    raise MalformedError(
      f'not UTF-8: half of a surrogate pair in {name}', 'not_utf8'
    )
  return value


def _unquote(value: str) -> str:
  """Undoes the quoting of CSV, if that is what it is."""
  inner = value[1:-1]
  if value[:1] != '"' or value[-1:] != '"' or len(value) < 2:
    return value
  if '"' in inner.replace('""', ''):
    return value
  return inner.replace('""', '"')


def parse_tab_separated(line: bytes, columns: int | None = None) -> list[str]:
  """Splits a line at its tabs; values may be quoted as in CSV.

  A quotation mark that begins or ends a value without quoting all of it is part
  of the text.

  Args:
    line: UTF-8, with or without its end.
    columns: Expected number of values: a line with more has tabs in quotes.

  Raises:
    MalformedError: The line is not UTF-8.
  """
  text = decode(line).rstrip('\r\n')
  values = text.split('\t')
  if columns is not None and len(values) > columns:
    try:
      (quoted,) = csv.reader([text], delimiter='\t', strict=True)
    except (csv.Error, ValueError):
      quoted = []
    if len(quoted) == columns:
      return quoted
  return [_unquote(value) for value in values]
