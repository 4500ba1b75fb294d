# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Documents to remove from a corpus: files that name them, and their rows.

A `.jsonl` file (or `.jsonl.gz`) has an object a line with one of

    id      all blocks of the record of this id, and of `title` if it is there
    title   all blocks of this title
    uid     the blocks of this uid, see `document_uids`
    row     the block of this number in the corpus, from 0

any other file has a title a line. HTML references and white space in titles
are normalized, here and in the corpus.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from realm_tf.corpus import lines, readers
from realm_tf.corpus.corpus import Corpus
from realm_tf.corpus.document import MalformedError, clean_title
from realm_tf.corpus.problems import Problems

KEYS = ('id', 'title', 'uid', 'row')


class Removal(NamedTuple):
  """Blocks to remove.

  Attributes:
    key: One of `KEYS`.
    value: Id or title, or number.
    where: `FILE:LINE`, or empty.
    title: Title that blocks of an id must have; empty for any.
  """

  key: str
  value: str | int
  where: str = ''
  title: str = ''

  def __str__(self) -> str:
    place = f'{self.where}: ' if self.where else ''
    title = f' and title {self.title!r}' if self.title else ''
    return f'{place}there is no block of {self.key} {self.value!r}{title}'


def by_title(title: str, where: str = '') -> Removal:
  """Returns the removal of all blocks of a title."""
  return Removal('title', clean_title(title), where)


def _parse(line: bytes, is_json: bool, where: str) -> Removal:
  if not is_json:
    return by_title(lines.decode(line), where)
  record = lines.parse_object(line)
  named = [key for key in KEYS if key in record]
  if not named:
    raise MalformedError('none of id, title, uid and row in it')
  if len(named) > 1 and named != ['id', 'title']:
    raise MalformedError(f'more than one of id, title, uid and row: {named}')
  key = named[0]
  value = record[key]
  title = record.get('title', '')
  if not isinstance(title, str):
    raise MalformedError(f'title is {type(title).__name__}, not a string')
  if key == 'title':
    return by_title(title, where)
  if key == 'id':
    if type(value) not in (int, str):
      kind = type(value).__name__
      raise MalformedError(f'id is {kind}, not a string or a whole number')
    return Removal(key, str(value), where, clean_title(title))
  if type(value) is not int:
    raise MalformedError(f'{key} is {type(value).__name__}, not a whole number')
  return Removal(key, value, where)


def read_removals(
  patterns: str | Sequence[str], problems: Problems
) -> list[Removal]:
  """Reads what is to be removed.

  Args:
    patterns: Paths, globs or directories; a title a line, or, in files that
      end in .jsonl, objects with one of `KEYS`.
    problems: Takes malformed lines.

  Raises:
    CorpusError: A file is not there; or as `Problems.add`.
  """
  removals = []
  for path in readers.list_files(patterns, 'remove'):
    is_json = bool(re.search(r'\.jsonl?(\.(gz|bz2|xz|zst))?$', path))
    for record in readers.raw_records(path, 'jsonl'):
      try:
        if isinstance(record.payload, MalformedError):
          raise record.payload
        removals.append(_parse(record.payload.strip(), is_json, record.where))
      except MalformedError as e:
        problems.add(record.where, e)
  return removals


def rows_of_titles(
  corpus: Corpus, titles: Iterable[str]
) -> dict[str, list[int]]:
  """Returns the rows of all blocks of titles, by cleaned title.

  HTML references and white space do not matter, in neither.
  """
  return corpus.rows_of_titles(set(map(clean_title, titles)), clean_title)


def find_rows(
  corpus: Corpus, removals: Sequence[Removal]
) -> tuple[np.ndarray, list[Removal]]:
  """Looks up what is to be removed.

  Returns:
    Rows, int64, rising, each once; and what was not found.
  """
  titles = rows_of_titles(
    corpus, (str(r.value) for r in removals if r.key == 'title')
  )
  by_id = corpus.rows_of_records(
    [str(r.value) for r in removals if r.key == 'id']
  )
  # Python's numbers may be larger than a uid can be.
  uids = {r.value for r in removals if r.key == 'uid'}
  known = [u for u in uids if -(1 << 63) <= int(u) < 1 << 63]
  of_uid: dict[str | int, list[int]] = {}
  for row in np.flatnonzero(np.isin(corpus.uids, known)).tolist():
    of_uid.setdefault(int(corpus.uids[row]), []).append(row)
  rows: set[int] = set()
  missing = []
  for removal in removals:
    value = removal.value
    if removal.key == 'title':
      its = titles.get(clean_title(str(value)), [])
    elif removal.key == 'id':
      its = by_id.get(str(value), [])
      if removal.title:
        named = map(clean_title, corpus.titles(its))
        its = [row for row, name in zip(its, named) if name == removal.title]
    elif removal.key == 'uid':
      its = of_uid.get(value, [])
    else:
      its = [int(value)] if 0 <= int(value) < len(corpus) else []
    if not its:
      missing.append(removal)
    rows.update(its)
  return np.array(sorted(rows), np.int64), missing
