# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Whether memory stays flat while an index is refreshed again and again."""

import os
import shutil
import threading
import time
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.indexes import build, clustered_vectors, scann_or_exact
from realm_tf.configs.searcher_config import SearcherKind
from realm_tf.index import versions
from realm_tf.index.index import Index
from realm_tf.index.slot import IndexSlot

_DIM = 128
_QUERIES = 4
_FOUND = 9
# By the third refresh all that is made once is there, and two versions have
# been in memory together.
_SETTLED = 3


class _Searching(threading.Thread):
  """Searches what is in the slot, again and again, as training does."""

  def __init__(self, slot: IndexSlot, queries: np.ndarray):
    super().__init__(name='searching', daemon=True)
    self._slot = slot
    self._queries = queries
    self._over = threading.Event()
    self.searches = 0
    self.longest = 0.0
    self.error: Exception | None = None

  def run(self) -> None:
    """Searches until `end`; pauses, so that it does not take a whole core."""
    try:
      while not self._over.wait(0.005):
        start = time.perf_counter()
        with self._slot.acquire() as index:
          rows, _ = index.searcher.search(self._queries, _FOUND)
        self.longest = max(self.longest, time.perf_counter() - start)
        assert rows.shape[0] == len(self._queries)
        self.searches += 1
    except Exception as e:
      self.error = e

  def end(self) -> None:
    """Ends the thread; raises its error, if any."""
    self._over.set()
    self.join()
    if self.error is not None:
      raise self.error

  def wait_for_next(self) -> None:
    """Waits until the search that is under way has ended."""
    before = self.searches
    while self.searches == before and self.is_alive():
      time.sleep(0.001)


def _publish(
  vectors: np.ndarray, kind: SearcherKind, index_dir: str, step: int
) -> Index:
  """Builds and publishes an index; returns it as loaded from disk."""
  index = build(vectors, kind, step=step)
  path = versions.publish_index(
    index_dir, step, vectors, index.searcher, index.metadata
  )
  index.close()
  return Index.open(path)


def memory(
  work_dir: str, *, rows: int = 100_000, refreshes: int = 20
) -> dict[str, Any]:
  """Builds, publishes, loads and swaps in an index many times, while searched.

  Returns:
    `last_to_third`: memory after the last refresh, when the index before is
    closed, relative to that after the third; `highest_to_third`; all of
    `memory_mb`; `longest_swap_milliseconds`; and `longest_search_milliseconds`
    beside the swaps.
  """
  if refreshes <= _SETTLED:
    raise ValueError(
      f'refreshes must be more than {_SETTLED}. Received: {refreshes}'
    )
  shutil.rmtree(work_dir, ignore_errors=True)
  kind = scann_or_exact()
  index_dir = os.path.join(work_dir, 'index')
  vectors = clustered_vectors(rows, _DIM)
  slot = IndexSlot()
  slot.swap(_publish(vectors, kind, index_dir, 0))
  searching = _Searching(slot, vectors[:_QUERIES].copy())
  searching.start()
  used, swaps = [], []
  try:
    for step in range(1, refreshes + 1):
      index = _publish(vectors, kind, index_dir, step)
      start = time.perf_counter()
      slot.swap(index)
      swaps.append(time.perf_counter() - start)
      versions.prune(index_dir, 1)
      searching.wait_for_next()
      slot.join()
      used.append(machine.memory_mb())
  finally:
    searching.end()
    slot.close()
  shutil.rmtree(work_dir)
  settled = used[_SETTLED - 1]
  return {
    'last_to_third': used[-1] / settled,
    'highest_to_third': max(used[_SETTLED - 1 :]) / settled,
    'memory_mb': used,
    'longest_swap_milliseconds': 1000 * max(swaps),
    'longest_search_milliseconds': 1000 * searching.longest,
    'searches': searching.searches,
    'refreshes': refreshes,
    'rows': rows,
    'searcher': kind,
  }
