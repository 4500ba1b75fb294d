# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a file or a disk, in one line that names the file."""

import contextlib
import errno
import json
import os
import re
import shutil
from collections.abc import Iterator
from typing import Any

_LONGEST = 300
# TensorFlow adds the names of its ops.
_OPS = re.compile(r'\{\{.*?\}\}\s*|\s*\[Op:.*', re.DOTALL)

_FAULTS = (
  *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO),
  *(errno.EACCES, errno.EMFILE, errno.ENFILE),
)
# In an error of TensorFlow: the path, if it names one, and the cause.
_FAULT = re.compile(
  rf'(?:(/\S+); )?({"|".join(re.escape(os.strerror(c)) for c in _FAULTS)})'
)


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


def _system_error(said: str, path: Any) -> OSError | None:
  """The error of the system that a text tells of."""
  fault = _FAULT.search(said)
  if fault is None:
    return None
  code = next(c for c in _FAULTS if os.strerror(c) == fault[2])
  return OSError(code, fault[2], fault[1] or path and os.fspath(path))


@contextlib.contextmanager
def named_errors(path: str | os.PathLike | None = None) -> Iterator[None]:
  """Names a path in errors of the system that name none, as those of `write`.

  TensorFlow's errors of reading and writing become errors of the system, and so
  does what `shutil.copytree` raises: a list.

  Args:
    path: File or directory. Defaults to what the error itself names.
  """
  try:
    yield
  except shutil.Error as e:
    _, target, why = e.args[0][0]
    fault = _system_error(str(why), target)
    if fault is None:
      raise
    raise fault from e
  except OSError as e:
    if path is not None and e.errno is not None and e.filename is None:
      e.filename = os.fspath(path)
    raise
  except Exception as e:
    is_of_tensorflow = type(e).__module__.startswith('tensorflow.')
    fault = _system_error(str(e), path) if is_of_tensorflow else None
    if fault is None:
      raise
    raise fault from e
