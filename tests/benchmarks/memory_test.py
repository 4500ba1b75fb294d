# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import os
import time

import numpy as np
import pytest

from benchmarks import machine, memory
from realm_tf.index import versions
from realm_tf.index.slot import IndexSlot


@pytest.mark.parametrize('kind', ['exact', 'scann'])
def test_figures(tmp_path, kind):
  settings = memory.Settings(rows=2000, dim=16, refreshes=5, searcher=kind)
  figures = memory.measure(settings, str(tmp_path / 'work'))
  seen = figures['memory_mb']
  assert len(seen) == 5 and min(seen) > 50
  assert figures['last_to_third'] == pytest.approx(seen[4] / seen[2])
  assert figures['highest_to_third'] >= max(1.0, figures['last_to_third'])
  assert figures['searches'] > 0
  assert figures['longest_swap_milliseconds'] > 0
  assert not os.path.exists(tmp_path / 'work')


def test_memory_is_read_when_the_old_index_is_closed(tmp_path, monkeypatch):
  open_now, seen = set(), []
  load, memory_mb = versions.load_index, machine.memory_mb

  def load_and_count(path):
    index = load(path)
    open_now.add(path)
    close = index.close

    def close_slowly():
      time.sleep(0.1)
      close()
      open_now.remove(path)

    monkeypatch.setattr(index, 'close', close_slowly)
    return index

  def count():
    seen.append(len(open_now))
    return memory_mb()

  monkeypatch.setattr(versions, 'load_index', load_and_count)
  monkeypatch.setattr(machine, 'memory_mb', count)
  settings = memory.Settings(rows=500, dim=8, refreshes=4, searcher='exact')
  memory.measure(settings, str(tmp_path / 'work'))
  assert seen == [1] * 4


def test_refreshes_must_be_more_than_are_left_out():
  with pytest.raises(ValueError, match='Received: 3'):
    memory.Settings(refreshes=3)


def test_vectors_lie_in_clusters():
  vectors = memory.clustered_vectors(3000, 32)
  assert vectors.shape == (3000, 32) and vectors.dtype == np.float32
  scores = vectors @ vectors[:20].T
  nearest = np.sort(((vectors[:, None] - vectors[:20]) ** 2).sum(-1), 0)
  # The second nearest (the first is itself) is of the same cluster.
  assert np.median(nearest[1]) < 0.2 * np.median(nearest)
  assert np.isfinite(scores).all()


def test_an_error_of_a_search_is_raised():
  searching = memory._Searching(IndexSlot(), np.zeros([1, 4], np.float32))
  searching.start()
  searching.join(10)
  with pytest.raises(RuntimeError, match='no index was put into the slot'):
    searching.end()
