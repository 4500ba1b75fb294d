# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Documents of records with named fields: objects of JSON, rows of tables.

The names are those that people's corpora have: KILT's knowledge source
(`wikipedia_title`, a list of paragraphs), Pyserini's (`contents`), BEIR's
(`_id`), MS MARCO's (`pid`, `passage`), WikiExtractor's JSON, SQuAD's
(`context`), HotpotQA's (a list of lists of sentences).
"""

import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from realm_tf.configs.corpus_config import ReadingConfig
from realm_tf.corpus import document, lines
from realm_tf.corpus.document import Document, MalformedError
from realm_tf.corpus.lines import DamagedError
from realm_tf.io import files, json_array

TITLES = ('title', 'wikipedia_title')
TEXTS = ('text', 'body', 'contents', 'content', 'passage', 'context')
URLS = ('url',)
IDS = ('id', '_id', 'docid', 'doc_id', 'pid', 'wikipedia_id')
# Fields of an object that hold its records.
_HOLDERS = ('data', 'documents', 'docs', 'passages', 'records', 'rows')
# Bytes of a file that is one object, such as SQuAD's (42 MB).
_MAX_OBJECT = 256 << 20
# Marks of lines in KILT's pages that are no prose.
_KILT_MARKS = ('Section::::', 'BULLET::::')
_SPACE = re.compile(r'\s*')


class Fields(NamedTuple):
  """Names of the fields of a record; None for one that it lacks."""

  title: str | None
  text: str | None
  id: str | None
  url: str | None


@functools.lru_cache(4096)
def _choose(
  names: tuple[str, ...],
  title: str | None,
  text: str | None,
  id: str | None,
) -> Fields:
  by_case = {name.strip().casefold(): name for name in reversed(names)}

  def first_of(given: str | None, usual: Sequence[str]) -> str | None:
    if given is not None:
      head = given.split('.')[0]
      return given if given in names or head in names else None
    found = (n if n in names else by_case.get(n) for n in usual)
    return next((name for name in found if name is not None), None)

  return Fields(
    first_of(title, TITLES),
    first_of(text, TEXTS),
    first_of(id, IDS),
    first_of(None, URLS),
  )


def choose_fields(names: Sequence[str], reading: ReadingConfig) -> Fields:
  """Finds title, text, id and url among the names of fields or columns."""
  return _choose(
    tuple(names), reading.title_field, reading.text_field, reading.id_field
  )


def used_fields(names: Sequence[str], reading: ReadingConfig) -> list[str]:
  """Returns those of the names that `document_of` looks at."""
  chosen = {name for name in choose_fields(names, reading) if name is not None}
  heads = {name.split('.')[0] for name in chosen}
  return [n for n in names if n in chosen | heads | {'question'}]


def _value(record: Mapping[str, Any], name: str | None) -> Any:
  if name is None or name in record:
    return None if name is None else record[name]
  value: Any = record
  for part in name.split('.'):
    value = value.get(part) if isinstance(value, Mapping) else None
  return value


def _joined(value: Any) -> Any:
  """Joins the paragraphs of a text, or their sentences; else as it is."""
  if not isinstance(value, list):
    return value
  parts = [
    ''.join(p) if isinstance(p, list) and _are_strings(p) else p for p in value
  ]
  if not _are_strings(parts):
    raise MalformedError(
      'text is a list, but not of strings: name a field of it as `text_field`',
      'wrong_type',
    )
  parts = [p for p in parts if not p.startswith(_KILT_MARKS)]
  return ('' if _are_spaced(parts) else '\n').join(parts)


def _are_strings(values: Sequence[Any]) -> bool:
  return all(isinstance(v, str) for v in values)


def _are_spaced(parts: Sequence[str]) -> bool:
  """Whether white space is between the parts already."""
  return all(
    a[-1:].isspace() or b[:1].isspace() for a, b in zip(parts, parts[1:])
  )


def _scalar(name: str, value: Any) -> str:
  """Returns a title or id; numbers are ones, too."""
  if value is None or value != value:  # NaN stands for nothing in tables.
    return ''
  if isinstance(value, (int, float)) and not isinstance(value, bool):
    return str(value)
  return lines.check_string(name, value)


def document_of(record: Mapping[str, Any], reading: ReadingConfig) -> Document:
  """Makes a clean document of a record.

  Raises:
    MalformedError: It has no text, or values of other types.
    SkippedError: See `document.clean_document`.
  """
  fields = choose_fields(tuple(record), reading)
  text = _joined(_value(record, fields.text))
  if text is None:
    wanted = reading.text_field or 'text'
    raise MalformedError(
      f'no "{wanted}" among its fields ({_listed(record)}); `text_field` names'
      ' another',
      'no_text',
    )
  title = _scalar('title', _value(record, fields.title))
  # In rows of SQuAD it is the question's.
  of_question = fields.text == 'context' and 'question' in record
  name = '' if of_question else _scalar('id', _value(record, fields.id))
  if fields.text == 'contents' and not title and isinstance(text, str):
    title, text = _split_contents(text)
  url = _scalar('url', _value(record, fields.url))
  return document.clean_document(
    title,
    text,
    name,
    url,
    is_wikipedia='wikipedia_title' in record or 'wikipedia.org/' in url,
  )


def _split_contents(contents: str) -> tuple[str, str]:
  """Takes the title from the first line, as Pyserini writes it."""
  first, end, rest = contents.partition('\n')
  if not end or not rest.strip():
    return '', contents
  if len(first) > 1 and first[0] == first[-1] == '"':
    first = first[1:-1]
  return first, rest


def _listed(names: Sequence[str] | Mapping[str, Any]) -> str:
  some = [str(name)[:30] for name in list(names)[:8]]
  return ', '.join(some) + (', ...' if len(names) > len(some) else '')


def parse_line(line: bytes, reading: ReadingConfig) -> Document:
  """Parses a line of JSONL; raises as `document_of`."""
  return document_of(lines.parse_object(line), reading)


def parse_item(item: object, reading: ReadingConfig) -> Document:
  """Parses an item of `cut`; raises as `document_of`."""
  if not isinstance(item, dict):
    raise MalformedError('not a JSON object', 'not_json')
  return document_of(item, reading)


def cut_lines(
  path: str, reading: ReadingConfig
) -> Iterator[tuple[int, bytes | MalformedError]]:
  """Yields the lines of JSONL, see `lines.cut_objects`."""
  del reading
  with files.open_binary(path) as f:
    yield from lines.cut_objects(f)


def cut(path: str, reading: ReadingConfig) -> Iterator[tuple[int, Any]]:
  """Yields the records of a JSON array, or of objects that hold them.

  Raises:
    DamagedError: The rest is no JSON.
  """
  with files.open_binary(path) as f:
    head = f.peek(1 << 10).lstrip()  # type: ignore[attr-defined]
    try:
      items = (
        json_array.read_items(f, lines.MAX_RECORD)
        if head[:1] == b'['
        else _objects(f.read(_MAX_OBJECT + 1))
      )
      for line, item in items:
        for record in _spread(item, reading):
          yield line, record
    except DamagedError:
      raise
    except RecursionError as e:
      raise DamagedError(1, 'JSON that is nested too deeply') from e
    except ValueError as e:
      place = re.match(r'line (\d+): ', str(e))
      line = int(place[1]) if place else 1
      raise DamagedError(line, str(e)[place.end() if place else 0 :]) from e


def _objects(content: bytes) -> Iterator[tuple[int, Any]]:
  """Yields objects that follow one another, with their lines."""
  if len(content) > _MAX_OBJECT:
    raise DamagedError(
      1, f'a JSON object of more than {_MAX_OBJECT >> 20} MB; one per line can'
      ' be read'
    )  # fmt: skip
  text = content.decode(errors='surrogateescape')
  del content
  decoder, position, line = json.JSONDecoder(), 0, 1
  while True:
    start = _SPACE.match(text, position).end()  # type: ignore[union-attr]
    line += text.count('\n', position, start)
    if start == len(text):
      return
    try:
      value, position = decoder.raw_decode(text, start)
    except ValueError as e:
      raise DamagedError(line, f'not JSON: {e}') from e
    yield line, value
    line += text.count('\n', start, position)


def _spread(item: Any, reading: ReadingConfig, title: Any = None) -> Iterator:
  """Yields the records in an item: itself, or those that it holds."""
  if not isinstance(item, dict) or choose_fields(tuple(item), reading).text:
    if title is not None and isinstance(item, dict):
      item = {'title': title, **item}
    yield item
    return
  if isinstance(item.get('paragraphs'), list):  # An article of SQuAD.
    for paragraph in item['paragraphs']:
      yield from _spread(paragraph, reading, item.get('title'))
    return
  held = [k for k in _HOLDERS if isinstance(item.get(k), list)]
  if not held:
    yield item
  for name in held:
    for record in item[name]:
      yield from _spread(record, reading)
