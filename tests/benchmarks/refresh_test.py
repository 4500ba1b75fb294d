# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import os
import time
import types

import pytest

from benchmarks import refresh


def _build_until_stepped(self, embedder_dir, step, check):
  """Builds; of so small a corpus no step would lie within it otherwise."""
  with refresh._timed(self.builds):
    self._indexer(embedder_dir, step, check)
    wanted, begin = len(self.steps) + 2, time.perf_counter()
    while len(self.steps) < wanted and time.perf_counter() < begin + 60:
      time.sleep(0.01)


def test_figures(material, toy, tmp_path, monkeypatch):
  monkeypatch.setattr(refresh._Watched, '_build', _build_until_stepped)
  figures = refresh.refresh(
    material, str(tmp_path / 'work'), warmup=1, idle_steps=3, rounds=2, **toy
  )
  assert figures['refreshes'] == 2
  assert figures['idle_steps'] >= 4 and figures['building_steps'] >= 1
  assert figures['slow_down'] == pytest.approx(
    figures['building_step_seconds'] / figures['idle_step_seconds']
  )
  assert figures['pause_milliseconds'] >= figures['swap_pause_milliseconds']
  for name in ('swap_call_milliseconds', 'load_seconds', 'build_seconds'):
    assert figures[name] > 0
  assert not os.path.exists(tmp_path / 'work')


@pytest.mark.parametrize(
  ('report', 'message'),
  [
    ({'index_failures': 0}, 'no new index was in use after 600 s'),
    (
      {'index_failures': 1, 'index_trouble': 'no disk'},
      'the refresh failed: no disk',
    ),
  ],
)
def test_a_refresh_that_never_comes_is_an_error(report, message):
  watched = object.__new__(refresh._Watched)
  watched._state = types.SimpleNamespace(step=1)
  watched._refresher = types.SimpleNamespace(report=lambda step: report)
  with pytest.raises(RuntimeError, match=message):
    watched._check(time.perf_counter() - 601)


def test_overlapping():
  steps = [(0.0, 1.0), (1.0, 3.0), (3.0, 3.5)]
  assert refresh.overlapping(steps, [(0.5, 1.5)]) == [1.0, 2.0]
  assert refresh.overlapping(steps, [(2.0, 2.1)]) == [2.0]
  assert refresh.overlapping(steps, [(0.5, 3.2)], whole=True) == [2.0]
  assert refresh.overlapping(steps, []) == []
