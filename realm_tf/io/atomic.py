# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Files and directories that appear under their name when complete."""

import contextlib
import ctypes
import errno
import json
import os
import pathlib
import re
import shutil
import uuid
from collections.abc import Iterator
from typing import IO, Any

from absl import logging

# `old`: a directory that is being replaced.
_TEMPORARY = re.compile(r'^\.(.+)\.(tmp|old)-(\d+)-[0-9a-f]{8}$')
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def _temporary_name(path: pathlib.Path, kind: str = 'tmp') -> pathlib.Path:
  suffix = f'{kind}-{os.getpid()}-{uuid.uuid4().hex[:8]}'
  return path.with_name(f'.{path.name}.{suffix}')


def _sync_directory(path: pathlib.Path) -> None:
  descriptor = os.open(path, os.O_RDONLY)
  try:
    os.fsync(descriptor)
  finally:
    os.close(descriptor)


@contextlib.contextmanager
def atomic_file(path: str | os.PathLike, mode: str = 'wb') -> Iterator[IO]:
  """Opens a temporary file that is renamed to `path` when it is complete.

  Args:
    path: Final name. Missing directories are made.
    mode: `wb` or `w`; text is UTF-8.

  Yields:
    The open file. An error inside the block removes it and leaves `path` as it
    was.
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


def _exchange(one: pathlib.Path, other: pathlib.Path) -> bool:
  """Swaps two paths atomically; returns False where the system cannot."""
  rename = getattr(ctypes.CDLL(None, use_errno=True), 'renameat2', None)
  if rename is None:
    return False
  names = os.fsencode(one), os.fsencode(other)
  if not rename(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE):
    return True
  code = ctypes.get_errno()
  if code in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
    return False
  raise OSError(code, os.strerror(code), str(one), None, str(other))


def _remove(path: pathlib.Path) -> None:
  if path.is_dir() and not path.is_symlink():
    shutil.rmtree(path)
  else:
    path.unlink()


def _take_name(temporary: pathlib.Path, path: pathlib.Path) -> None:
  """Renames a directory to `path`, then removes what it replaced."""
  if not os.path.lexists(path):
    os.rename(temporary, path)
    return
  if _exchange(temporary, path):
    _sync_directory(path.parent)
    _remove(temporary)
    return
  # A directory cannot be renamed over a full one: move that away first. After a
  # kill in between, `remove_stale` puts it back.
  replaced = _temporary_name(path, 'old')
  os.rename(path, replaced)
  try:
    os.rename(temporary, path)
  except BaseException:
    os.rename(replaced, path)
    raise
  _sync_directory(path.parent)
  _remove(replaced)


@contextlib.contextmanager
def atomic_directory(path: str | os.PathLike) -> Iterator[pathlib.Path]:
  """Makes a temporary directory, renamed to `path` when it is complete.

  Args:
    path: Final name. An existing directory is replaced, atomically where the
      system can do that (Linux can).

  Yields:
    The temporary directory. An error inside the block removes it.

  Raises:
    NotADirectoryError: `path` is a file.
  """
  path = pathlib.Path(path)
  if path.is_file():
    raise NotADirectoryError(f'{path} is a file, not a directory')
  path.parent.mkdir(parents=True, exist_ok=True)
  _put_back(path.parent, path.name)
  temporary = _temporary_name(path)
  temporary.mkdir()
  try:
    yield temporary
    for root, _, names in os.walk(temporary):
      for name in names:
        with open(os.path.join(root, name), 'rb') as f:
          os.fsync(f.fileno())
      _sync_directory(pathlib.Path(root))
    _take_name(temporary, path)
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


def _left_by_dead(parent: pathlib.Path) -> list[tuple[pathlib.Path, str, str]]:
  """Returns temporary paths of dead processes, final names, and kinds."""
  found = []
  for entry in sorted(parent.iterdir()):
    match = _TEMPORARY.match(entry.name)
    if match is not None and not _is_running(int(match.group(3))):
      found.append((entry, match.group(1), match.group(2)))
  return found


def _put_back(parent: pathlib.Path, only: str | None = None) -> None:
  """Renames directories back whose replacement never appeared."""
  for entry, name, kind in _left_by_dead(parent):
    target = parent / name
    if kind != 'old' or only not in (None, name) or os.path.lexists(target):
      continue
    os.rename(entry, target)
    logging.warning('%s was put back: what replaced it was not', target)


def remove_stale(parent: str | os.PathLike) -> list[str]:
  """Removes what dead processes left incomplete in `parent`.

  A directory that one of them was about to replace gets its name back.

  Returns:
    The names removed.
  """
  parent = pathlib.Path(parent)
  if not parent.is_dir():
    return []
  _put_back(parent)
  stale = [entry for entry, _, _ in _left_by_dead(parent)]
  for entry in stale:
    _remove(entry)
  return [entry.name for entry in stale]


def write_json(path: str | os.PathLike, value: Any) -> None:
  """Writes `value` as indented JSON, atomically."""
  with atomic_file(path, 'w') as f:
    json.dump(value, f, indent=2, sort_keys=True, ensure_ascii=False)
    f.write('\n')


def read_json(path: str | os.PathLike) -> Any:
  """Reads a JSON file.

  Raises:
    FileNotFoundError: `path` does not exist.
    ValueError: It is not JSON; the message names file and line.
  """
  try:
    with open(path, encoding='utf-8') as f:
      return json.load(f)
  except json.JSONDecodeError as e:
    raise ValueError(f'{path}:{e.lineno}: not JSON: {e.msg}') from e
