# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import os
import time

import numpy as np
import pytest

from benchmarks import indexes, machine, memory
from realm_tf.index.index import Index
from realm_tf.index.slot import IndexSlot


@pytest.mark.parametrize('kind', ['exact', 'scann'])
def test_figures(tmp_path, monkeypatch, kind):
  if kind == 'exact':
    monkeypatch.setattr(indexes.searcher, 'scann_is_installed', lambda: False)
  figures = memory.memory(str(tmp_path / 'work'), rows=2000, refreshes=5)
  seen = figures['memory_mb']
  assert len(seen) == 5 and min(seen) > 50
  assert figures['last_to_third'] == pytest.approx(seen[4] / seen[2])
  assert figures['highest_to_third'] >= max(1.0, figures['last_to_third'])
  assert figures['searches'] > 0
  assert figures['longest_swap_milliseconds'] > 0
  assert not os.path.exists(tmp_path / 'work')


def test_memory_is_read_when_the_old_index_is_closed(tmp_path, monkeypatch):
  open_now, seen = set(), []
  load, memory_mb = Index.open, machine.memory_mb

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

  monkeypatch.setattr(Index, 'open', load_and_count)
  monkeypatch.setattr(machine, 'memory_mb', count)
  memory.memory(str(tmp_path / 'work'), rows=500, refreshes=4)
  assert seen == [1] * 4


def test_refreshes_must_be_more_than_are_left_out(tmp_path):
  with pytest.raises(ValueError, match='Received: 3'):
    memory.memory(str(tmp_path), refreshes=3)


def test_an_error_of_a_search_is_raised():
  searching = memory._Searching(IndexSlot(), np.zeros([1, 4], np.float32))
  searching.start()
  searching.join(10)
  with pytest.raises(RuntimeError, match='no index was put into the slot'):
    searching.end()
