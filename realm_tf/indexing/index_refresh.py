# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Swaps in new index versions during a training."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from absl import logging

from realm_tf.index import build_index
from realm_tf.indexing import index_builder
from realm_tf.indexing.index_directory import IndexDirectory
from realm_tf.io import atomic
from realm_tf.training import exporters
from realm_tf.training.task import Listener

_REMIND_SECONDS = 30.0


class Slot(Protocol):
  """The part of `realm_tf.index.slot.IndexSlot` that a refresher uses."""

  def swap(self, new: Any) -> None:
    """Replaces the index; closes the old one after its last user."""
    ...


class NoIndexError(FileNotFoundError):
  """There is no index to train with, and none is being built."""


class IndexRefresher(Listener):
  """Watches a directory of index versions; keeps the newest in a slot.

  It starts with the version of the checkpoint, or else the newest, and waits if
  there is none. Then a thread loads each newer version. Indexes that were not
  made with exports of this run are ignored.
  """

  def __init__(
    self,
    indexes: IndexDirectory,
    slot: Slot,
    load_fn: Callable[[str], Any],
    *,
    fingerprints: exporters.Fingerprints | None = None,
    builder_is_alive: Callable[[], bool] = lambda: True,
    poll_seconds: float = index_builder.POLL_SECONDS,
  ):
    """Forgets failures of an earlier run; `begin` starts the thread.

    Args:
      indexes: Directory of the index versions.
      slot: Takes what `load_fn` returns.
      load_fn: Loads the version in a directory, ready for its first search.
      fingerprints: Fingerprints of the exports of this run. Defaults to
        accepting every index.
      builder_is_alive: Whether a first index can still come.
      poll_seconds: Seconds between looks at the directory.
    """
    self._indexes = indexes
    self._slot = slot
    self._load_fn = load_fn
    self._fingerprints = fingerprints
    self._builder_is_alive = builder_is_alive
    self._poll_seconds = poll_seconds
    self._stop = threading.Event()
    self._thread = threading.Thread(
      target=self._run, name='index_refresh', daemon=True
    )
    self._lock = threading.Lock()
    self._limit = 0
    self._news: list[str] = []
    self._reported: set[int] = set()
    self._broken: set[int] = set()
    self._foreign: set[int] = set()
    self._swaps = 0
    self._load_seconds = 0.0
    self._swap_seconds = 0.0
    self.version = -1
    indexes.forget_failures()

  def _is_own(self, version: int) -> bool:
    """Whether this run exported the embedder of an index."""
    if self._fingerprints is None:
      return True
    found = self._indexes.embedder_fingerprint(version)
    if found is not None and found == self._fingerprints.of(version):
      return True
    if version not in self._foreign:
      self._foreign.add(version)
      logging.warning(
        '%s was not made with what this run exported at step %d: ignored',
        self._indexes.version_path(version),
        version,
      )
    return False

  def _load(self, version: int) -> bool:
    start = time.monotonic()
    try:
      index = self._load_fn(self._indexes.version_path(version))
    except Exception as e:
      logging.exception(
        'the index in %s cannot be used', self._indexes.version_path(version)
      )
      with self._lock:
        self._broken.add(version)
        self._news.append(
          f'the index of step {version} cannot be used: {type(e).__name__}: {e}'
        )
      return False
    loaded = time.monotonic()
    self._slot.swap(index)
    swapped = time.monotonic()
    with self._lock:
      self._load_seconds = loaded - start
      self._swap_seconds = swapped - loaded
      self._swaps += self.version >= 0
      self.version = version
    logging.info(
      'index of step %d is in use (loaded in %.2f s, swapped in %.1f ms)',
      version,
      loaded - start,
      1000 * (swapped - loaded),
    )
    return True

  def _newer(self) -> int | None:
    """The newest version that is newer than the one in use, if any."""
    versions = [
      v
      for v in self._indexes.versions()
      if self.version < v <= self._limit
      and v not in self._broken
      and self._is_own(v)
    ]
    return versions[-1] if versions else None

  def _note_failures(self) -> dict[int, str]:
    failures = self._indexes.failures()
    for step, error in failures.items():
      if step not in self._reported:
        self._reported.add(step)
        text = f'the index of step {step} could not be built ({error})'
        if self.version >= 0:
          text += f'; training goes on with that of step {self.version}'
        logging.error('%s', text)
        with self._lock:
          self._news.append(text)
    return failures

  def _wait_for_the_first(self) -> None:
    waited = 0.0
    while True:
      version = self._newer()
      if version is not None and self._load(version):
        return
      failures = self._note_failures()
      if failures or self._broken:
        why = self._news[0].splitlines()[0]
        raise NoIndexError(f'there is no index to train with: {why}')
      if not self._builder_is_alive():
        raise NoIndexError(
          f'there is no index in {self._indexes.path}, and the index builder'
          ' that was to make it has ended'
        )
      if waited % _REMIND_SECONDS < self._poll_seconds:
        logging.info('waiting for the first index in %s', self._indexes.path)
      self._stop.wait(self._poll_seconds)
      waited += self._poll_seconds

  def _is_there(self, version: int) -> bool:
    return version in self._indexes.versions() and self._is_own(version)

  def _adopt(self, version: int) -> None:
    """Accepts the index of a checkpoint from before fingerprints."""
    assert self._fingerprints is not None
    found = self._indexes.embedder_fingerprint(version)
    if found is not None and self._fingerprints.of(version) is None:
      self._fingerprints.set(version, found)

  def begin(self, step: int, index_step: int) -> None:
    """Loads the version of the checkpoint; then watches for newer ones.

    Raises:
      NoIndexError: There is no index, and none is being built.
    """
    self._limit = step
    wanted = index_step if index_step >= 0 else None
    if self._fingerprints is not None:
      self._fingerprints.begin(step)
      if wanted is not None:
        self._adopt(wanted)
    if wanted is not None and self._is_there(wanted):
      if not self._load(wanted):
        self._wait_for_the_first()
    else:
      if wanted is not None:
        logging.warning(
          'the index of step %d, which the checkpoint was made with, is not in'
          ' %s; going on with the newest one there of this run',
          wanted,
          self._indexes.path,
        )
      self._wait_for_the_first()
    self._thread.start()

  def _run(self) -> None:
    while not self._stop.wait(self._poll_seconds):
      try:
        self._note_failures()
        version = self._newer()
        if version is not None:
          self._load(version)
      except Exception:
        # The error may be temporary.
        logging.exception(
          'cannot look for new indexes in %s', self._indexes.path
        )

  def exported(self, directory: str, step: int) -> None:
    """Records the fingerprint of the export."""
    del directory
    if self._fingerprints is not None:
      self._fingerprints.note(step)

  def saved(self, step: int, index_step: int) -> None:
    """Removes versions of this run that no checkpoint needs."""
    del step
    for version in self._indexes.versions():
      if version < index_step and self._is_own(version):
        atomic.remove_directory(self._indexes.version_path(version))

  def report(self, step: int) -> Mapping[str, Any]:
    """Reports swaps and failures, and new failures as text."""
    with self._lock:
      self._limit = step
      report: dict[str, Any] = {
        'index_swaps': float(self._swaps),
        'index_failures': float(len(self._reported) + len(self._broken)),
        'index_load_seconds': self._load_seconds,
        'index_swap_milliseconds': 1000 * self._swap_seconds,
      }
      if self._news:
        report['index_trouble'] = '\n\n'.join(self._news)
        self._news.clear()
    return report

  def end(self) -> None:
    """Ends the thread. The slot keeps its index."""
    self._stop.set()
    if self._thread.is_alive():
      self._thread.join()


def make_listeners(
  export_dir: str,
  indexes: IndexDirectory,
  slot: Slot,
  load_fn: Callable[[str], Any],
  builder: index_builder.BuilderThread | index_builder.BuilderProcess | None,
) -> list[Listener]:
  """Makes the listeners that keep the index of a training up to date.

  Without a builder another program builds them.

  Raises:
    BlockingIOError: Another process builds indexes there, too.
  """
  if builder is not None:
    with indexes.lock():
      pass
  fingerprints = exporters.Fingerprints(
    export_dir,
    lambda export: build_index.fingerprint_embedder(f'{export}/embedder'),
  )
  refresher = IndexRefresher(
    indexes,
    slot,
    load_fn,
    fingerprints=fingerprints,
    builder_is_alive=lambda: builder is None or builder.is_alive(),
  )
  return [refresher] if builder is None else [builder, refresher]
