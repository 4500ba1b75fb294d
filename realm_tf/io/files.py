# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds files by pattern, and opens them by their extension."""

import bz2
import glob
import gzip
import os
from collections.abc import Sequence
from typing import IO, cast


def expand(patterns: str | Sequence[str]) -> list[str]:
  """Returns the sorted files of comma-separated paths and globs.

  Raises:
    FileNotFoundError: A pattern matches nothing; the message names it.
  """
  if isinstance(patterns, str):
    patterns = patterns.split(',')
  found = set()
  for pattern in filter(None, (os.fspath(p).strip() for p in patterns)):
    matches = glob.glob(pattern, recursive=True)
    if not matches:
      raise FileNotFoundError(f'no file matches {pattern!r}')
    found.update(matches)
  if not found:
    raise FileNotFoundError(f'no file is named in {patterns!r}')
  return sorted(found)


def is_gzip(path: str | os.PathLike) -> bool:
  """Whether a file is gzipped, by its first bytes, whatever its name."""
  with open(path, 'rb') as f:
    return f.read(2) == b'\x1f\x8b'


def open_binary(path: str | os.PathLike) -> IO[bytes]:
  """Opens a plain, `.gz` or `.bz2` file for reading its uncompressed bytes."""
  name = os.fspath(path)
  if name.endswith('.gz'):
    return cast(IO[bytes], gzip.open(name, 'rb'))
  if name.endswith('.bz2'):
    return bz2.open(name, 'rb')
  return open(name, 'rb')
