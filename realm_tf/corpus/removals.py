# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which documents are to be removed from a corpus: files that name them.

A `.jsonl` file (or `.jsonl.gz`) has an object a line with one of

    title   all blocks of this title
    uid     the blocks of this `corpus.document_uids`, a number
    row     the block of this number in the corpus, from 0

any other file a title a line. Empty lines are left out. HTML references and
white space in titles are made regular, here and in the corpus that they are
looked for in.
"""

import re
import zlib
from collections.abc import Sequence
from typing import NamedTuple

from realm_tf.corpus import lines, readers
from realm_tf.corpus.document import CorpusError, MalformedError, clean_title
from realm_tf.corpus.problems import Problems
from realm_tf.io import files

KEYS = ('title', 'uid', 'row')


class Removal(NamedTuple):
  """Something to be removed.

  Attributes:
    key: One of `KEYS`.
    value: A title, or the number.
    where: `FILE:LINE`, or empty.
  """

  key: str
  value: str | int
  where: str = ''

  def __str__(self) -> str:
    place = f'{self.where}: ' if self.where else ''
    return f'{place}there is no block of {self.key} {self.value!r}'


def by_title(title: str, where: str = '') -> Removal:
  """All blocks of a title, cleaned as `document.clean_title` does.

  Raises:
    MalformedError: See there.
  """
  return Removal('title', clean_title(title), where)


def _parse(line: bytes, is_json: bool, where: str) -> Removal:
  if not is_json:
    return by_title(lines.decode(line), where)
  record = lines.parse_object(line)
  named = [key for key in KEYS if key in record]
  if not named:
    raise MalformedError('none of title, uid and row in it')
  # With more than one, the first would remove what the others do not mean.
  if len(named) > 1:
    raise MalformedError(f'more than one of title, uid and row: {named}')
  (key,) = named
  value = record[key]
  if key == 'title':
    if not isinstance(value, str):
      raise MalformedError(f'title is {type(value).__name__}, not a string')
    return by_title(value, where)
  if not isinstance(value, int) or isinstance(value, bool):
    raise MalformedError(f'{key} is {type(value).__name__}, not a whole number')
  return Removal(key, value, where)


def read_removals(
  patterns: str | Sequence[str], *, strict: bool = False, flag: str = '--remove'
) -> tuple[list[Removal], int]:
  """Reads what is to be removed.

  Args:
    patterns: Paths, globs or directories.
    strict: Whether a malformed line is an error, and not logged and left out.
    flag: What the message of a missing file begins with.

  Returns:
    What is to be removed, and the number of malformed lines.

  Raises:
    CorpusError: A file is not there; with `strict`, the first malformed line.
  """
  problems = Problems(strict)
  removals = []
  for path in readers.list_files(patterns, flag):
    is_json = bool(re.search(r'\.jsonl?(\.gz|\.bz2)?$', path))
    try:
      with files.open_binary(path) as f:
        content = f.read().removeprefix(b'\xef\xbb\xbf')
    except (OSError, EOFError, zlib.error) as e:
      raise CorpusError(f'{path}: cannot be read: {e}') from e
    for number, line in enumerate(content.split(b'\n'), 1):
      if not line.strip():
        continue
      where = f'{path}:{number}'
      try:
        removals.append(_parse(line, is_json, where))
      except MalformedError as e:
        problems.add(where, e)
  return removals, problems.counts['malformed']
