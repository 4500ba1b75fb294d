# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The formats of text: how each is recognized, cut into records and parsed.

To cut a file is cheap and sequential; to parse a record is expensive and can be
done in any process.
"""

import dataclasses
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from realm_tf.configs.corpus_config import ReadingConfig
from realm_tf.corpus import (
  document,
  json_records,
  lines,
  mediawiki,
  refusals,
  tables,
)
from realm_tf.corpus.document import CorpusError, Document, MalformedError
from realm_tf.corpus.lines import DamagedError
from realm_tf.io import files

DEFAULT_READING = ReadingConfig()
_HEAD = 1 << 14
_PACKED_NAME = re.compile(r'\.(gz|bz2|xz|zst|zstd)$', re.I)


class Head(NamedTuple):
  """What a format is recognized by.

  Attributes:
    name: Name of the file in lower case, without the ending of what packs it.
    content: Its first bytes, unpacked, without white space before them.
    reading: How it is to be read.
  """

  name: str
  content: bytes
  reading: ReadingConfig

  @property
  def line(self) -> bytes:
    """The first line."""
    return self.content.partition(b'\n')[0]


@dataclasses.dataclass(frozen=True)
class Format:
  """A format.

  Attributes:
    recognize: Whether a file is in it.
    cut: Yields the records of a file, each with its line or number.
    parse: Makes a document of a record.
    place: Where a record is, after the path, by its line or number.
  """

  recognize: Callable[[Head], object]
  cut: Callable[[str, ReadingConfig], Iterator[tuple[int, Any]]]
  parse: Callable[[Any, ReadingConfig], Document]
  place: str = ':{}'


# --- WikiExtractor

_DOC_TITLE = re.compile(r'<doc\s[^>]*?title="(.*?)"\s*(?:\w+=|>)')
_DOC_PLACE = re.compile(r'\b(id|url)="(.*?)"')


def _cut_wikiextractor(
  path: str, reading: ReadingConfig
) -> Iterator[tuple[int, tuple[bytes, bytes] | MalformedError]]:
  del reading
  header, start, size = b'', 0, 0
  body: list[bytes] = []
  with files.open_binary(path) as f:
    for line, content in lines.cut(f):
      if isinstance(content, MalformedError):
        yield line, content
      elif content.startswith(b'<doc '):
        if header:
          yield start, MalformedError('<doc> without </doc>', 'markup')
        header, start, body, size = content, line, [], 0
      elif content.startswith(b'</doc>'):
        if not header:
          yield line, MalformedError('</doc> without <doc>', 'markup')
        elif size > lines.MAX_RECORD:
          yield start, lines.too_long('a document')
        else:
          yield start, (header, b''.join(body))
        header, body = b'', []
      elif header:
        size += len(content)
        if size <= lines.MAX_RECORD:
          body.append(content)
      else:
        yield line, MalformedError('a line outside <doc> ... </doc>', 'markup')
  if header:
    raise DamagedError(start, '<doc> without </doc>')


def _parse_wikiextractor(
  payload: tuple[bytes, bytes], reading: ReadingConfig
) -> Document:
  del reading
  header, body = lines.decode(payload[0]), payload[1]
  match = _DOC_TITLE.match(header)
  if not match:
    raise MalformedError('<doc> without title="..."', 'markup')
  place = dict(_DOC_PLACE.findall(header))
  return document.clean_document(
    match[1],
    lines.decode(body),
    place.get('id', ''),
    place.get('url', ''),
    is_wikipedia='wikipedia.org/' in header,
  )


# --- MediaWiki


def _cut_mediawiki(
  path: str, reading: ReadingConfig
) -> Iterator[tuple[int, mediawiki.Page]]:
  del reading
  with files.open_binary(path) as f:
    yield from enumerate(mediawiki.read_pages(f), 1)


def _parse_mediawiki(page: mediawiki.Page, reading: ReadingConfig) -> Document:
  del reading
  return document.clean_document(
    page.title,
    mediawiki.page_text(page),
    page.id,
    page.url,
    is_wikipedia=page.site.is_wikipedia,
  )


# --- A document per file

_TEXT_NAME = re.compile(r'(\.(txt|text|md|markdown|rst))?$', re.I)
_FRONT_MATTER = re.compile(r'---\n(?:.*\n){0,200}?---\n')
_EMPTY_LINE = re.compile(r'\n[ \t\r]*\n')


def _cut_text(
  path: str, reading: ReadingConfig
) -> Iterator[tuple[int, tuple[str, bytes] | MalformedError]]:
  del reading
  name = _PACKED_NAME.sub('', os.path.basename(path))
  with files.open_binary(path) as f:
    content = f.read(lines.MAX_RECORD + 1)
  if len(content) > lines.MAX_RECORD:
    yield 1, lines.too_long('a document')
  else:
    yield 1, (_TEXT_NAME.sub('', name).replace('_', ' '), content)


def _parse_text(payload: tuple[str, bytes], reading: ReadingConfig) -> Document:
  del reading
  title, content = payload
  text = lines.decode(content).replace('\r\n', '\n')
  text = _FRONT_MATTER.sub('', text, count=1) if text[:4] == '---\n' else text
  text = text.strip()
  paragraphs = _EMPTY_LINE.split(text)
  if len(paragraphs) > 1:
    # Empty lines between paragraphs: the line breaks within are only layout.
    text = '\n'.join(' '.join(p.split()) for p in paragraphs)
  return document.clean_document(title, text)


# --- Block records and corpora: title and body must keep the document's uid


def _cut_blocks(
  path: str, reading: ReadingConfig
) -> Iterator[tuple[int, bytes]]:
  del reading
  from realm_tf.io import records

  with records.damage_named(path):
    yield from enumerate(records.read([path]).as_numpy_iterator(), 1)


def _parse_block(record: bytes, reading: ReadingConfig) -> Document:
  del reading
  from realm_tf.corpus import block_records

  try:
    title, body = block_records.texts_of(record)
  except ValueError as e:
    raise MalformedError(str(e), 'not_a_block') from e
  return Document(lines.decode(title), lines.decode(body))


_BLOCKS_AT_ONCE = 1024


def _cut_corpus(path: str, reading: ReadingConfig) -> Iterator[tuple[int, Any]]:
  yield from cut_corpus(path)


def cut_corpus(
  path: str, start: int = 0
) -> Iterator[tuple[int, Sequence[str]]]:
  """Yields the blocks of a corpus from row `start` on."""
  from realm_tf.corpus.corpus import Corpus

  corpus = Corpus.open(path)
  for first in range(start, len(corpus), _BLOCKS_AT_ONCE):
    rows = range(first, min(first + _BLOCKS_AT_ONCE, len(corpus)))
    for row, *payload in zip(
      rows,
      corpus.titles(rows),
      corpus.bodies(rows),
      corpus.record_ids(rows),
      corpus.urls(rows),
    ):
      yield row + 1, payload


def _parse_corpus(payload: Sequence[str], reading: ReadingConfig) -> Document:
  del reading
  return Document(*payload)


# --- How they are recognized

_HOLDS_RECORDS = re.compile(
  rb'\{[^\[\]{}]*"(data|documents|docs|passages|records|rows|paragraphs)"\s*:'
  rb'\s*\[\s*\{'
)
_OBJECT = re.compile(rb'\{\s*["}\r\n]')


def _is_json(head: Head) -> bool:
  """Whether it is an array, or objects over several lines or with records."""
  if re.match(rb'\[\s*[{\]]', head.content):
    return True
  if not _OBJECT.match(head.content):
    return False
  if _HOLDS_RECORDS.match(head.content):
    return True
  try:
    json.loads(head.line)
  except (ValueError, RecursionError):
    rest = head.content[len(head.line) :].lstrip()
    return bool(rest) and not rest.startswith(b'{')
  return False


def _is_tsv(head: Head) -> bool:
  return head.name.endswith('.tsv') or bool(
    tables.header_of(head.line, '\t', head.reading)
  )


FORMATS: dict[str, Format] = {
  'corpus': Format(
    lambda head: False, _cut_corpus, _parse_corpus, ': record {}'
  ),
  'blocks': Format(
    lambda head: re.search(r'\.tfr(ecords?)?(\.gz)?(-\d+-of-\d+)?$', head.name),
    _cut_blocks,
    _parse_block,
    ': record {}',
  ),
  'parquet': Format(
    lambda head: head.content.startswith(b'PAR1'),
    tables.cut_parquet,
    json_records.parse_item,
    ': row {}',
  ),
  'mediawiki': Format(
    lambda head: refusals.xml_root(head.content) in (b'mediawiki', b'page'),
    _cut_mediawiki,
    _parse_mediawiki,
    ': page {}',
  ),
  'wikiextractor': Format(
    lambda head: head.content.startswith(b'<doc '),
    _cut_wikiextractor,
    _parse_wikiextractor,
  ),
  'json': Format(_is_json, json_records.cut, json_records.parse_item),
  'jsonl': Format(
    lambda head: (
      _OBJECT.match(head.content) or re.search(r'\.(jsonl?|ndjson)$', head.name)
    ),
    json_records.cut_lines,
    json_records.parse_line,
  ),
  'tsv': Format(_is_tsv, tables.cut_tsv, tables.parse_tsv),
  'csv': Format(
    lambda head: (
      head.name.endswith('.csv') or tables.is_csv(head.line, head.reading)
    ),
    tables.cut_csv,
    json_records.parse_item,
  ),
  # What is nothing else, unless `refusals` knows better.
  'text': Format(lambda head: True, _cut_text, _parse_text),
}


def detect_format(path: str, reading: ReadingConfig = DEFAULT_READING) -> str:
  """Returns the format of a file, by its name and its first bytes.

  Raises:
    CorpusError: The file cannot be opened, or is of a kind that is not read;
      the message says of which.
  """
  if os.path.isdir(path):
    return 'corpus'
  name = os.path.basename(path).lower()
  if FORMATS['blocks'].recognize(Head(name, b'', reading)):
    return 'blocks'
  content = b''
  try:
    with files.open_binary(path) as f:
      while len(content) < _HEAD and (more := f.read1(_HEAD)):  # type: ignore
        content += more
  except files.DamagedFileError:
    pass  # Whoever cuts the file into records says where.
  except OSError as e:
    raise CorpusError(f'{path}: cannot be read: {e}') from e
  head = Head(_PACKED_NAME.sub('', name), content.lstrip(), reading)
  refusals.check_bytes(path, content)
  for format, its in FORMATS.items():
    if format == 'text':
      refusals.check_text(path, head.name, head.content)
    if its.recognize(head):
      return format
  raise AssertionError('`text` takes everything')
