# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The one policy for malformed lines of any input."""

import collections
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from absl import logging

from realm_tf.corpus.document import CorpusError, MalformedError, SkippedError

# Of each kind, and of those without one.
_MAX_SHOWN, _MAX_OTHERS_SHOWN = 3, 20
_T = TypeVar('_T')


class Problem(NamedTuple):
  """A malformed line.

  Attributes:
    kind: `MalformedError.kind`.
    text: `FILE:LINE: reason`.
  """

  kind: str
  text: str


class Problems:
  """Malformed lines: counted by kind, the first logged; or an error if strict.

  Attributes:
    counts: Counts of lines; `malformed` and `malformed_KIND` are counted here.
    first: The first problems of each kind.
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
    self.first: list[Problem] = []
    self._full: set[str] = set()

  def add(self, where: str, error: object) -> None:
    """Adds a malformed line.

    Raises:
      CorpusError: Strict; the message names file and line.
    """
    kind = getattr(error, 'kind', '')
    counts = {'malformed': 1}
    if kind:
      counts[f'malformed_{kind}'] = 1
    self.merge(counts, [Problem(kind, f'{where}: {error}')])

  def merge(
    self, counts: Mapping[str, int], first: Iterable[Sequence[str]]
  ) -> None:
    """Adds the counts and first problems of others.

    Args:
      counts: Counts.
      first: `Problem`s, or pairs.

    Raises:
      CorpusError: Strict, and there is a problem among them.
    """
    self.counts.update(counts)
    for kind, text in first:
      if self._strict:
        raise CorpusError(f'{text} (`strict`)')
      shown = sum(problem.kind == kind for problem in self.first)
      if shown < (_MAX_SHOWN if kind else _MAX_OTHERS_SHOWN):
        self.first.append(Problem(kind, text))
        if not self._silent:
          logging.warning('%s: %s', self._consequence, text)
      elif kind not in self._full:
        self._full.add(kind)
        name = f' ({kind})' if kind else ''
        if not self._silent:
          logging.warning('further ones like this%s are only counted', name)

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
    return f'; the first problem is {self.first[0].text}' if self.first else ''

  def warn_if_most(self) -> None:
    """Logs a warning if more than half of what was read is malformed."""
    read, malformed = self.counts['read'], self.counts['malformed']
    if 2 * malformed > read:
      logging.warning(
        '%d of %d records are malformed%s', malformed, read, self.explain()
      )
