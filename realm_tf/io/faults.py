# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a file, in one line that names it."""

import contextlib
import json
import os
import re
from collections.abc import Iterator

_LONGEST = 300
# TensorFlow adds the names of its ops.
_OPS = re.compile(r'\{\{.*?\}\}\s*|\s*\[Op:.*', re.DOTALL)


def text_of(error: BaseException) -> str:
  """Returns what an error of any library says, in one short line."""
  if isinstance(error, json.JSONDecodeError):
    text = f'not JSON: {error.msg}'
  elif isinstance(error, UnicodeDecodeError):
    text = f'not {error.encoding.upper()} at byte {error.start}'
  elif isinstance(error, RecursionError):
    text = 'nested too deeply'
  elif isinstance(error, MemoryError):
    text = 'too large for the memory'
  elif isinstance(error, KeyError):
    text = f'no {error}'
  elif isinstance(error, OSError) and error.strerror:
    text = error.strerror
  else:
    # TensorFlow's errors have a `message` without code and place.
    text = str(getattr(error, 'message', None) or error)
  words = _OPS.sub('', text).split()
  text = ''.join(c if c.isprintable() else '?' for c in ' '.join(words))
  if len(text) > _LONGEST:
    text = text[:_LONGEST] + ' ...'
  return text or type(error).__name__


@contextlib.contextmanager
def naming(
  where: str | os.PathLike, error: type[ValueError] = ValueError
) -> Iterator[None]:
  """Turns whatever goes wrong while a file is read into an error naming it.

  A damaged file makes libraries raise errors of any type, and few name the
  file. Only reading and parsing belong inside.

  Args:
    where: Path of the file, maybe with a line or record.
    error: Type of the error.

  Raises:
    OSError: The file cannot be opened or read.
    ValueError: It is damaged or not what it should be.
  """
  where = os.fspath(where)
  try:
    yield
  except Exception as e:
    said = str(e)
    if isinstance(e, error | OSError) and where in said and '\n' not in said:
      raise
    if isinstance(e, OSError) and e.errno and error is ValueError:
      raise OSError(e.errno, e.strerror, e.filename or where) from e
    raise error(f'{where}: {text_of(e)}') from e
