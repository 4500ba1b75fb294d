# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Child process of `timed_regex`: matches patterns until its time is up.

A script of the standard library only, so that it starts at once. A match can
be interrupted by a signal, and only in the main thread of a process.
"""

import json
import re
import signal
import sys
from typing import Any


def _find(patterns: list[re.Pattern], text: str, how: str) -> list:
  if how == 'match':
    return [True] if any(p.match(text) for p in patterns) else []
  found = set()
  for pattern in patterns:
    for match in pattern.finditer(text):
      if match.group().strip():
        if how == 'search':
          return [True]
        found.add(match.span())
  return sorted(found)


def _answer(
  patterns: list[str], flags: int, texts: list[str], how: str, seconds: float
) -> dict[str, Any]:
  found: list[list] = []
  try:
    # Time of this process, however busy the machine is.
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    compiled = [re.compile(pattern, flags) for pattern in patterns]
    for text in texts:
      found.append(_find(compiled, text, how))
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
  except (TimeoutError, MemoryError):
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
  return {'found': found}


def _main() -> None:
  def stop(*_: Any) -> None:
    raise TimeoutError

  signal.signal(signal.SIGVTALRM, stop)
  signal.signal(signal.SIGINT, signal.SIG_IGN)
  for line in sys.stdin:
    print(json.dumps(_answer(*json.loads(line))), flush=True)


if __name__ == '__main__':
  _main()
