# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Parses lines of bytes: text, JSON objects, tab-separated values."""

import csv
import json
import re
from typing import Any

from realm_tf.corpus.document import MalformedError

_LONE_SURROGATE = re.compile(r'[\ud800-\udfff]')


def decode(content: bytes) -> str:
  """Decodes UTF-8.

  Raises:
    MalformedError: The bytes are not UTF-8; the message names the first one.
  """
  try:
    return content.decode()
  except UnicodeDecodeError as e:
    raise MalformedError(f'not UTF-8 at byte {e.start}') from e


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
    raise MalformedError(f'not JSON: {e}') from e
  except RecursionError as e:
    raise MalformedError('nested too deeply') from e
  if not isinstance(record, dict):
    raise MalformedError('not a JSON object')
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
    raise MalformedError(f'{name} is {type(value).__name__}, not a string')
  if not value.isascii() and _LONE_SURROGATE.search(value):
    raise MalformedError(f'not UTF-8: half of a surrogate pair in {name}')
  return value


def parse_tab_separated(line: bytes) -> list[str]:
  """Splits a line at its tabs; values may be quoted as in CSV.

  Raises:
    MalformedError: The line is not UTF-8, or a quoted value does not end.
  """
  try:
    return next(csv.reader([decode(line)], delimiter='\t', strict=True))
  except csv.Error as e:
    raise MalformedError(f'not a line of tab-separated values: {e}') from e
