# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Python's regular expressions, for a limited time.

Some take exponential time, and a thread cannot interrupt them: another process
does the matching. Linear-time engines do not match as Python does.
"""

import atexit
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Literal

from absl import logging

from realm_tf.questions import regex_worker

FLAGS = re.IGNORECASE | re.MULTILINE
# Processor time of a call, and what each of its texts adds.
SECONDS, SECONDS_PER_TEXT = 0.3, 0.005


class _Worker:
  """The child process, started when it is first needed."""

  def __init__(self) -> None:
    self._lock = threading.Lock()
    self._process: subprocess.Popen | None = None
    self.given_up: set[tuple] = set()

  def ask(self, *request: object) -> list[list]:
    """Returns what was found in the first texts, until time was up."""
    with self._lock:
      if self._process is None or self._process.poll() is not None:
        self._process = subprocess.Popen(
          [sys.executable, '-I', '-S', regex_worker.__file__],
          stdin=subprocess.PIPE,
          stdout=subprocess.PIPE,
          text=True,
          encoding='ascii',
        )
      assert self._process.stdin and self._process.stdout
      try:
        self._process.stdin.write(json.dumps(request) + '\n')
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())['found']
      except (OSError, ValueError):  # It was killed.
        self._process.kill()
        return []

  def close(self) -> None:
    """Ends the process."""
    if self._process is not None:
      self._process.kill()
      self._process.communicate()


_worker = _Worker()
atexit.register(lambda: _worker.close())


def _after_fork() -> None:
  global _worker
  _worker = _Worker()


os.register_at_fork(after_in_child=_after_fork)


def find(
  patterns: Sequence[str],
  texts: Sequence[str],
  how: Literal['match', 'search', 'all'],
  question: str = '',
) -> list[list]:
  """Matches the patterns of a question with texts.

  A question whose patterns run out of time, `SECONDS` and `SECONDS_PER_TEXT`
  more for each text, has no further matches in this process; that is logged
  once.

  Args:
    patterns: Regular expressions that compile with `FLAGS`.
    texts: Any texts.
    how: `match` for whether one matches at the beginning, `search` for whether
      one matches more than white space, `all` for all such matches.
    question: The question, for the log.

  Returns:
    A list per text, empty without a match: for `all` the different first
    characters and characters after the last `[start, limit]`, sorted.
  """
  key = question, *patterns
  found: list[list] = []
  if patterns and len(texts) and key not in _worker.given_up:
    seconds = SECONDS + SECONDS_PER_TEXT * len(texts)
    found = _worker.ask(list(patterns), int(FLAGS), list(texts), how, seconds)
    if len(found) < len(texts):
      _worker.given_up.add(key)
      logging.warning(
        'out of time, counted as no answer: question %r with the regular'
        ' expressions %s',
        question,
        list(patterns),
      )
  return found + [[] for _ in range(len(texts) - len(found))]
