# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Repeats, medians and how far they scatter."""

import statistics
import time
from collections.abc import Callable, Sequence


def time_repeats(work: Callable[[], object], repeats: int) -> list[float]:
  """Seconds of each of `repeats` calls, after one that is not counted."""
  work()
  seconds = []
  for _ in range(repeats):
    start = time.perf_counter()
    work()
    seconds.append(time.perf_counter() - start)
  return seconds


def rate(
  amount: float, seconds: Sequence[float], unit: str
) -> dict[str, float]:
  """Median and extremes of `amount` per second.

  Returns:
    `<unit>_per_second`, `<unit>_per_second_worst` and `..._best`.
  """
  return {
    f'{unit}_per_second': amount / statistics.median(seconds),
    f'{unit}_per_second_worst': amount / max(seconds),
    f'{unit}_per_second_best': amount / min(seconds),
  }


def rate_of(
  work: Callable[[], object], repeats: int, amount: float, unit: str
) -> dict[str, float]:
  """`rate` of repeated calls that each do `amount` of work."""
  return rate(amount, time_repeats(work, repeats), unit)
