# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Rows of csv, tsv and Parquet files, whose columns have names."""

import csv
import re
from collections.abc import Iterator, Sequence
from typing import IO, Any

from realm_tf.configs.corpus_config import ReadingConfig
from realm_tf.corpus import json_records, lines
from realm_tf.corpus.document import CorpusError, Document, MalformedError
from realm_tf.corpus.lines import DamagedError
from realm_tf.io import files

_DELIMITERS = (',', ';', '\t', '|')
# Columns of a tsv file without a header: ColBERT's, and DPR's psgs_w100.tsv.
_WITHOUT_HEADER = {2: ('id', 'text'), 3: ('id', 'text', 'title')}
_NAME = re.compile(r'[A-Za-z_]+')
_ROWS_AT_ONCE = 256


def header_of(
  line: bytes, delimiter: str, reading: ReadingConfig, least: int = 2
) -> tuple[str, ...] | None:
  """Returns the columns that a first line names; None if it is no header.

  A header has at least `least` columns, and one of them is for the text.
  """
  text = line.decode(errors='replace').strip('\r\n')
  try:
    names = next(csv.reader([text], delimiter=delimiter), [])
  except csv.Error:
    return None
  names = [name.strip() for name in names]
  found = json_records.choose_fields(names, reading)
  is_header = len(names) >= least and found.text is not None
  return tuple(names) if is_header else None


def find_delimiter(
  line: bytes, reading: ReadingConfig, least: int = 2
) -> str | None:
  """Returns what divides the columns of a first line, if it is a header."""
  found = (d for d in _DELIMITERS if header_of(line, d, reading, least))
  return next(found, None)


def is_csv(head_line: bytes, reading: ReadingConfig) -> bool:
  """Whether a first line is a header of csv, not prose with commas."""
  delimiter = find_delimiter(head_line, reading)
  names = delimiter and header_of(head_line, delimiter, reading)
  return bool(names) and all(len(name.split()) == 1 for name in names or ())


def _no_text(path: str, names: Sequence[str]) -> CorpusError:
  named = ', '.join(name[:30] for name in names[:8])
  return CorpusError(
    f'{path}: no column for the text in its first line ({named}): name it by'
    ' `text_field`'
  )


def _check_once(
  path: str, names: Sequence[str], reading: ReadingConfig
) -> None:
  for name in json_records.choose_fields(names, reading):
    if name is not None and names.count(name) > 1:
      raise CorpusError(
        f'{path}: two columns have the name {name[:30]!r}: rename one of them'
      )


def _texts(stream: IO[bytes]) -> Iterator[str]:
  line = 0
  while content := stream.readline(lines.MAX_RECORD):
    line += 1
    if len(content) == lines.MAX_RECORD:
      raise DamagedError(line, str(lines.too_long('a line')))
    yield content.decode(errors='surrogateescape')


def cut_csv(
  path: str, reading: ReadingConfig
) -> Iterator[tuple[int, dict[str, Any] | MalformedError]]:
  """Yields the rows of a csv file, by the names in its header.

  Raises:
    CorpusError: It has no header with a column for the text.
    DamagedError: A quotation does not end.
  """
  with files.open_binary(path) as f:
    csv.field_size_limit(lines.MAX_RECORD)  # Of all csv in this process.
    first = f.readline(lines.MAX_RECORD)
    delimiter = find_delimiter(first, reading, 1)
    if delimiter is None:
      if not first.strip():
        return
      raise _no_text(path, first.decode(errors='replace').strip().split(','))
    names = header_of(first, delimiter, reading, 1) or ()
    _check_once(path, names, reading)
    rows = csv.reader(_texts(f), delimiter=delimiter, strict=True)
    while True:
      line = rows.line_num + 2
      try:
        row = next(rows, None)
      except csv.Error as e:
        if 'unexpected end' in str(e):
          raise DamagedError(line, 'its last quotation does not end') from e
        kind = 'too_long' if 'limit' in str(e) else 'columns'
        yield line, MalformedError(f'not csv: {e}', kind)
        continue
      if row is None:
        return
      if not row:
        continue
      if len(row) != len(names):
        yield line, _other_width(row, names)
        continue
      yield line, dict(zip(names, row))


def _other_width(row: Sequence[str], names: Sequence[str]) -> MalformedError:
  columns = 'column' if len(row) == 1 else 'columns'
  return MalformedError(
    f'{len(row)} {columns}, not {len(names)}: {", ".join(names)}', 'columns'
  )


def _tsv_columns(
  path: str, line: bytes, reading: ReadingConfig
) -> tuple[tuple[str, ...], bool]:
  """Returns the columns of a tsv file, and whether its first line says them."""
  names = header_of(line, '\t', reading)
  if names:
    _check_once(path, names, reading)
    return names, True
  values = line.decode(errors='replace').rstrip('\r\n').split('\t')
  known = json_records.TITLES + json_records.IDS
  is_header = any(v.strip().lower() in known for v in values) or all(
    map(_NAME.fullmatch, values)
  )
  if is_header or reading.fields or len(values) not in _WITHOUT_HEADER:
    raise _no_text(path, values)
  # Else title and text, or id, title and text.
  if ' ' in values[0].strip() or len(values[1]) < len(values[-1]):
    raise CorpusError(
      f'{path}:1: not {", ".join(_WITHOUT_HEADER[len(values)])}, as is expected'
      ' without a header: put a first line with the names of its columns'
    )
  return _WITHOUT_HEADER[len(values)], False


def cut_tsv(
  path: str, reading: ReadingConfig
) -> Iterator[tuple[int, tuple[tuple[str, ...], bytes] | MalformedError]]:
  """Yields the lines of a tsv file, each with the names of its columns.

  Raises:
    CorpusError: Nobody can say which column is the text.
  """
  names: tuple[str, ...] | None = None
  with files.open_binary(path) as f:
    for line, content in lines.cut(f):
      if isinstance(content, MalformedError):
        yield line, content
        continue
      if names is None:
        names, is_header = _tsv_columns(path, content, reading)
        if is_header:
          continue
      yield line, (names, content)


def parse_tsv(
  payload: tuple[tuple[str, ...], bytes], reading: ReadingConfig
) -> Document:
  """Parses a line of `cut_tsv`; raises as `json_records.document_of`."""
  names, line = payload
  row = lines.parse_tab_separated(line, len(names))
  if len(row) != len(names):
    raise _other_width(row, names)
  return json_records.document_of(dict(zip(names, row)), reading)


def _parquet(path: str) -> Any:
  try:
    from pyarrow import parquet
  except ImportError as e:
    raise CorpusError(
      f"{path}: for Parquet: pip install 'realm_tf[formats]'"
    ) from e
  return parquet


def count_rows(path: str) -> int:
  """Returns the number of rows of a Parquet file; 0 if it is damaged."""
  try:
    return _parquet(path).read_metadata(path).num_rows
  except (ValueError, OSError):
    return 0


def cut_parquet(
  path: str, reading: ReadingConfig
) -> Iterator[tuple[int, dict[str, Any]]]:
  """Yields the rows of a Parquet file.

  Raises:
    CorpusError: pyarrow is not installed, or there is no column for the text.
    DamagedError: It cannot be read.
  """
  parquet = _parquet(path)
  number = 0
  try:
    with parquet.ParquetFile(path) as table:
      names = table.schema_arrow.names
      if json_records.choose_fields(names, reading).text is None:
        raise _no_text(path, names)
      columns = json_records.used_fields(names, reading)
      for batch in table.iter_batches(_ROWS_AT_ONCE, columns=columns):
        for row in batch.to_pylist():
          number += 1
          yield number, row
  except CorpusError:
    raise
  except (ValueError, OSError, NotImplementedError) as e:  # pyarrow's are.
    reason = ' '.join(str(e).split())
    raise DamagedError(None, f'damaged Parquet file: {reason}') from e
