# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Blocks in flat arrays: in memory, mapped from files, or rows of several.

A column holds the values of all blocks one after the other, and where those of
each block end, so that 13 million blocks need no Python object each.
"""

import hashlib
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from realm_tf.corpus import document_uids
from realm_tf.io import faults

IDS = ('title_ids', 'body_ids')
# Older stores have none of these columns, or only the first.
_OPTIONAL = ('record_ids', 'urls')
COLUMNS = (*IDS, 'title_text', 'body_text', *_OPTIONAL)
Column = tuple[np.ndarray, np.ndarray]
"""Values, and int64 splits `[blocks + 1]`: where those of each block begin."""

# Blocks copied at a time: some 10 MB.
_CHUNK = 4096
# Parts of a view; each update of a live index adds one.
_MAX_PARTS = 32


def ids_dtype(vocab_size: int) -> str:
  """Returns the dtype in which wordpieces are stored."""
  return 'uint16' if vocab_size <= 1 << 16 else 'int32'


def _concatenate(values: Sequence[Any], dtype: str) -> Column:
  lengths = np.fromiter(map(len, values), np.int64, len(values))
  splits = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
  if dtype == 'uint8':
    return np.frombuffer(b''.join(values), np.uint8), splits
  parts = [np.asarray(v, np.int64) for v in values]
  return np.concatenate([np.zeros(0, np.int64), *parts]), splits


def _slices(splits: np.ndarray, rows: np.ndarray) -> Column:
  """Returns where rows start and their lengths, int64 `[m]`; -1 is empty."""
  real = np.maximum(rows, 0)
  starts = splits[real]
  limits = splits[np.minimum(real + 1, len(splits) - 1)]
  if (starts > limits).any() or (limits > splits[-1]).any():
    raise ValueError('its splits are damaged: they do not rise')
  return starts, np.where(rows < 0, 0, limits - starts)


class Blocks:
  """Blocks in flat arrays.

  Attributes:
    uids: int64 `[blocks]`, see `document_uids`.
  """

  def __init__(self, columns: Mapping[str, Column], uids: np.ndarray):
    self._columns = columns
    self.uids = uids

  @classmethod
  def make(
    cls,
    titles: Sequence[bytes],
    bodies: Sequence[bytes],
    title_ids: Sequence[Sequence[int] | np.ndarray],
    body_ids: Sequence[Sequence[int] | np.ndarray],
    *,
    vocab_size: int,
    record_ids: Sequence[bytes] | None = None,
    urls: Sequence[bytes] | None = None,
  ) -> 'Blocks':
    """Makes blocks in memory.

    Args:
      titles: UTF-8 titles.
      bodies: UTF-8 bodies.
      title_ids: Wordpieces of each title.
      body_ids: Wordpieces of each body.
      vocab_size: Size of the vocabulary.
      record_ids: Id of the record that each block came from, UTF-8; empty where
        it has none. Defaults to none for all.
      urls: Address of that record, UTF-8; empty where it has none. Defaults to
        none for all.

    Raises:
      ValueError: A wordpiece is not in the vocabulary.
    """
    columns = {}
    for name, ids in zip(IDS, (title_ids, body_ids)):
      values, splits = _concatenate(ids, 'int64')
      for value in (values.min(initial=0), values.max(initial=0)):
        if not 0 <= value < vocab_size:
          raise ValueError(
            f'a block has the token id {value}, but the vocabulary has'
            f' {vocab_size} wordpieces: it was made with another vocabulary'
          )
      columns[name] = values.astype(ids_dtype(vocab_size)), splits
    none = [b''] * len(titles)
    texts = (titles, bodies, record_ids or none, urls or none)
    for name, strings in zip(COLUMNS[len(IDS) :], texts):
      columns[name] = _concatenate(strings, 'uint8')
    return cls(columns, document_uids.uids_of(titles, bodies))

  def __len__(self) -> int:
    return len(self.uids)

  def column(self, name: str) -> Column:
    """Returns one of `COLUMNS`, of all blocks."""
    return self._columns[name]

  def lengths(self, name: str) -> np.ndarray:
    """Returns the number of values of each block, int64 `[blocks]`."""
    return np.diff(self.column(name)[1])

  def flat(self, name: str, rows: np.ndarray) -> Column:
    """Returns one of `COLUMNS` of rows, int64 `[m]`; -1 has no values."""
    values, splits = self.column(name)
    starts, lengths = _slices(splits, rows)
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    places = np.repeat(starts - ends[:-1], lengths) + np.arange(ends[-1])
    return values[places], ends

  def strings(self, name: str, rows: np.ndarray) -> list[bytes]:
    """Returns a column of text, a string a row; -1 has an empty one."""
    values, splits = self.column(name)
    starts, lengths = _slices(splits, rows)
    # The index of each byte, as in `flat`, takes 16 times the text's memory.
    content = values.data
    return [
      bytes(content[start:limit])
      for start, limit in zip(starts.tolist(), (starts + lengths).tolist())
    ]

  def chunk(self, start: int, limit: int) -> 'Blocks':
    """Returns the blocks from row `start` to `limit`."""
    columns = {}
    for name in COLUMNS:
      values, splits = self.column(name)
      its = splits[start : limit + 1]
      columns[name] = values[its[0] : its[-1]], its - its[0]
    return Blocks(columns, self.uids[start:limit])

  def chunks(self, size: int = _CHUNK) -> Iterator['Blocks']:
    """Yields all blocks, at most `size` at a time."""
    for start in range(0, len(self), size):
      yield self.chunk(start, min(start + size, len(self)))

  def fingerprint(self) -> str:
    """Returns a hex digest of texts and wordpieces of all blocks, in order."""
    hashes = {
      name: hashlib.blake2b(digest_size=16)
      for name in ('uids', *IDS, *(f'{n}_lengths' for n in IDS))
    }
    for blocks in self.chunks():
      hashes['uids'].update(blocks.uids.astype('<i8').tobytes())
      for name in IDS:
        hashes[name].update(blocks.column(name)[0].tobytes())
        lengths = blocks.lengths(name).astype('<i8')
        hashes[f'{name}_lengths'].update(lengths.tobytes())
    whole = hashlib.blake2b(digest_size=8)
    for name in sorted(hashes):
      whole.update(hashes[name].digest())
    return whole.hexdigest()


class BlocksView(Blocks):
  """Rows of blocks that lie elsewhere, in any order; copies nothing."""

  def __init__(
    self, parts: Sequence[Blocks], part: np.ndarray, row: np.ndarray
  ):
    """Makes a view; `of`, `select` and `append` are simpler.

    Args:
      parts: Blocks of one vocabulary.
      part: int `[blocks]`, the part that holds each block.
      row: int64 `[blocks]`, its row there.
    """
    self._parts, self._part, self._row = list(parts), part, row
    self._copied: dict[str, Column] = {}
    self.uids = np.empty(len(row), np.int64)
    for i, its in enumerate(parts):
      where = np.flatnonzero(part == i)
      self.uids[where] = its.uids[row[where]]

  @classmethod
  def of(cls, blocks: Blocks) -> 'BlocksView':
    """Returns a view of all blocks."""
    if isinstance(blocks, cls):
      return blocks
    rows = np.arange(len(blocks), dtype=np.int64)
    return cls([blocks], np.zeros(len(rows), np.int32), rows)

  def select(self, rows: np.ndarray) -> 'BlocksView':
    """Returns a view of these rows, in this order."""
    return BlocksView(self._parts, self._part[rows], self._row[rows])

  def append(self, blocks: Blocks) -> 'BlocksView':
    """Returns a view with more blocks after these."""
    other = BlocksView.of(blocks)
    parts = [*self._parts, *other._parts]
    part = np.append(self._part, other._part + np.int32(len(self._parts)))
    row = np.append(self._row, other._row)
    if len(parts) > _MAX_PARTS:
      # The first is the corpus on disk; the others become one in memory.
      later = np.flatnonzero(part)
      merged = BlocksView(parts, part[later], row[later]).chunk(0, len(later))
      row[later] = np.arange(len(later))
      parts, part = [parts[0], merged], (part > 0).astype(np.int32)
    return BlocksView(parts, part, row)

  def column(self, name: str) -> Column:
    """Returns one of `COLUMNS`, copied into memory at the first call."""
    if name not in self._copied:
      self._copied[name] = self.flat(name, np.arange(len(self)))
    return self._copied[name]

  def lengths(self, name: str) -> np.ndarray:
    """Returns the number of values of each block, int64 `[blocks]`."""
    result = np.empty(len(self._row), np.int64)
    for i, part in enumerate(self._parts):
      where = np.flatnonzero(self._part == i)
      splits, rows = part.column(name)[1], self._row[where]
      result[where] = splits[rows + 1] - splits[rows]
    return result

  def flat(self, name: str, rows: np.ndarray) -> Column:
    """Returns one of `COLUMNS` of rows, int64 `[m]`; -1 has no values."""
    lengths = np.zeros(len(rows), np.int64)
    found = []
    for i, part in enumerate(self._parts):
      where = np.flatnonzero((rows >= 0) & (self._part[rows] == i))
      if len(where) or not i:
        values, splits = part.flat(name, self._row[rows[where]])
        lengths[where] = np.diff(splits)
        found.append((where, values, splits))
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    if len(found) == 1:
      return found[0][1], ends
    result = np.empty(ends[-1], found[0][1].dtype)
    for where, values, splits in found:
      shift = np.repeat(ends[where] - splits[:-1], lengths[where])
      result[shift + np.arange(len(values))] = values
    return result, ends

  def strings(self, name: str, rows: np.ndarray) -> list[bytes]:
    """Returns a column of text, a string a row; -1 has an empty one."""
    result = [b''] * len(rows)
    for i, part in enumerate(self._parts):
      where = np.flatnonzero((rows >= 0) & (self._part[rows] == i))
      found = part.strings(name, self._row[rows[where]])
      for place, string in zip(where.tolist(), found):
        result[place] = string
    return result

  def chunk(self, start: int, limit: int) -> Blocks:
    """Returns the blocks from row `start` to `limit`, copied into memory."""
    rows = np.arange(start, limit)
    columns = {name: self.flat(name, rows) for name in COLUMNS}
    return Blocks(columns, self.uids[rows])


class BlockWriter:
  """Appends blocks to the files of a directory.

  Example:
    with BlockWriter(directory) as writer:
      writer.append(blocks)
  """

  def __init__(
    self, directory: pathlib.Path, sizes: Mapping[str, int] | None = None
  ):
    """Opens the files, and makes the directory if it is not there.

    Args:
      directory: Where the files lie.
      sizes: `sizes` of an earlier writer; what was written after it is dropped.
        Defaults to empty files.
    """
    directory.mkdir(parents=True, exist_ok=True)
    self.sizes = dict(sizes or {})
    self._files = {}
    for name in (*COLUMNS, *(f'{n}_splits' for n in COLUMNS), 'uids'):
      file = open(directory / f'{name}.bin', 'ab')  # noqa: SIM115
      file.truncate(self.sizes.get(name, 0))
      self._files[name] = file
    self._ends = {n: self.sizes.get(f'{n}_values', 0) for n in COLUMNS}
    blocks = self.sizes.get('uids', 0) // 8
    for name in COLUMNS:
      # An older program may have begun, which did not have all columns.
      if f'{name}_splits' not in self.sizes:
        self._write(f'{name}_splits', np.zeros(blocks + 1, np.int64))

  def _write(self, name: str, values: np.ndarray) -> None:
    with faults.named_errors(self._files[name].name):
      self._files[name].write(values.tobytes())
    self.sizes[name] = self.sizes.get(name, 0) + values.nbytes

  def read_uids(self) -> np.ndarray:
    """Returns the uids of the blocks that an earlier writer wrote."""
    return np.fromfile(self._files['uids'].name, '<i8')

  def append(self, blocks: Blocks) -> None:
    """Adds blocks."""
    for name in COLUMNS:
      values, splits = blocks.column(name)
      self._write(name, values)
      self._write(f'{name}_splits', splits[1:] + self._ends[name])
      self._ends[name] += int(splits[-1])
      self.sizes[f'{name}_values'] = self._ends[name]
    self._write('uids', blocks.uids.astype('<i8'))

  def __enter__(self) -> 'BlockWriter':
    return self

  def __exit__(self, *unused: Any) -> None:
    """Closes the files; they are on the disk when this returns."""
    for file in self._files.values():
      with faults.named_errors(file.name), file:
        file.flush()
        os.fsync(file.fileno())


def open_blocks(directory: pathlib.Path, dtype: str) -> Blocks:
  """Maps the files of a `BlockWriter`.

  Args:
    directory: Where they lie; older ones have no record ids or no urls.
    dtype: dtype of the wordpieces.

  Raises:
    ValueError: A file is not there, or not whole.
  """
  if dtype not in ('uint16', 'int32'):
    raise ValueError(f'{directory}: no dtype of wordpieces: {dtype!r}')

  def read(name: str, dtype: str, size: int) -> np.ndarray:
    path = directory / f'{name}.bin'
    expected = size * np.dtype(dtype).itemsize
    found = path.stat().st_size if path.exists() else -1
    if found != expected:
      raise ValueError(
        f'{path}: {found} bytes instead of {expected}; the corpus is not whole,'
        ' build it again'
      )
    # An empty file cannot be mapped.
    return (
      np.memmap(path, dtype, 'r', shape=(size,)) if size else np.zeros(0, dtype)
    )

  path = directory / 'uids.bin'
  size = path.stat().st_size // 8 if path.exists() else 0
  columns = {}
  for name in COLUMNS:
    if name in _OPTIONAL and not (directory / f'{name}.bin').exists():
      none = np.broadcast_to(np.zeros(1, np.int64), size + 1)
      columns[name] = np.zeros(0, np.uint8), none
      continue
    splits = read(f'{name}_splits', 'int64', size + 1)
    its = dtype if name in IDS else 'uint8'
    columns[name] = read(name, its, int(splits[-1])), splits
  return Blocks(columns, read('uids', 'int64', size))
