# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Rows of document stores, in any order, as one store.

What is left of a corpus when documents are removed, and what is added behind
it, without copying either: texts and wordpieces stay where they are mapped.
"""

import pathlib
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np

from realm_tf.corpus import block_records
from realm_tf.corpus import corpus as corpus_lib
from realm_tf.corpus.corpus import Corpus
from realm_tf.corpus.document_writer import (
  IDS,
  TEXTS,
  Digests,
  DocumentWriter,
  Flat,
)

# Documents copied at a time: some 10 MB.
_CHUNK = 4096
# Stores that a view looks into: each update adds one.
_MOST_PARTS = 32


def from_records(
  records: Sequence[bytes], vocab_size: int, vocab_fingerprint: str
) -> Corpus:
  """A store of block records, in files that are gone when it is.

  Raises:
    ValueError: A token id is not in the vocabulary.
  """
  with tempfile.TemporaryDirectory(prefix='realm_tf-documents-') as name:
    directory = pathlib.Path(name)
    writer = DocumentWriter(directory, vocab_size)
    try:
      for start in range(0, len(records), _CHUNK):
        portion = list(records[start : start + _CHUNK])
        writer.add(block_records.parse_blocks(portion))
    finally:
      writer.close()
    corpus_lib.write_metadata(
      directory, writer, vocab_fingerprint=vocab_fingerprint
    )
    # Mapped files are there until nobody maps them.
    return Corpus(directory)


class DocumentsView(Corpus):
  """Rows of one or more stores, see `Documents`.

  Example:
    view = DocumentsView.of(documents).select(kept_rows).append(more)
    view.write('corpus/documents')
  """

  def __init__(
    self, parts: Sequence[Corpus], part: np.ndarray, row: np.ndarray
  ):
    """Makes a view; `of`, `select` and `append` are easier.

    Args:
      parts: Stores of one vocabulary.
      part: int `[documents]`, the store of each document.
      row: int64 `[documents]`, its row there.

    Raises:
      ValueError: The stores are not of one vocabulary.
    """
    first = parts[0]
    for other in parts[1:]:
      if other.vocab_fingerprint != first.vocab_fingerprint:
        raise ValueError(
          'documents of two vocabularies cannot be in one store: fingerprints'
          f' {first.vocab_fingerprint} and {other.vocab_fingerprint}'
        )
    self._directory = pathlib.Path(first.directory)
    self.metadata = {
      key: first.metadata[key]
      for key in ('vocab_size', 'vocab_fingerprint', 'ids_dtype')
    }
    self._parts, self._part, self._row = list(parts), part, row
    self.uids = self._per_document([p.uids for p in parts])
    self._fingerprint: str | None = None
    self._body_ids: tuple[np.ndarray, np.ndarray] | None = None

  @classmethod
  def of(cls, documents: Corpus) -> 'DocumentsView':
    """All documents of a store."""
    if isinstance(documents, DocumentsView):
      return documents
    rows = np.arange(len(documents), dtype=np.int64)
    return cls([documents], np.zeros(len(rows), np.int32), rows)

  def select(self, rows: Any) -> 'DocumentsView':
    """Only these rows, in this order."""
    rows = self._check_rows(rows)
    return DocumentsView(self._parts, self._part[rows], self._row[rows])

  def append(self, documents: Corpus) -> 'DocumentsView':
    """All documents of a store behind those of this one.

    Raises:
      ValueError: It is of another vocabulary.
    """
    other = DocumentsView.of(documents)
    view = DocumentsView(
      [*self._parts, *other._parts],
      np.append(self._part, other._part + np.int32(len(self._parts))),
      np.append(self._row, other._row),
    )
    return view._merged() if len(view._parts) > _MOST_PARTS else view

  def _merged(self) -> 'DocumentsView':
    """The same documents, those of all stores but the first in one store."""
    later = np.flatnonzero(self._part)
    with tempfile.TemporaryDirectory(prefix='realm_tf-documents-') as name:
      self.select(later).write(pathlib.Path(name, 'merged'))
      merged = Corpus(pathlib.Path(name, 'merged'))
    row = self._row.copy()
    row[later] = np.arange(len(later))
    part = (self._part > 0).astype(np.int32)
    return DocumentsView([self._parts[0], merged], part, row)

  def _per_document(self, values: Sequence[np.ndarray]) -> np.ndarray:
    """Of an array for each part, what belongs to each document."""
    result = np.empty(len(self._row), np.int64)
    for i, its in enumerate(values):
      where = np.flatnonzero(self._part == i)
      result[where] = its[self._row[where]]
    return result

  @property
  def fingerprint(self) -> str:
    """That of the store that `write` writes; reads all at the first call."""
    if self._fingerprint is None:
      digests = Digests()
      for rows in self._chunks():
        digests.update(self._flats(IDS, rows), self.uids[rows])
      self._fingerprint = digests.fingerprint()
    return self._fingerprint

  @property
  def title_lengths(self) -> np.ndarray:
    """Wordpieces of each title, int64 `[documents]`."""
    return self._per_document([p.title_lengths for p in self._parts])

  @property
  def body_lengths(self) -> np.ndarray:
    """Wordpieces of each body, int64 `[documents]`."""
    return self._per_document([p.body_lengths for p in self._parts])

  @property
  def body_ids(self) -> tuple[np.ndarray, np.ndarray]:
    """As of `Documents`, but copied into memory at the first call."""
    if self._body_ids is None:
      self._body_ids = self.flat('body_ids', np.arange(len(self)))
    return self._body_ids

  def flat(self, name: str, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As of `Documents`: title or body of rows, one after the other."""
    lengths = np.zeros(len(rows), np.int64)
    found = []
    for i, part in enumerate(self._parts):
      where = np.flatnonzero((rows >= 0) & (self._part[rows] == i))
      if len(where):
        values, splits = part.flat(name, self._row[rows[where]])
        lengths[where] = np.diff(splits)
        found.append((where, values, splits))
    splits = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    dtype = self.metadata['ids_dtype'] if name in IDS else 'uint8'
    if len(found) == 1:
      return found[0][1], splits
    result = np.empty(splits[-1], dtype)
    for where, values, its_splits in found:
      shift = np.repeat(splits[where] - its_splits[:-1], lengths[where])
      result[shift + np.arange(len(values))] = values
    return result, splits

  def _strings(self, name: str, rows: np.ndarray) -> list[bytes]:
    values, splits = self.flat(name, rows)
    return [
      values[start:limit].tobytes()
      for start, limit in zip(splits[:-1], splits[1:])
    ]

  def _chunks(self) -> list[np.ndarray]:
    return [
      np.arange(start, min(start + _CHUNK, len(self)))
      for start in range(0, len(self), _CHUNK)
    ]

  def _flats(self, names: Sequence[str], rows: np.ndarray) -> dict[str, Flat]:
    flats = {name: self.flat(name, rows) for name in names}
    return {name: (v, np.diff(splits)) for name, (v, splits) in flats.items()}

  def write(self, directory: pathlib.Path) -> None:
    """Writes a document store of these documents.

    Not atomic; the directory is made.

    Args:
      directory: Where the store goes.
    """
    directory.mkdir(parents=True)
    writer = DocumentWriter(directory, self.vocab_size)
    try:
      for rows in self._chunks():
        writer.append(
          self._flats(IDS, rows), self._flats(TEXTS, rows), self.uids[rows]
        )
    finally:
      writer.close()
    corpus_lib.write_metadata(
      directory, writer, vocab_fingerprint=self.vocab_fingerprint
    )
    self._fingerprint = writer.fingerprint()
