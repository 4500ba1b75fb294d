# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Files and directories that appear under their name only when whole."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import uuid
from collections.abc import Iterator
from typing import IO, Any

_TEMPORARY = re.compile(r'^\..+\.tmp-(\d+)-[0-9a-f]{8}$')


def _temporary_name(path: pathlib.Path) -> pathlib.Path:
  suffix = f'tmp-{os.getpid()}-{uuid.uuid4().hex[:8]}'
  return path.with_name(f'.{path.name}.{suffix}')


def _sync_directory(path: pathlib.Path) -> None:
  descriptor = os.open(path, os.O_RDONLY)
  try:
    os.fsync(descriptor)
  finally:
    os.close(descriptor)


@contextlib.contextmanager
def atomic_file(path: str | os.PathLike, mode: str = 'wb') -> Iterator[IO]:
  """Opens a temporary file that takes the name `path` when it is whole.

  Args:
    path: Final name. Its directory is made if it is not there.
    mode: `wb` or `w`; text is UTF-8.

  Yields:
    The open file. An error inside the block removes it and leaves whatever
    stood at `path` before.
  """
  path = pathlib.Path(path)
  path.parent.mkdir(parents=True, exist_ok=True)
  temporary = _temporary_name(path)
  try:
    with open(temporary, mode, encoding=None if 'b' in mode else 'utf-8') as f:
      yield f
      f.flush()
      os.fsync(f.fileno())
    os.replace(temporary, path)
  except BaseException:
    temporary.unlink(missing_ok=True)
    raise
  _sync_directory(path.parent)


@contextlib.contextmanager
def atomic_directory(path: str | os.PathLike) -> Iterator[pathlib.Path]:
  """Makes a temporary directory that takes the name `path` when it is whole.

  Args:
    path: Final name. A directory that stands there already is replaced.

  Yields:
    The temporary directory. An error inside the block removes it.
  """
  path = pathlib.Path(path)
  path.parent.mkdir(parents=True, exist_ok=True)
  temporary = _temporary_name(path)
  temporary.mkdir()
  try:
    yield temporary
    for root, _, names in os.walk(temporary):
      for name in names:
        with open(os.path.join(root, name), 'rb') as f:
          os.fsync(f.fileno())
      _sync_directory(pathlib.Path(root))
    replaced = None
    if path.exists():
      # A directory cannot be renamed over a full one: move that away first.
      replaced = _temporary_name(path)
      os.rename(path, replaced)
    os.rename(temporary, path)
    if replaced is not None:
      shutil.rmtree(replaced)
  except BaseException:
    shutil.rmtree(temporary, ignore_errors=True)
    raise
  _sync_directory(path.parent)


def _is_running(pid: int) -> bool:
  try:
    os.kill(pid, 0)
  except ProcessLookupError:
    return False
  except PermissionError:
    return True
  return True


def remove_stale(parent: str | os.PathLike) -> list[str]:
  """Removes what dead processes left half-written in `parent`.

  Returns:
    The names removed.
  """
  removed: list[str] = []
  parent = pathlib.Path(parent)
  if not parent.is_dir():
    return removed
  for entry in sorted(parent.iterdir()):
    match = _TEMPORARY.match(entry.name)
    if match is None or _is_running(int(match.group(1))):
      continue
    if entry.is_dir():
      shutil.rmtree(entry)
    else:
      entry.unlink()
    removed.append(entry.name)
  return removed


def write_json(path: str | os.PathLike, value: Any) -> None:
  """Writes `value` as indented JSON, atomically."""
  with atomic_file(path, 'w') as f:
    json.dump(value, f, indent=2, sort_keys=True, ensure_ascii=False)
    f.write('\n')


def read_json(path: str | os.PathLike) -> Any:
  """Reads a JSON file.

  Raises:
    FileNotFoundError: `path` is not there.
    ValueError: It is not JSON; the message names the file and the line.
  """
  try:
    with open(path, encoding='utf-8') as f:
      return json.load(f)
  except json.JSONDecodeError as e:
    raise ValueError(f'{path}:{e.lineno}: not JSON: {e.msg}') from e
