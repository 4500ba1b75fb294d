# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Progress bars that all look alike, and messages above them."""

import sys
import time
from collections.abc import Iterable
from typing import Any

import tqdm

# Updates that are timed before a rate is shown.
_MIN_TIMED_UPDATES = 2


class _Lines:
  """Standard error where it is no terminal: each state of a bar is a line."""

  _last = ''

  def write(self, text: str) -> None:
    text = text.replace('\r', '').replace('\x1b[A', '').strip()
    if text and text != self._last:
      sys.stderr.write(text + '\n')
      self._last = text

  def flush(self) -> None:
    sys.stderr.flush()


class _Bar(tqdm.tqdm):
  """Takes rate and remaining time from what follows the first update.

  The first one pays for tracing, start-up and caches, and says nothing about
  the others.
  """

  _updates = 0
  _timed_from = (0, 0.0)

  def update(self, n: float | None = 1) -> bool | None:
    self._updates += 1
    if self._updates == 1:
      self._timed_from = (self.n + (n or 0), time.monotonic())
    return super().update(n)

  @property
  def format_dict(self) -> dict[str, Any]:
    state = super().format_dict
    if self._updates > _MIN_TIMED_UPDATES:
      first, started = self._timed_from
      seconds = time.monotonic() - started
      state['rate'] = (self.n - first) / max(seconds, 1e-9)
    elif self.total is None or self.n < self.total:
      # Without progress since `initial` there is no rate: tqdm shows "?".
      state.update(rate=None, initial=self.n)
    return state


def progress(
  iterable: Iterable | None = None,
  *,
  total: int | None = None,
  desc: str = '',
  unit: str = 'it',
  initial: int = 0,
  disable: bool = False,
) -> tqdm.tqdm:
  """Returns a tqdm bar on standard error.

  On a terminal it moves ten times a second; in a log file it writes a line
  every ten seconds. The remaining time is shown once some steps after the
  first have been timed.
  """
  is_terminal = sys.stderr.isatty()
  return _Bar(
    iterable,
    total=total,
    desc=desc,
    unit=unit,
    initial=initial,
    file=sys.stderr if is_terminal else _Lines(),
    unit_scale=True,
    dynamic_ncols=True,
    mininterval=0.1 if is_terminal else 10.0,
    disable=disable,
  )


def write(text: str) -> None:
  """Prints a line on standard error, above the bars that are drawn there."""
  if sys.stderr.isatty():
    tqdm.tqdm.write(text, file=sys.stderr)
  else:
    print(text, file=sys.stderr, flush=True)
