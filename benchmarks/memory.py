# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Whether memory stays flat while an index is refreshed again and again."""

import dataclasses
import os
import shutil
import threading
import time
from typing import Any

import numpy as np

from benchmarks import machine
from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.index import searcher, versions
from realm_tf.index.slot import IndexSlot

NEEDS_WORK_DIR = True

_CLUSTERS = 1000
_QUERIES = 4
_FOUND = 9
# By the third refresh all that is made once is there, and two versions have
# been in memory together.
_SETTLED = 3


@dataclasses.dataclass(frozen=True)
class Settings:
  """What is measured.

  Attributes:
    rows: Of the index.
    dim: Of its vectors.
    refreshes: How often it is built, published, loaded and swapped; more than
      three.
    searcher: Kind of the index; `scann` becomes `exact` without ScaNN.
  """

  rows: int = 100_000
  dim: int = 128
  refreshes: int = 20
  searcher: str = 'scann'

  def __post_init__(self):
    if self.refreshes <= _SETTLED:
      raise ValueError(
        f'refreshes must be more than {_SETTLED}. Received: {self.refreshes}'
      )


def clustered_vectors(rows: int, dim: int) -> np.ndarray:
  """float32 `[rows, dim]` that lie in clusters, as embeddings do."""
  rng = np.random.default_rng(0)
  centres = rng.standard_normal((min(_CLUSTERS, rows), dim), np.float32)
  vectors = centres[rng.integers(len(centres), size=rows)]
  vectors += 0.3 * rng.standard_normal((rows, dim), np.float32)
  return vectors


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
    """Ends the thread; raises what went wrong in it."""
    self._over.set()
    self.join()
    if self.error is not None:
      raise self.error


def _publish(
  vectors: np.ndarray, config: SearcherConfig, index_dir: str, step: int
) -> str:
  built = searcher.build_searcher(vectors, config)
  try:
    metadata = versions.IndexMetadata(
      step=step,
      num_documents=vectors.shape[0],
      dim=vectors.shape[1],
      kind=built.kind,
      corpus_fingerprint='none',
      vocab_fingerprint='none',
      embedder_fingerprint='none',
      searcher=config,
      built_at=time.time(),
    )
    return versions.publish_index(index_dir, step, vectors, built, metadata)
  finally:
    built.close()


def _wait_until_closed(slot: IndexSlot, searching: _Searching) -> None:
  """Waits for the search that was under way at the swap, and what it held."""
  before = searching.searches
  while searching.searches == before and searching.is_alive():
    time.sleep(0.001)
  slot.join()


def measure(settings: Settings, work_dir: str) -> dict[str, Any]:
  """Builds, publishes, loads and swaps in an index many times, while searched.

  Returns:
    `last_to_third`: memory after the last refresh, when the index before is
    closed, by that after the third; `highest_to_third`; all of `memory_mb`;
    and of the swaps `longest_swap_milliseconds`, of the searches beside them
    `longest_search_milliseconds`.
  """
  shutil.rmtree(work_dir, ignore_errors=True)
  kind = settings.searcher
  if kind == 'scann' and not searcher.scann_is_installed():
    kind = 'exact'
  config = SearcherConfig(searcher=kind)
  index_dir = os.path.join(work_dir, 'index')
  vectors = clustered_vectors(settings.rows, settings.dim)
  slot = IndexSlot()
  slot.swap(versions.Index.open(_publish(vectors, config, index_dir, 0)))
  searching = _Searching(slot, vectors[:_QUERIES].copy())
  searching.start()
  memory, swaps = [], []
  try:
    for step in range(1, settings.refreshes + 1):
      index = versions.Index.open(_publish(vectors, config, index_dir, step))
      start = time.perf_counter()
      slot.swap(index)
      swaps.append(time.perf_counter() - start)
      versions.prune(index_dir, 1)
      _wait_until_closed(slot, searching)
      memory.append(machine.memory_mb())
  finally:
    searching.end()
    slot.close()
  shutil.rmtree(work_dir)
  settled = memory[_SETTLED - 1]
  return {
    'last_to_third': memory[-1] / settled,
    'highest_to_third': max(memory[_SETTLED - 1 :]) / settled,
    'memory_mb': memory,
    'longest_swap_milliseconds': 1000 * max(swaps),
    'longest_search_milliseconds': 1000 * searching.longest,
    'searches': searching.searches,
    'refreshes': settings.refreshes,
    'rows': settings.rows,
    'searcher': kind,
  }
