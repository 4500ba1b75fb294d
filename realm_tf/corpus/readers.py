# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads documents from files of many formats, see `formats`.

Reading takes two steps, so that several processes can share it: `raw_records`
cuts a file into records, `parse` makes a document of a record.
"""

import collections
import hashlib
import os
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from realm_tf.configs.corpus_config import ReadingConfig
from realm_tf.corpus import formats
from realm_tf.corpus.document import CorpusError, Document, MalformedError
from realm_tf.corpus.formats import DEFAULT_READING, FORMATS
from realm_tf.corpus.lines import DamagedError
from realm_tf.corpus.problems import Problem, Problems
from realm_tf.io import files

# Bytes at each end of a file that tell it from others.
_DIGESTED = 1 << 20


class RawRecord(NamedTuple):
  """A record that is not parsed yet.

  Attributes:
    path: File of the record.
    line: Line in the file, from 1, or the number of the record.
    format: One of `FORMATS`; another name for what is none of them.
    payload: Input of `parse`, or a `MalformedError`; can be sent to another
      process.
  """

  path: str
  line: int
  format: str
  payload: Any

  @property
  def where(self) -> str:
    """The place; where it is a line, in the form that editors understand."""
    title = getattr(self.payload, 'title', None)  # Of a MediaWiki page.
    if isinstance(title, str):
      return f'{self.path}: page {self.line} ({title!r})'
    its = FORMATS.get(self.format)  # Of other readers of lines there is none.
    return self.path + (its.place if its else ':{}').format(self.line)


def list_files(
  patterns: str | Sequence[str], field: str = 'input'
) -> list[str]:
  """Returns the files that paths, globs and directories name, sorted.

  A directory stands for every file below it that is not hidden, but a corpus
  for itself.

  Args:
    patterns: Separated by commas, or a sequence.
    field: Config field that names the files, for the error.

  Raises:
    CorpusError: Nothing is there; the message names the pattern.
  """
  try:
    found = files.expand(patterns)
  except FileNotFoundError as e:
    raise CorpusError(f'`{field}`: {e}') from e
  paths = []
  for path in found:
    if not os.path.isdir(path) or _is_corpus(path):
      paths.append(path)
      continue
    inside = [
      str(p)
      for p in pathlib.Path(path).rglob('*')
      if p.is_file()
      and not any(part.startswith('.') for part in p.relative_to(path).parts)
    ]
    if not inside:
      raise CorpusError(f'`{field}`: no file in directory {path}')
    paths.extend(inside)
  return sorted(set(paths))


def _is_corpus(directory: str) -> bool:
  from realm_tf.corpus import corpus

  return corpus.is_corpus(directory)


def content_digest(path: str, ends: int | None = _DIGESTED) -> str:
  """Digests the size of a file and the bytes at both of its ends.

  The middle of a large file is not read: an edit there that keeps the size is
  noticed in a compressed file, which ends in a checksum, but not in a plain
  one. Copies have the same digest. A corpus has its fingerprint.

  Args:
    path: File or corpus.
    ends: Bytes read at each end; None reads all.

  Returns:
    A hex digest.
  """
  if os.path.isdir(path):
    from realm_tf.corpus.corpus import Corpus

    return Corpus.open(path).fingerprint
  size = os.path.getsize(path)
  digest = hashlib.blake2b(b'%d ' % size, digest_size=16)
  with open(path, 'rb') as f:
    if ends is None or size <= 2 * ends:
      digest.update(f.read())
    else:
      digest.update(f.read(ends))
      f.seek(-ends, os.SEEK_END)
      digest.update(f.read(ends))
  return digest.hexdigest()


def raw_records(
  path: str,
  format: str = 'auto',
  start: int = 0,
  reading: ReadingConfig = DEFAULT_READING,
) -> Iterator[RawRecord]:
  """Cuts a file into records.

  Args:
    path: File, packed or not, or a corpus.
    format: One of `FORMATS`, or `auto`.
    start: Number of records to pass over.
    reading: How it is read.

  Yields:
    The records in order. What cannot be cut out has a `MalformedError` as its
    payload, so that it is counted and reported with the others.

  Raises:
    CorpusError: The file is damaged and `reading` does not accept it, or not in
      the format; the message names file and place.
  """
  if format == 'auto':
    format = formats.detect_format(path, reading)
  if format == 'corpus':
    for line, payload in formats.cut_corpus(path, start):
      yield RawRecord(path, line, format, payload)
    return
  line = 0
  try:
    for i, (line, payload) in enumerate(FORMATS[format].cut(path, reading)):
      if i >= start:
        yield RawRecord(path, line, format, payload)
  except (DamagedError, files.DamagedFileError) as e:
    reason = str(e).removeprefix(f'{path}: ')
    error = MalformedError(f'the rest is not read: {reason}', 'damaged')
    record = RawRecord(path, line + 1, format, error)
    if isinstance(e, DamagedError) and e.line is not None:
      record = RawRecord(path, e.line, 'lines', error)
    if not reading.accept_damaged:
      raise CorpusError(
        f'{record.where}: {reason}; with `accept_damaged` what comes before it'
        ' is used'
      ) from e
    yield record


def parse(
  record: RawRecord, reading: ReadingConfig = DEFAULT_READING
) -> Document:
  """Makes a clean document of a record.

  Raises:
    MalformedError: The record cannot be read.
    SkippedError: The record is left out; `reason` says why.
  """
  if isinstance(record.payload, MalformedError):
    raise record.payload
  try:
    return FORMATS[record.format].parse(record.payload, reading)
  except RecursionError as e:
    raise MalformedError('nested too deeply', 'nested') from e


def parse_all(
  records: Iterable[RawRecord], reading: ReadingConfig = DEFAULT_READING
) -> tuple[list[Document], collections.Counter, list[Problem]]:
  """Parses a batch of records.

  Returns:
    The documents; what was counted (`read`, `kept`, `malformed`,
    `malformed_KIND` and `skipped_REASON`); and the first problems.
  """
  problems = Problems(silent=True)
  documents = list(problems.parse(records, lambda r: parse(r, reading)))
  problems.counts['kept'] = len(documents)
  return documents, problems.counts, problems.first


def read_documents(
  patterns: str | Sequence[str],
  reading: ReadingConfig = DEFAULT_READING,
  problems: Problems | None = None,
  field: str = 'input',
) -> Iterator[Document]:
  """Yields the documents of files, in one process.

  Args:
    patterns: Paths, globs, directories or corpora.
    reading: How they are read.
    problems: Takes what is malformed. Defaults to nobody.
    field: Config field that names the files, for the error.

  Raises:
    CorpusError: A file is not there or is damaged, or see `Problems.parse`.
  """
  problems = problems or Problems(silent=True)
  for path in list_files(patterns, field):
    records = raw_records(path, reading.format, reading=reading)
    yield from problems.parse(records, lambda r: parse(r, reading))
