# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What is wrong with the lines of a file, told without flooding the log."""

import collections
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from absl import logging

from realm_tf.corpus.document import (
  CorpusError,
  MalformedError,
  SkippedError,
)

_MAX_REPORTED = 20

_Parsed = TypeVar('_Parsed')


class Problems:
  """What is wrong with lines: counted and logged, or the end.

  Attributes:
    counts: Of lines; `malformed` is counted here.
    first: The first problem, or an empty string.
  """

  def __init__(self, strict: bool, what_happens: str = 'skipped'):
    """Starts with none.

    Args:
      strict: Makes the first one an error.
      what_happens: To a malformed line, in the log.
    """
    self._strict = strict
    self._what_happens = what_happens
    self.counts: collections.Counter = collections.Counter()
    self.first = ''

  def add(self, where: str, error: Exception) -> None:
    """Takes note of a malformed line.

    Raises:
      CorpusError: If strict.
    """
    problem = f'{where}: {error}'
    if self._strict:
      raise CorpusError(f'{problem} (--strict)') from error
    self.counts['malformed'] += 1
    self.first = self.first or problem
    if self.counts['malformed'] <= _MAX_REPORTED:
      logging.warning('%s: %s', self._what_happens, problem)
    if self.counts['malformed'] == _MAX_REPORTED:
      logging.warning('further malformed lines are only counted')

  def parse(
    self, records: Iterable[Any], parse: Callable[[Any], _Parsed]
  ) -> Iterator[_Parsed]:
    """Parses records, counts them as `read`, and leaves out malformed ones.

    Args:
      records: `readers.RawRecord`s.
      parse: Parses a record. A `SkippedError` is counted as `skipped_REASON`.

    Raises:
      CorpusError: A record is malformed, if strict.
    """
    for record in records:
      self.counts['read'] += 1
      try:
        if isinstance(record.payload, MalformedError):
          raise record.payload
        parsed = parse(record)
      except SkippedError as e:
        self.counts[f'skipped_{e.reason}'] += 1
      except MalformedError as e:
        self.add(record.where, e)
      else:
        yield parsed

  def explain(self) -> str:
    """Returns an end for an error message: the first problem, if any."""
    return f'; the first problem is {self.first}' if self.first else ''
