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

import functools
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf.corpus import block_records
from realm_tf.corpus.document_writer import IDS, TEXTS, DocumentWriter
from realm_tf.io import atomic, files, records
from realm_tf.io.progress import progress as progress_bar
from realm_tf.text.tokenizer import BertTokenizer

_VERSION = 1
_METADATA = 'metadata.json'
_BATCH = 1024


def _source(paths: Sequence[str]) -> list[list]:
  """Names, sizes and times of the files a store was made from."""
  stats = [(os.path.basename(p), os.stat(p)) for p in paths]
  return [[name, s.st_size, s.st_mtime_ns] for name, s in stats]


def write_metadata(
  directory: pathlib.Path,
  writer: DocumentWriter,
  *,
  vocab_fingerprint: str,
  source: Any = None,
) -> None:
  """Makes what a writer wrote a document store.

  Args:
    directory: Where it wrote.
    writer: Closed.
    vocab_fingerprint: Of the tokenizer that made the token ids.
    source: What the store was made from, in JSON.
  """
  atomic.write_json(
    directory / _METADATA,
    {
      'kind': 'documents',
      'version': _VERSION,
      'num_documents': writer.count,
      'vocab_size': writer.vocab_size,
      'vocab_fingerprint': vocab_fingerprint,
      'ids_dtype': writer.ids_dtype,
      'fingerprint': writer.fingerprint(),
      'source': source,
    },
  )


def write_documents(
  blocks_pattern: str | Sequence[str],
  directory: str | os.PathLike,
  *,
  vocab_size: int,
  vocab_fingerprint: str,
  progress: bool = True,
) -> 'Corpus':
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
    documents = Corpus(directory)
    metadata = documents.metadata
    if (
      metadata['source'] == source
      and documents.vocab_fingerprint == vocab_fingerprint
    ):
      return documents
  with atomic.atomic_directory(directory) as temporary:
    writer = DocumentWriter(temporary, vocab_size)
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
    write_metadata(
      temporary, writer, vocab_fingerprint=vocab_fingerprint, source=source
    )
  return Corpus(directory)


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


class Corpus:
  """Titles, bodies and their wordpieces, by row, and facts about the corpus.

  Example:
    corpus = Corpus.open('data/wikipedia')
    title_ids, body_ids = corpus.gather([3, -1, 8])  # -1: the null document

  Attributes:
    metadata: Content of `metadata.json`.
    uids: int64 `[documents]`, see `document_uids`.
  """

  def __init__(self, directory: str | os.PathLike):
    """Opens a corpus directory or its `documents/`; prefer `Corpus.open`.

    Raises:
      FileNotFoundError: There is none in `directory`.
      ValueError: It is of another version, or a file is not whole.
    """
    self._directory = pathlib.Path(directory)
    if not (self._directory / _METADATA).exists():
      self._directory /= 'documents'
    path = self._directory / _METADATA
    if not path.exists():
      raise FileNotFoundError(
        f'{os.fspath(directory)} holds no corpus ({_METADATA}); build_corpus'
        ' makes one'
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
      n: self._map(f'{n}_splits', 'int64', size + 1) for n in IDS + TEXTS
    }
    self._values = {
      n: self._map(
        n,
        self.metadata['ids_dtype'] if n in IDS else 'uint8',
        int(self._splits[n][-1]),
      )
      for n in IDS + TEXTS
    }

  @classmethod
  def open(
    cls,
    directory: str | os.PathLike,
    *,
    tokenizer: BertTokenizer | None = None,
  ) -> 'Corpus':
    """Opens a corpus.

    Args:
      directory: Directory that `build_corpus` wrote, or `documents/` in it.
      tokenizer: Tokenizer that its wordpieces must be of. Defaults to the one
        of the corpus, see `tokenizer`.

    Raises:
      FileNotFoundError: There is no corpus.
      ValueError: It is of another version, is damaged, or was built with
        another vocabulary than that of `tokenizer`.
    """
    corpus = cls(directory)
    if tokenizer is not None:
      if corpus.vocab_fingerprint != tokenizer.fingerprint:
        raise ValueError(
          f'{os.fspath(directory)} was built with another vocabulary'
          f' (fingerprint {corpus.vocab_fingerprint}, here'
          f' {tokenizer.fingerprint}): build it again with this `vocab_file`'
          ' and `lower_case`'
        )
      corpus.tokenizer = tokenizer
    return corpus

  @functools.cached_property
  def _manifest(self) -> dict[str, Any]:
    path = self._directory.parent / 'manifest.json'
    return atomic.read_json(path) if path.exists() else {}

  @functools.cached_property
  def tokenizer(self) -> BertTokenizer:
    """Tokenizer of the corpus.

    Raises:
      ValueError: The corpus is of a version that kept no vocabulary, and was
        opened without a tokenizer.
    """
    path = self._directory.parent / 'vocab.txt'
    if not path.exists():
      raise ValueError(
        f'{self._directory.parent} is a corpus without its vocabulary: build it'
        ' again, or name the vocabulary'
      )
    return BertTokenizer.from_file(
      path, lower_case=self._manifest['lower_case']
    )

  @property
  def max_block_length(self) -> int:
    """Wordpieces of a block at most, with title and special tokens."""
    return self._manifest.get('settings', {}).get('max_block_length', 288)

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

  def flat(self, name: str, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Title or body of rows, one after the other, and where each ends.

    Args:
      name: Of `IDS` or `TEXTS` in `document_writer`.
      rows: int64 `[m]`; -1 is the null document, which is empty.

    Returns:
      Wordpieces (uint16 or int32) or bytes (uint8), and int64 `[m + 1]`.
    """
    values = self._values[name]
    if not len(values):
      return np.zeros(0, values.dtype), np.zeros(len(rows) + 1, np.int64)
    positions, splits = _positions(self._splits[name], rows)
    return values[positions], splits

  def _ids(self, name: str, rows: np.ndarray) -> tf.RaggedTensor:
    values, splits = self.flat(name, rows)
    return tf.RaggedTensor.from_row_splits(
      values.astype(np.int32), splits, validate=False
    )

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
