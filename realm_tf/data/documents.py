# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The document store: all blocks of a knowledge corpus, memory-mapped.

A directory holds flat arrays and where each document's part of them ends, so
that opening 13 million documents takes no time and no Python object for each:

    title_ids.bin, body_ids.bin    wordpieces (uint16 where the vocabulary fits)
    title_text.bin, body_text.bin  UTF-8
    *_splits.bin                   int64 [documents + 1] for each of the four
    uids.bin                       int64 [documents]
    metadata.json
"""

import hashlib
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf.corpus import block_records
from realm_tf.data import document_uids, records
from realm_tf.io import atomic, files
from realm_tf.io.progress import progress as progress_bar

_VERSION = 1
_METADATA = 'metadata.json'
_IDS = ('title_ids', 'body_ids')
_TEXTS = ('title_text', 'body_text')
_BATCH = 1024


def _ids_dtype(vocab_size: int) -> str:
  return 'uint16' if vocab_size <= 1 << 16 else 'int32'


class _Writer:
  """Appends batches of documents to the files of a directory."""

  def __init__(self, directory: pathlib.Path, vocab_size: int):
    self._vocab_size = vocab_size
    self._dtype = _ids_dtype(vocab_size)
    names = [*_IDS, *_TEXTS, *(f'{n}_splits' for n in _IDS + _TEXTS), 'uids']
    self._files = {
      n: open(directory / f'{n}.bin', 'wb')  # noqa: SIM115  see `close`
      for n in names
    }
    self._ends = {n: 0 for n in _IDS + _TEXTS}
    self._hashes = {
      n: hashlib.blake2b(digest_size=16)
      for n in ('uids', *_IDS, *(f'{n}_lengths' for n in _IDS))
    }
    self.count = 0
    for name in _IDS + _TEXTS:
      self._files[f'{name}_splits'].write(np.zeros(1, np.int64).tobytes())

  def _append(self, name: str, data: bytes, lengths: np.ndarray) -> None:
    self._files[name].write(data)
    ends = self._ends[name] + np.cumsum(lengths, dtype=np.int64)
    self._files[f'{name}_splits'].write(ends.tobytes())
    if len(ends):
      self._ends[name] = int(ends[-1])

  def add(self, batch: dict[str, Any]) -> None:
    """Adds what `block_records.parse_blocks` returns."""
    for name, key in zip(
      _IDS, (block_records.TITLE_TOKEN_IDS, block_records.BODY_TOKEN_IDS)
    ):
      values = batch[key].values.numpy()
      if len(values) and not 0 <= values.min() <= values.max() < (
        self._vocab_size
      ):
        raise ValueError(
          f'a block has the token id {values.max()}, and the vocabulary only '
          f'{self._vocab_size} wordpieces: it was made with another one'
        )
      lengths = batch[key].row_lengths().numpy()
      data = values.astype(self._dtype).tobytes()
      self._append(name, data, lengths)
      self._hashes[name].update(data)
      self._hashes[f'{name}_lengths'].update(lengths.astype('<i8').tobytes())
    texts = [
      batch[key].numpy().tolist()
      for key in (block_records.TITLE, block_records.BODY)
    ]
    for name, strings in zip(_TEXTS, texts):
      self._append(
        name, b''.join(strings), np.fromiter(map(len, strings), np.int64)
      )
    uids = document_uids.uids_of(*texts).astype('<i8').tobytes()
    self._files['uids'].write(uids)
    self._hashes['uids'].update(uids)
    self.count += len(texts[0])

  def fingerprint(self) -> str:
    """Returns the hex digest of everything added."""
    whole = hashlib.blake2b(digest_size=8)
    for name in sorted(self._hashes):
      whole.update(self._hashes[name].digest())
    return whole.hexdigest()

  def close(self) -> None:
    for f in self._files.values():
      f.close()


def _source(paths: Sequence[str]) -> list[list]:
  """Names, sizes and times of the files a store was made from."""
  stats = [(os.path.basename(p), os.stat(p)) for p in paths]
  return [[name, s.st_size, s.st_mtime_ns] for name, s in stats]


def write_documents(
  blocks_pattern: str | Sequence[str],
  directory: str | os.PathLike,
  *,
  vocab_size: int,
  vocab_fingerprint: str,
  progress: bool = True,
) -> 'Documents':
  """Makes a document store from block records.

  The store appears under its name when it is whole. Where one stands already
  that was made from the very same files, nothing is done.

  Args:
    blocks_pattern: Block record files; their order is the documents' order.
    directory: Where the store goes.
    vocab_size: Of the tokenizer that made the token ids.
    vocab_fingerprint: Of the same.
    progress: Whether a progress bar is drawn.

  Returns:
    The store, open.

  Raises:
    ValueError: A token id is not in the vocabulary, or a file is broken.
  """
  paths = files.expand(blocks_pattern)
  source = _source(paths)
  records.check_features(paths[0], block_records.FEATURES)
  directory = pathlib.Path(directory)
  if (directory / _METADATA).exists():
    documents = Documents(directory)
    metadata = documents.metadata
    if (
      metadata['source'] == source
      and documents.vocab_fingerprint == vocab_fingerprint
    ):
      return documents
  with atomic.atomic_directory(directory) as temporary:
    writer = _Writer(temporary, vocab_size)
    try:
      with progress_bar(
        total=len(paths),
        desc='document store',
        unit='file',
        disable=not progress,
      ) as bar:
        for path in paths:
          # Not in the graph: tracing that for each file costs more.
          serialized = records.read([path]).batch(_BATCH).prefetch(4)
          try:
            for batch in serialized:
              writer.add(block_records.parse_blocks(batch))
          except (tf.errors.OpError, ValueError) as e:
            raise ValueError(f'{path}: {getattr(e, "message", e)}') from e
          bar.update()
    finally:
      writer.close()
    atomic.write_json(
      temporary / _METADATA,
      {
        'kind': 'documents',
        'version': _VERSION,
        'num_documents': writer.count,
        'vocab_size': vocab_size,
        'vocab_fingerprint': vocab_fingerprint,
        'ids_dtype': _ids_dtype(vocab_size),
        'fingerprint': writer.fingerprint(),
        'source': source,
      },
    )
  return Documents(directory)


def _positions(
  splits: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Flat positions of the parts of `rows`, and their row splits."""
  real = np.maximum(rows, 0)
  starts = splits[real]
  lengths = np.where(rows < 0, 0, splits[real + 1] - starts)
  ends = np.cumsum(lengths)
  row_splits = np.concatenate([[0], ends]).astype(np.int64)
  shift = np.repeat(starts - row_splits[:-1], lengths)
  return shift + np.arange(row_splits[-1]), row_splits


class Documents:
  """Titles, bodies and their wordpieces, by row.

  Example:
    documents = Documents.open('corpus/documents')
    title_ids, body_ids = documents.gather([3, -1, 8])  # -1: the null document

  Attributes:
    metadata: What stands in `metadata.json`.
    uids: int64 `[documents]`, see `document_uids`.
  """

  def __init__(self, directory: str | os.PathLike):
    """Opens a store.

    Raises:
      FileNotFoundError: There is none in `directory`.
      ValueError: It is of another version, or a file is not whole.
    """
    self._directory = pathlib.Path(directory)
    path = self._directory / _METADATA
    if not path.exists():
      raise FileNotFoundError(
        f'{self._directory} has no document store ({_METADATA}); '
        'bin/build_corpus makes one in <corpus>/documents'
      )
    self.metadata: dict[str, Any] = atomic.read_json(path)
    if self.metadata.get('version') != _VERSION:
      raise ValueError(
        f'{path}: version {self.metadata.get("version")!r} of the store, and '
        f'this program reads {_VERSION}; build the corpus again'
      )
    size = int(self.metadata['num_documents'])
    self.uids = self._map('uids', 'int64', size)
    self._splits = {
      n: self._map(f'{n}_splits', 'int64', size + 1) for n in _IDS + _TEXTS
    }
    self._values = {
      n: self._map(
        n,
        self.metadata['ids_dtype'] if n in _IDS else 'uint8',
        int(self._splits[n][-1]),
      )
      for n in _IDS + _TEXTS
    }

  @classmethod
  def open(cls, directory: str | os.PathLike) -> 'Documents':
    """Opens a store, see the constructor."""
    return cls(directory)

  def _map(self, name: str, dtype: str, size: int) -> np.ndarray:
    path = self._directory / f'{name}.bin'
    expected = size * np.dtype(dtype).itemsize
    found = path.stat().st_size if path.exists() else -1
    if found != expected:
      raise ValueError(
        f'{path}: {found} bytes instead of {expected}; the document store is '
        'not whole, build the corpus again'
      )
    if not size:
      # An empty file cannot be mapped.
      return np.zeros(0, dtype)
    return np.memmap(path, dtype, 'r', shape=(size,))

  def __len__(self) -> int:
    return len(self.uids)

  @property
  def directory(self) -> str:
    """Where the store lies."""
    return str(self._directory)

  @property
  def vocab_size(self) -> int:
    """Number of wordpieces of the tokenizer that made the token ids."""
    return self.metadata['vocab_size']

  @property
  def vocab_fingerprint(self) -> str:
    """Fingerprint of the tokenizer that made the token ids."""
    return self.metadata['vocab_fingerprint']

  @property
  def fingerprint(self) -> str:
    """Hex digest of texts and token ids of all documents, in order."""
    return self.metadata['fingerprint']

  @property
  def title_lengths(self) -> np.ndarray:
    """Wordpieces of each title, int64 `[documents]`."""
    return np.diff(self._splits['title_ids'])

  @property
  def body_lengths(self) -> np.ndarray:
    """Wordpieces of each body, int64 `[documents]`."""
    return np.diff(self._splits['body_ids'])

  @property
  def body_ids(self) -> tuple[np.ndarray, np.ndarray]:
    """Wordpieces of all bodies, one after the other, and where each ends.

    Returns:
      The wordpieces, uint16 or int32, and int64 `[documents + 1]`: those of
      row i are from the i-th to the next of these. Both are memory-mapped.
    """
    return self._values['body_ids'], self._splits['body_ids']

  def _check_rows(self, rows: Any) -> np.ndarray:
    rows = np.asarray(rows, np.int64).reshape(-1)
    if rows.size and (rows.min() < -1 or rows.max() >= len(self)):
      raise IndexError(
        f'rows must be from -1 to {len(self) - 1}. '
        f'Received: {rows.min()} to {rows.max()}'
      )
    return rows

  def _ids(self, name: str, rows: np.ndarray) -> tf.RaggedTensor:
    if not len(self._values[name]):
      splits = np.zeros(len(rows) + 1, np.int64)
      return tf.RaggedTensor.from_row_splits(np.zeros(0, np.int32), splits)
    positions, splits = _positions(self._splits[name], rows)
    values = self._values[name][positions].astype(np.int32)
    return tf.RaggedTensor.from_row_splits(values, splits, validate=False)

  def gather(self, rows: Any) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
    """Looks documents up.

    Args:
      rows: int `[m]`; -1 is the null document, which is empty.

    Returns:
      Title and body wordpieces, each ragged int32 `[m, (tokens)]`.
    """
    rows = self._check_rows(rows)
    return self._ids('title_ids', rows), self._ids('body_ids', rows)

  def _strings(self, name: str, rows: np.ndarray) -> list[bytes]:
    values, splits = self._values[name], self._splits[name]
    return [
      values[splits[row] : splits[row + 1]].tobytes() if row >= 0 else b''
      for row in rows.tolist()
    ]

  def titles(self, rows: Any) -> list[str]:
    """Returns the titles of rows `[m]`, as they were written."""
    rows = self._check_rows(rows)
    return [s.decode() for s in self._strings('title_text', rows)]

  def bodies(self, rows: Any) -> list[str]:
    """Returns the bodies of rows `[m]`, as they were written."""
    rows = self._check_rows(rows)
    return [s.decode() for s in self._strings('body_text', rows)]
