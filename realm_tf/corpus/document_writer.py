# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes the files of a document store; `documents` says what is in them."""

import hashlib
import pathlib
from typing import Any

import numpy as np

from realm_tf.corpus import block_records, document_uids

IDS = ('title_ids', 'body_ids')
TEXTS = ('title_text', 'body_text')

Flat = tuple[np.ndarray, np.ndarray]
"""The values of many documents one after the other, and int `[documents]`: how
many of them each has."""


class Digests:
  """The fingerprint of documents, in whatever portions they come."""

  def __init__(self):
    self._hashes = {
      n: hashlib.blake2b(digest_size=16)
      for n in ('uids', *IDS, *(f'{n}_lengths' for n in IDS))
    }

  def update(self, ids: dict[str, Flat], uids: np.ndarray) -> None:
    """Takes the next documents; ids are as they stand in the store."""
    for name, (values, lengths) in ids.items():
      self._hashes[name].update(values.tobytes())
      self._hashes[f'{name}_lengths'].update(lengths.astype('<i8').tobytes())
    self._hashes['uids'].update(uids.astype('<i8').tobytes())

  def fingerprint(self) -> str:
    """Returns the hex digest of everything so far."""
    whole = hashlib.blake2b(digest_size=8)
    for name in sorted(self._hashes):
      whole.update(self._hashes[name].digest())
    return whole.hexdigest()


class DocumentWriter:
  """Appends batches of documents to the files of a directory.

  Attributes:
    vocab_size: Of the tokenizer.
    ids_dtype: Of the wordpieces in the files.
    count: Corpus so far.
  """

  def __init__(self, directory: pathlib.Path, vocab_size: int):
    """Opens the files; `close` closes them."""
    self.vocab_size = vocab_size
    self.ids_dtype = 'uint16' if vocab_size <= 1 << 16 else 'int32'
    self.count = 0
    names = [*IDS, *TEXTS, *(f'{n}_splits' for n in IDS + TEXTS), 'uids']
    self._files = {
      n: open(directory / f'{n}.bin', 'wb')  # noqa: SIM115  see `close`
      for n in names
    }
    self._ends = {n: 0 for n in IDS + TEXTS}
    self._digests = Digests()
    for name in IDS + TEXTS:
      self._files[f'{name}_splits'].write(np.zeros(1, np.int64).tobytes())

  def _append(self, name: str, data: bytes, lengths: np.ndarray) -> None:
    self._files[name].write(data)
    ends = self._ends[name] + np.cumsum(lengths, dtype=np.int64)
    self._files[f'{name}_splits'].write(ends.tobytes())
    if len(ends):
      self._ends[name] = int(ends[-1])

  def append(
    self, ids: dict[str, Flat], texts: dict[str, Flat], uids: np.ndarray
  ) -> None:
    """Adds documents.

    Args:
      ids: Wordpieces, of each of `IDS`.
      texts: UTF-8 as uint8, of each of `TEXTS`.
      uids: int64 `[documents]`.

    Raises:
      ValueError: A token id is not in the vocabulary.
    """
    for values, _ in ids.values():
      least, most = (values.min(), values.max()) if len(values) else (0, -1)
      if least < 0 or most >= self.vocab_size:
        raise ValueError(
          f'a block has the token id {least if least < 0 else most}, and the'
          f' vocabulary only {self.vocab_size} wordpieces: it was made with'
          ' another one'
        )
    ids = {
      name: (values.astype(self.ids_dtype), lengths)
      for name, (values, lengths) in ids.items()
    }
    for name, (values, lengths) in [*ids.items(), *texts.items()]:
      self._append(name, values.tobytes(), lengths)
    self._files['uids'].write(uids.astype('<i8').tobytes())
    self._digests.update(ids, uids)
    self.count += len(uids)

  def add(self, batch: dict[str, Any]) -> None:
    """Adds what `block_records.parse_blocks` returns."""
    ids = {}
    for name, key in zip(
      IDS, (block_records.TITLE_TOKEN_IDS, block_records.BODY_TOKEN_IDS)
    ):
      ids[name] = batch[key].values.numpy(), batch[key].row_lengths().numpy()
    strings = [
      batch[key].numpy().tolist()
      for key in (block_records.TITLE, block_records.BODY)
    ]
    texts = {
      name: (
        np.frombuffer(b''.join(its), np.uint8),
        np.fromiter(map(len, its), np.int64),
      )
      for name, its in zip(TEXTS, strings)
    }
    self.append(ids, texts, document_uids.uids_of(*strings))

  def fingerprint(self) -> str:
    """Returns the hex digest of everything added."""
    return self._digests.fingerprint()

  def close(self) -> None:
    """Closes the files."""
    for f in self._files.values():
      f.close()
