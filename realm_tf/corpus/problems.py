# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The one policy for malformed lines of any input."""

import collections
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from absl import logging

from realm_tf.corpus.document import CorpusError, MalformedError, SkippedError

_MAX_SHOWN = 20
_T = TypeVar('_T')


class Problems:
  """Malformed lines: counted, the first 20 logged; or an error if strict.

  Attributes:
    counts: Counts of lines; `malformed` is counted here.
    texts: The first problems, `FILE:LINE: reason`.
  """

  def __init__(
    self,
    strict: bool = False,
    consequence: str = 'skipped',
    *,
    silent: bool = False,
  ):
    """Starts without problems.

    Args:
      strict: Whether the first problem is an error.
      consequence: What happens to a malformed line, for the log.
      silent: Whether to log nothing, because `merge` of others will.
    """
    self._strict = strict
    self._consequence = consequence
    self._silent = silent
    self.counts: collections.Counter = collections.Counter()
    self.texts: list[str] = []

  def add(self, where: str, error: object) -> None:
    """Adds a malformed line.

    Raises:
      CorpusError: Strict; the message names file and line.
    """
    self.merge({'malformed': 1}, [f'{where}: {error}'])

  def merge(self, counts: Mapping[str, int], texts: Iterable[str]) -> None:
    """Adds the counts and texts of other problems.

    Raises:
      CorpusError: Strict, and there is a problem among them.
    """
    self.counts.update(counts)
    for text in texts:
      if self._strict:
        raise CorpusError(f'{text} (`strict`)')
      if len(self.texts) == _MAX_SHOWN:
        break
      self.texts.append(text)
      if not self._silent:
        logging.warning('%s: %s', self._consequence, text)
        if len(self.texts) == _MAX_SHOWN:
          logging.warning('further malformed lines are only counted')

  def parse(
    self, records: Iterable[Any], parse: Callable[[Any], _T]
  ) -> Iterator[_T]:
    """Parses records and yields what comes of those that are well-formed.

    Counts `read`, `malformed` and `skipped_REASON`.

    Args:
      records: `readers.RawRecord`s.
      parse: Parses a record; may raise `MalformedError` or `SkippedError`.

    Raises:
      CorpusError: Strict, and a record is malformed.
    """
    for record in records:
      self.counts['read'] += 1
      try:
        if isinstance(record.payload, MalformedError):
          raise record.payload
        item = parse(record)
      except SkippedError as e:
        self.counts[f'skipped_{e.reason}'] += 1
      except MalformedError as e:
        self.add(record.where, e)
      else:
        yield item

  def explain(self) -> str:
    """Returns an end for an error message: the first problem, if any."""
    return f'; the first problem is {self.texts[0]}' if self.texts else ''
