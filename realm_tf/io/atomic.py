# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Files and directories that appear under their name when complete."""

import contextlib
import ctypes
import errno
import fcntl
import hashlib
import json
import os
import pathlib
import re
import shutil
import socket
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

from absl import logging

from realm_tf.io import faults

# `old`: a directory that is being replaced. Ends with the owner's process, a
# random number, boot and host; older names have the first two only.
_TEMPORARY = re.compile(
  r'^\.(.+)\.(tmp|old)-(\d+)-[0-9a-f]{8}(?:-([0-9a-f]{8})-([0-9a-f]{8}))?$'
)
_LOCK = '.lock'
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def _boot_and_host() -> tuple[str, str]:
  """Short digests; containers of one machine share the first."""
  host = socket.gethostname()
  try:
    boot = pathlib.Path('/proc/sys/kernel/random/boot_id').read_text('ascii')
  except OSError:
    boot = host
  boot, host = (
    hashlib.blake2b(x.encode(), digest_size=4).hexdigest() for x in (boot, host)
  )
  return boot, host


def _temporary_name(path: pathlib.Path, kind: str = 'tmp') -> pathlib.Path:
  owner = '-'.join(_boot_and_host())
  suffix = f'{kind}-{os.getpid()}-{uuid.uuid4().hex[:8]}-{owner}'
  return path.with_name(f'.{path.name}.{suffix}')


@contextlib.contextmanager
def _locked(path: pathlib.Path, wait: bool = True) -> Iterator[bool | None]:
  """Locks a file or directory; the lock dies with the process.

  Yields:
    True; False if another holds it; None if the file system has no locks.
  """
  with contextlib.ExitStack() as stack:
    got: bool | None = True
    try:
      descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
      stack.callback(os.close, descriptor)
      fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
      got = False
    except OSError:
      got = None
    yield got


@contextlib.contextmanager
def _temporary(
  path: pathlib.Path, make: Callable[[pathlib.Path], None]
) -> Iterator[pathlib.Path]:
  """Makes a temporary for `path` that is locked meanwhile."""
  while True:
    temporary = _temporary_name(path)
    make(temporary)
    with _locked(temporary):
      # Others may have taken it for a leftover before it was locked.
      if temporary.exists():
        yield temporary
        return


def _sync_directory(path: pathlib.Path) -> None:
  descriptor = os.open(path, os.O_RDONLY)
  try:
    os.fsync(descriptor)
  finally:
    os.close(descriptor)


@contextlib.contextmanager
def atomic_file(path: str | os.PathLike, mode: str = 'wb') -> Iterator[IO]:
  """Opens a temporary file that is renamed to `path` when it is complete.

  What killed processes left of earlier attempts at `path` is removed.

  Args:
    path: Final name. Missing directories are made.
    mode: `wb` or `w`; text is UTF-8.

  Yields:
    The open file. An error inside the block removes it and leaves `path` as it
    was.
  """
  path = pathlib.Path(path)
  path.parent.mkdir(parents=True, exist_ok=True)
  remove_stale(path.parent, path.name)
  encoding = None if 'b' in mode else 'utf-8'
  with _temporary(path, pathlib.Path.touch) as temporary:
    try:
      with (
        faults.named_errors(path),
        open(temporary, mode, encoding=encoding) as f,
      ):
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
  with _locked(path):
    if _exchange(temporary, path):
      _sync_directory(path.parent)
      _remove(temporary)
      return
    # A directory cannot be renamed over a full one: move that away first. After
    # a kill in between, `remove_stale` puts it back.
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

  What killed processes left of earlier attempts at `path` is removed.

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
  remove_stale(path.parent, path.name)
  with _temporary(path, pathlib.Path.mkdir) as temporary:
    try:
      with faults.named_errors(path):
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


def _remove_stale_scratch() -> pathlib.Path:
  path = pathlib.Path(tempfile.gettempdir(), f'realm_tf-{os.getuid()}')
  remove_stale(path.parent, path.name)
  return path


@contextlib.contextmanager
def scratch_directory() -> Iterator[pathlib.Path]:
  """Makes a directory where the system keeps such, and removes it at the end.

  Those of killed processes are removed first.
  """
  path = _remove_stale_scratch()
  with _temporary(path, lambda p: p.mkdir(0o700)) as temporary:
    try:
      yield temporary
    finally:
      shutil.rmtree(temporary, ignore_errors=True)


def _is_running(pid: int) -> bool:
  try:
    os.kill(pid, 0)
  except ProcessLookupError:
    return False
  except PermissionError:
    return True
  return True


def _leftovers(
  parent: pathlib.Path, only: str | None
) -> Iterator[tuple[pathlib.Path, pathlib.Path, str]]:
  """Yields, locked, temporary paths of dead processes, final paths, kinds."""
  boot, host = _boot_and_host()
  for entry in (parent / name for name in sorted(os.listdir(parent))):
    match = _TEMPORARY.match(entry.name)
    if match is None or only not in (None, match.group(1)):
      continue
    name, kind, pid, its_boot, its_host = match.groups()
    # Locks of other machines may not be seen here.
    if its_boot not in (None, boot) and its_host != host:
      continue
    with _locked(entry, wait=False) as got:
      # Process ids are of use where there is no lock, and on this host: in
      # containers, each program may have the same.
      if got is None or its_boot is None:
        got = its_host in (None, host) and not _is_running(int(pid))
      if got and os.path.lexists(entry):
        yield entry, parent / name, kind


def remove_directory(path: str | os.PathLike) -> None:
  """Removes a published directory, its name first: none is read by half."""
  path = pathlib.Path(path)
  with _locked(path):
    doomed = path.rename(_temporary_name(path))
    shutil.rmtree(doomed, ignore_errors=True)


def remove_stale(
  parent: str | os.PathLike, only: str | None = None
) -> list[str]:
  """Removes what dead processes left incomplete in `parent`.

  A directory that one of them was about to replace gets its name back. What
  belongs to other machines stays.

  Args:
    parent: Directory.
    only: Final name of what may be removed. Defaults to all.

  Returns:
    The names removed.
  """
  parent = pathlib.Path(parent)
  if not parent.is_dir():
    return []
  removed = []
  for entry, target, kind in _leftovers(parent, only):
    if kind == 'old' and not os.path.lexists(target):
      os.rename(entry, target)
      logging.warning('%s was put back: what replaced it was not', target)
    else:
      _remove(entry)
      removed.append(entry.name)
  return removed


@contextlib.contextmanager
def working_in(
  directory: str | os.PathLike, patience: float = 0.0
) -> Iterator[None]:
  """Holds a lock on a directory, which is made and dies with the process.

  Scratch directories of killed processes are removed, too: what they were for
  may be there already.

  Args:
    directory: Where one process at a time may work.
    patience: Seconds to wait for another process to end.

  Raises:
    BlockingIOError: Another process works there; names its id and host.
  """
  os.makedirs(directory, exist_ok=True)
  path = os.path.join(directory, _LOCK)
  deadline = time.monotonic() + patience
  while True:
    with open(path, 'a+', encoding='utf-8') as f:
      try:
        fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_ours = os.path.samefile(f.fileno(), path)
      except FileNotFoundError:
        is_ours = False  # The holder ended just now.
      except BlockingIOError as e:
        is_ours = False
        f.seek(0)
        said = f'another process ({f.read()}) works in {os.fspath(directory)}'
        if time.monotonic() >= deadline:
          raise BlockingIOError(said) from e
        logging.log_every_n_seconds(logging.WARNING, '%s: waiting', 60, said)
      except OSError as e:
        is_ours = True
        logging.warning('%s cannot be locked: %s', path, e.strerror)
      if is_ours:
        f.truncate(0)
        f.write(f'pid {os.getpid()}, host {socket.gethostname()}')
        f.flush()
        _remove_stale_scratch()
        try:
          yield
        finally:
          with contextlib.suppress(FileNotFoundError):
            os.remove(path)
        return
    time.sleep(0.1)


def allocate(path: str | os.PathLike) -> None:
  """Gives a sparse file its place on the disk.

  Raises:
    OSError: There is no room.
  """
  with open(path, 'r+b') as f:
    size = os.fstat(f.fileno()).st_size
    with faults.named_errors(path):
      os.posix_fallocate(f.fileno(), 0, size)


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
    with faults.naming(path), open(path, encoding='utf-8-sig') as f:
      return json.load(f)
  except ValueError as e:
    broken = e.__cause__
    if isinstance(broken, json.JSONDecodeError):
      text = f'{path}:{broken.lineno}: not JSON: {broken.msg}'
      raise ValueError(text) from broken
    raise


def _check_fields(where: str, found: Any, kinds: Mapping[str, Any]) -> None:
  if not isinstance(found, dict):
    raise ValueError(f'{where}: not a JSON object')
  for name, kind in kinds.items():
    if name not in found:
      raise ValueError(f'{where}: no {name!r} in it')
    value = found[name]
    if isinstance(kind, Mapping):
      _check_fields(f'{where}: {name!r}', value, kind)
      continue
    is_right = isinstance(value, (int, float) if kind is float else kind)
    if not is_right or (isinstance(value, bool) and kind in (int, float)):
      raise ValueError(
        f'{where}: {name!r} is of type {type(value).__name__}, not'
        f' {getattr(kind, "__name__", kind)}'
      )


def read_object(
  path: str | os.PathLike,
  required: Mapping[str, Any] | None = None,
  optional: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
  """Reads a JSON file that must hold an object.

  Args:
    path: The file.
    required: Types by name of fields that must be in it, or such a mapping for
      an object. `float` accepts whole numbers, `int` no booleans.
    optional: Types by name of fields that may be in it.

  Raises:
    FileNotFoundError: `path` does not exist.
    ValueError: It is not such an object; the message names file and field.
  """
  found = read_json(path)
  _check_fields(os.fspath(path), found, required or {})
  there = {n: kind for n, kind in (optional or {}).items() if n in found}
  _check_fields(os.fspath(path), found, there)
  return found
