# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Readers of the formats that text comes in.

Reading takes two steps, so that several processes can share it: `raw_records`
cuts a file into records, which is cheap and sequential; `parse` makes a
document of a record, which is expensive and can be done anywhere. TensorFlow is
imported for blocks and corpora only.
"""

import collections
import gzip
import hashlib
import os
import pathlib
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple
from xml.etree import ElementTree

from realm_tf.configs.corpus_config import CORPUS_FORMATS
from realm_tf.corpus import document, lines, mediawiki
from realm_tf.corpus.document import CorpusError, Document, MalformedError
from realm_tf.corpus.problems import Problems
from realm_tf.io import files

FORMATS = CORPUS_FORMATS
# Bytes at each end of a file that tell it from others.
_DIGESTED = 1 << 20
_BLOCKS_AT_ONCE = 1024


class RawRecord(NamedTuple):
  """A record that is not parsed yet.

  Attributes:
    path: File of the record.
    line: Line in the file, from 1; for `blocks`, `mediawiki` and `corpus` the
      number of the record.
    format: One of `FORMATS`, or `malformed`: then the payload is the error.
    payload: Input of `parse`; can be sent to another process.
  """

  path: str
  line: int
  format: str
  payload: Any

  @property
  def where(self) -> str:
    """The place in the form that editors understand."""
    if self.format == 'mediawiki':
      return f'{self.path}: page {self.line} ({self.payload.title!r})'
    if self.format in ('blocks', 'corpus'):
      return f'{self.path}: record {self.line}'
    return f'{self.path}:{self.line}'


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


def detect_format(path: str) -> str:
  """Returns the format of a file, by its name and its first line.

  Raises:
    CorpusError: The file cannot be opened or is in no known format.
  """
  if os.path.isdir(path):
    return 'corpus'
  if re.search(r'\.tfr(ecords?)?(\.gz)?(-\d+-of-\d+)?$', path):
    return 'blocks'
  try:
    with files.open_binary(path) as f:
      head = f.read(1 << 14).lstrip(b'\xef\xbb\xbf \t\r\n')
  except (OSError, EOFError, zlib.error) as e:
    raise CorpusError(f'{path}: cannot be read: {e}') from e
  if head.startswith((b'<mediawiki', b'<?xml')):
    return 'mediawiki'
  if head.startswith(b'<doc '):
    return 'wikiextractor'
  if head.startswith(b'{'):
    return 'jsonl'
  if re.match(rb'id\ttext\ttitle\s', head):
    return 'dpr'
  name = re.sub(r'\.(gz|bz2)$', '', path)
  if re.search(r'\.jsonl?$', name):
    return 'jsonl'
  if name.endswith('.tsv'):
    return 'dpr'
  if b'\0' in head:
    raise CorpusError(f'{path}: not text; leave it out of `input`')
  return 'text'


def raw_records(
  path: str, format: str = 'auto', start: int = 0
) -> Iterator[RawRecord]:
  """Cuts a file into records.

  Args:
    path: Plain, `.gz` or `.bz2` file, or a corpus.
    format: One of `FORMATS`, or `auto`.
    start: Number of records to pass over.

  Yields:
    The records in order. What cannot be cut out is yielded with the format
    `malformed`, so that it is counted and reported with the others.
  """
  if format == 'auto':
    format = detect_format(path)
  if format == 'corpus':
    yield from _corpus_blocks(path, start)
    return
  records = _CUTTERS[format](path)
  line = 0
  try:
    for i, (line, payload) in enumerate(records):
      if i >= start:
        kind = 'malformed' if isinstance(payload, MalformedError) else format
        yield RawRecord(path, line, kind, payload)
  except ElementTree.ParseError as e:
    reason = MalformedError(f'the rest is not read: broken XML: {e}')
    yield RawRecord(path, e.position[0], 'malformed', reason)
  except (
    EOFError,
    gzip.BadGzipFile,
    zlib.error,
    OSError,
  ) as e:
    reason = MalformedError(f'the rest is not read: damaged file: {e}')
    yield RawRecord(path, line + 1, 'malformed', reason)


def _lines(path: str) -> Iterator[tuple[int, bytes]]:
  with files.open_binary(path) as f:
    for line, content in enumerate(f, 1):
      if line == 1:
        content = content.removeprefix(b'\xef\xbb\xbf')
      if content.strip():
        yield line, content


def _dpr_lines(path: str) -> Iterator[tuple[int, bytes]]:
  for line, content in _lines(path):
    if line == 1 and content.startswith(b'id\t'):
      continue
    yield line, content


_DOC_TITLE = re.compile(r'<doc\s[^>]*?title="(.*?)"\s*(?:\w+=|>)')


def _wikiextractor_docs(
  path: str,
) -> Iterator[tuple[int, tuple[bytes, bytes] | MalformedError]]:
  header, start = b'', 0
  body: list[bytes] = []
  for line, content in _lines(path):
    if content.startswith(b'<doc '):
      if header:
        yield start, MalformedError('<doc> without </doc>')
      header, start, body = content, line, []
    elif content.startswith(b'</doc>'):
      if header:
        yield start, (header, b''.join(body))
      else:
        yield line, MalformedError('</doc> without <doc>')
      header = b''
    elif header:
      body.append(content)
    else:
      yield line, MalformedError('a line outside <doc> ... </doc>')
  if header:
    yield start, MalformedError('<doc> without </doc>')


def _pages(path: str) -> Iterator[tuple[int, mediawiki.Page]]:
  with files.open_binary(path) as f:
    yield from enumerate(mediawiki.read_pages(f), 1)


def _whole_file(path: str) -> Iterator[tuple[int, tuple[str, bytes]]]:
  name = os.path.basename(path)
  title = re.sub(r'(\.(txt|text|md))?(\.(gz|bz2))?$', '', name, flags=re.I)
  with files.open_binary(path) as f:
    yield 1, (title.replace('_', ' '), f.read())


def _block_records(path: str) -> Iterator[tuple[int, bytes]]:
  from realm_tf.io import records

  with records.damage_named(path):
    yield from enumerate(records.read([path]).as_numpy_iterator(), 1)


def _corpus_blocks(path: str, start: int) -> Iterator[RawRecord]:
  from realm_tf.corpus.corpus import Corpus

  corpus = Corpus.open(path)
  for first in range(start, len(corpus), _BLOCKS_AT_ONCE):
    rows = range(first, min(first + _BLOCKS_AT_ONCE, len(corpus)))
    # Not cleaned: title and body must keep the document's uid.
    for row, *payload in zip(
      rows,
      corpus.titles(rows),
      corpus.bodies(rows),
      corpus.record_ids(rows),
      corpus.urls(rows),
    ):
      yield RawRecord(path, row + 1, 'corpus', payload)


_CUTTERS: dict[str, Callable[[str], Iterator[tuple[int, Any]]]] = {
  'jsonl': _lines,
  'wikiextractor': _wikiextractor_docs,
  'mediawiki': _pages,
  'dpr': _dpr_lines,
  'text': _whole_file,
  'blocks': _block_records,
}


def _parse_jsonl(line: bytes) -> Document:
  record = lines.parse_object(line)
  if 'title' not in record:
    raise MalformedError('no "title"')
  text = record.get('text', record.get('body'))
  if text is None:
    raise MalformedError('no "text"')
  id, url = (
    '' if record.get(name) is None else str(record[name])
    for name in ('id', 'url')
  )
  lines.check_string('id or url', id + url)
  return document.clean_document(record['title'], text, id, url)


def _parse_wikiextractor(payload: tuple[bytes, bytes]) -> Document:
  header, body = payload
  match = _DOC_TITLE.match(lines.decode(header))
  if not match:
    raise MalformedError('<doc> without title="..."')
  return document.clean_document(match[1], lines.decode(body))


def _parse_mediawiki(page: mediawiki.Page) -> Document:
  return document.clean_document(page.title, mediawiki.page_text(page))


def _parse_dpr(line: bytes) -> Document:
  columns = lines.parse_tab_separated(line)
  if len(columns) != 3:
    raise MalformedError(f'{len(columns)} columns, not 3: id, text, title')
  return document.clean_document(columns[2], columns[1], columns[0])


_EMPTY_LINE = re.compile(r'\n[ \t\r]*\n')


def _parse_text(payload: tuple[str, bytes]) -> Document:
  title, content = payload
  text = lines.decode(content.removeprefix(b'\xef\xbb\xbf')).replace(
    '\r\n', '\n'
  )
  paragraphs = _EMPTY_LINE.split(text.strip())
  if len(paragraphs) > 1:
    # Empty lines between paragraphs: the line breaks within are only layout.
    text = '\n'.join(' '.join(p.split()) for p in paragraphs)
  return document.clean_document(title, text)


def _parse_block(record: bytes) -> Document:
  from realm_tf.corpus import block_records

  try:
    title, body = block_records.texts_of(record)
  except ValueError as e:
    raise MalformedError(str(e)) from e
  # Not cleaned: title and body must keep the document's uid.
  return Document(lines.decode(title), lines.decode(body))


def _parse_corpus(payload: Sequence[str]) -> Document:
  return Document(*payload)


_PARSERS: dict[str, Callable[[Any], Document]] = {
  'jsonl': _parse_jsonl,
  'wikiextractor': _parse_wikiextractor,
  'mediawiki': _parse_mediawiki,
  'dpr': _parse_dpr,
  'text': _parse_text,
  'blocks': _parse_block,
  'corpus': _parse_corpus,
}


def parse(record: RawRecord) -> Document:
  """Makes a clean document of a record.

  Raises:
    MalformedError: The record cannot be read.
    SkippedError: The record is left out; `reason` says why.
  """
  if record.format == 'malformed':
    raise record.payload
  try:
    return _PARSERS[record.format](record.payload)
  except RecursionError as e:
    raise MalformedError('nested too deeply') from e


def parse_all(
  records: Iterable[RawRecord],
) -> tuple[list[Document], collections.Counter, list[str]]:
  """Parses a batch of records.

  Returns:
    The documents; what was counted (`read`, `kept`, `malformed` and
    `skipped_REASON`); and `FILE:LINE: reason` of the first malformed ones.
  """
  problems = Problems(silent=True)
  documents = list(problems.parse(records, parse))
  problems.counts['kept'] = len(documents)
  return documents, problems.counts, problems.texts


def read_documents(
  patterns: str | Sequence[str],
  format: str = 'auto',
  problems: Problems | None = None,
  field: str = 'input',
) -> Iterator[Document]:
  """Yields the documents of files, in one process.

  Args:
    patterns: Paths, globs, directories or corpora.
    format: One of `FORMATS`, or `auto` to look at each file.
    problems: Takes what is malformed. Defaults to nobody.
    field: Config field that names the files, for the error.

  Raises:
    CorpusError: A file is not there, or see `Problems.parse`.
  """
  problems = problems or Problems(silent=True)
  for path in list_files(patterns, field):
    yield from problems.parse(raw_records(path, format), parse)
