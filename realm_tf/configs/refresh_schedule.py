# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""At which training steps an export is written for the index builder."""

import bisect
import dataclasses
import re

_PART = re.compile(r'^(\d+)-(\d*):(\d+)$')


@dataclasses.dataclass(frozen=True)
class RefreshSchedule:
  """Every how many steps an export is written, by ranges of steps.

  Attributes:
    starts: First step of each range; the first is 0, they rise.
    intervals: Steps between two exports in that range; 0 means none.
  """

  starts: tuple[int, ...]
  intervals: tuple[int, ...]

  @classmethod
  def parse(cls, text: str) -> 'RefreshSchedule':
    """Reads `'0-1000:100,1000-:500'`: until step 1000 every 100, then 500.

    A single number is the same interval for the whole training. An interval
    of 0 writes no exports in its range.

    Raises:
      ValueError: Says which part is wrong and what was expected.
    """
    text = text.strip()
    if text.isdigit():
      return cls((0,), (int(text),))
    starts, intervals, expected = [], [], 0
    parts = [part.strip() for part in text.split(',')]
    for i, part in enumerate(parts):
      match = _PART.match(part)
      if match is None:
        raise ValueError(
          f'refresh schedule {text!r}: part {part!r} is not FIRST-LIMIT:EVERY'
          ' (as in 0-1000:100,1000-:500)'
        )
      start, limit, interval = match.groups()
      if int(start) != expected:
        raise ValueError(
          f'refresh schedule {text!r}: part {part!r} starts at {start}, but'
          f' must start at {expected}, where the part before it ends'
        )
      is_last = i == len(parts) - 1
      if bool(limit) == is_last:
        raise ValueError(
          f'refresh schedule {text!r}: the last part, and only the last, has'
          f' no limit (as in {expected}-:500). Received: {part!r}'
        )
      if limit and int(limit) <= int(start):
        raise ValueError(
          f'refresh schedule {text!r}: part {part!r} ends before it starts'
        )
      starts.append(int(start))
      intervals.append(int(interval))
      expected = int(limit) if limit else -1
    return cls(tuple(starts), tuple(intervals))

  def _range(self, step: int) -> int:
    return bisect.bisect_right(self.starts, step) - 1

  def is_due(self, step: int) -> bool:
    """Whether an export is written after `step` steps (never at step 0).

    Steps are counted from the start of their range, which is due itself.
    """
    i = self._range(step)
    if step <= 0 or self.intervals[i] == 0:
      return False
    return (step - self.starts[i]) % self.intervals[i] == 0

  def next_after(self, step: int) -> int | None:
    """The first step beyond `step` with an export, None if there is none."""
    for i in range(self._range(step), len(self.starts)):
      start, interval = self.starts[i], self.intervals[i]
      if interval == 0:
        continue
      if start > step:
        return start
      due = start + ((step - start) // interval + 1) * interval
      if i + 1 == len(self.starts) or due < self.starts[i + 1]:
        return due
    return None

  def __str__(self) -> str:
    limits = [*map(str, self.starts[1:]), '']
    return ','.join(
      f'{start}-{limit}:{interval}'
      for start, limit, interval in zip(self.starts, limits, self.intervals)
    )
