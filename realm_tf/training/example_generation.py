# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Makes batches in the background."""

import collections
import threading
from collections.abc import Callable, Iterator

from realm_tf.training.task import Batch


class ExampleGenerator:
  """Runs an iterator of batches in a thread, a few batches ahead.

  Batches keep their order. An error is raised in place of the batch that
  failed.
  """

  def __init__(self, batches: Callable[[], Iterator[Batch]], ahead: int = 4):
    """Starts the thread, which calls `batches`.

    With more batches `ahead` the pace is smoother but the index that they were
    made with is older.
    """
    if ahead < 1:
      raise ValueError(f'ahead must be at least 1. Received: {ahead}')
    self._make = batches
    self._ahead = ahead
    self._ready: collections.deque[Batch] = collections.deque()
    self._changed = threading.Condition()
    self._stopped = False
    self._over = False
    self._error: BaseException | None = None
    self._thread = threading.Thread(
      target=self._run, name='example_generation', daemon=True
    )
    self._thread.start()

  def _put(self, batch: Batch) -> bool:
    with self._changed:
      while len(self._ready) >= self._ahead and not self._stopped:
        self._changed.wait()
      self._ready.append(batch)
      self._changed.notify_all()
      return not self._stopped

  def _run(self) -> None:
    error: BaseException | None = None
    try:
      for batch in self._make():
        if not self._put(batch):
          break
    except BaseException as e:  # noqa: B902  raised again by __next__
      error = e
    with self._changed:
      self._error = error
      self._over = True
      self._changed.notify_all()

  def __iter__(self) -> Iterator[Batch]:
    return self

  def __next__(self) -> Batch:
    with self._changed:
      while not self._ready and not self._over and not self._stopped:
        self._changed.wait()
      if self._ready and not self._stopped:
        batch = self._ready.popleft()
        self._changed.notify_all()
        return batch
      error, self._error = self._error, None
    if error is not None:
      raise error
    raise StopIteration

  def close(self) -> None:
    """Stops the thread and waits for it; may be called twice."""
    with self._changed:
      self._stopped = True
      self._ready.clear()
      self._changed.notify_all()
    self._thread.join()
