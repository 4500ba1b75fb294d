# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Holds the current index, and swaps it while others search it."""

import contextlib
import ctypes
import threading
from collections.abc import Iterator
from typing import Any, Protocol

from absl import logging


class Closable(Protocol):
  """Content of a slot: an index, perhaps with what belongs to it."""

  def close(self) -> None:
    """Frees everything; called once, when it is no longer used."""
    ...


class _Held:
  """A version and the number of its users."""

  def __init__(self, value: Closable):
    self.value = value
    self.users = 0


def _return_freed_memory() -> None:
  """Returns freed memory to the system: glibc keeps about 1 MB a refresh."""
  trim = getattr(ctypes.CDLL(None), 'malloc_trim', None)
  if trim is not None:
    trim(0)


class IndexSlot:
  """Serves one index version to many threads; the owner swaps it at any time.

  An `acquire` block keeps the version that was current when it began. A swap
  does not wait for such blocks: when the last one ends, the old version is
  closed in a thread of its own, since freeing gigabytes takes longer than a
  search. So at most one version more than those in use is in memory.

  Example:
    slot = IndexSlot()
    slot.swap(Index.open('index/0'))
    with slot.acquire() as index:
      rows, scores = index.searcher.search(queries, 8)
    slot.swap(Index.open('index/500'))  # closes index/0
    slot.close()
  """

  def __init__(self, initial: Closable | None = None):
    """Starts with `initial`, or with nothing."""
    self._changed = threading.Condition()
    self._current = None if initial is None else _Held(initial)
    self._closed = False
    self._closing: set[threading.Thread] = set()

  @contextlib.contextmanager
  def acquire(self, timeout: float = 0.0) -> Iterator[Any]:
    """Yields the current version, which stays open until the block ends.

    Args:
      timeout: Seconds to wait for the first version.

    Raises:
      RuntimeError: There is no version, or the slot was closed.
    """
    with self._changed:
      self._changed.wait_for(
        lambda: self._current is not None or self._closed, timeout
      )
      if self._closed:
        raise RuntimeError('the index slot was closed: nothing to search in')
      held = self._current
      if held is None:
        raise RuntimeError('no index was put into the slot yet')
      held.users += 1
    try:
      yield held.value
    finally:
      with self._changed:
        held.users -= 1
        last = held.users == 0 and held is not self._current
      if last:
        self._retire(held.value)

  def swap(self, new: Closable) -> None:
    """Makes `new` the current version; the slot takes ownership.

    Returns at once; the old version is closed when it is no longer used.

    Raises:
      RuntimeError: The slot was closed. `new` is closed, too.
    """
    with self._changed:
      closed = self._closed
      old = None
      if not closed:
        old, self._current = self._current, _Held(new)
        unused = old is not None and old.users == 0
        self._changed.notify_all()
    if closed:
      self._retire(new)
      raise RuntimeError('the index slot was closed: it takes no new index')
    if old is not None and unused:
      self._retire(old.value)

  def close(self) -> None:
    """Closes the current version as soon as it is no longer used.

    Returns when all versions that are not used are closed.
    """
    with self._changed:
      self._closed = True
      old, self._current = self._current, None
      unused = old is not None and old.users == 0
      self._changed.notify_all()
    if old is not None and unused:
      self._retire(old.value)
    self.join()

  def join(self) -> None:
    """Waits until all versions that are not used are closed."""
    with self._changed:
      self._changed.wait_for(lambda: not self._closing)

  def _retire(self, value: Closable) -> None:
    """Closes a version in a thread, so that nothing waits for it."""
    thread = threading.Thread(
      target=self._close_retired, args=[value], name='index_close'
    )
    with self._changed:
      self._closing.add(thread)
    thread.start()

  def _close_retired(self, value: Closable) -> None:
    try:
      value.close()
      _return_freed_memory()
    except Exception:
      # There is no caller to raise to; training continues with the next one.
      logging.exception('an index version could not be freed')
    finally:
      with self._changed:
        self._closing.discard(threading.current_thread())
        self._changed.notify_all()
