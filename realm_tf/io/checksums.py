# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Checksums of files, to find bits that changed on a disk or on the way."""

import os
import pathlib
import zlib
from collections.abc import Iterable, Mapping

CRC32 = 'crc32'
"""Name of the checksums in metadata."""
_CHUNK = 1 << 22


def _crc32(path: pathlib.Path) -> str:
  crc = 0
  with open(path, 'rb') as f:
    while chunk := f.read(_CHUNK):
      crc = zlib.crc32(chunk, crc)
  return f'{crc:08x}'


def of_files(
  directory: str | os.PathLike, paths: Iterable[str | os.PathLike]
) -> dict[str, str]:
  """Returns the checksum of each of some files.

  Args:
    directory: Directory of the files.
    paths: Paths in that directory.
  """
  return {
    path.as_posix(): _crc32(directory / path)
    for path in sorted(map(pathlib.Path, paths))
  }


def of_directory(directory: str | os.PathLike) -> dict[str, str]:
  """Returns the checksum of each file below a directory, by its path."""
  paths = pathlib.Path(directory).rglob('*')
  files = (path.relative_to(directory) for path in paths if path.is_file())
  return of_files(directory, files)


def verify(
  directory: str | os.PathLike, expected: Mapping[str, str] | None
) -> int:
  """Compares files with their checksums; reads all of them.

  Args:
    directory: Directory of the files.
    expected: Checksums by path; None if it was written without any.

  Returns:
    The number of files.

  Raises:
    ValueError: Names the files that are damaged or not there.
  """
  if not isinstance(expected, Mapping | None):
    raise ValueError(f'{os.fspath(directory)}: its checksums are damaged')
  damaged = []
  for name, checksum in (expected or {}).items():
    path = pathlib.Path(directory, name)
    if not path.is_file():
      damaged.append(f'{path} is not there')
    elif (found := _crc32(path)) != checksum:
      damaged.append(f'{path} is damaged (crc32 {found}, not {checksum})')
  if damaged:
    raise ValueError(
      f'{"; ".join(damaged)}: restore a copy of {os.fspath(directory)}, or make'
      ' it again'
    )
  return len(expected or {})
