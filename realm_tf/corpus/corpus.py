# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A knowledge corpus on disk: its blocks, and everything that is known of them.

    manifest.json  counts, settings, lengths, fingerprints
    vocab.txt      vocabulary of the wordpieces
    documents/     memory-mapped, see `store`:
      title_ids.bin, body_ids.bin    wordpieces (uint16 or int32)
      title_text.bin, body_text.bin  UTF-8
      record_ids.bin, urls.bin       UTF-8; of the record of each block
      *_splits.bin                   int64 `[blocks + 1]` for each of the six
      uids.bin                       int64 `[blocks]`

Version 1 has no record ids, no vocab.txt, part of the facts in
documents/metadata.json, and the blocks a second time as TFRecords. Version 2
may be without urls.
"""

import functools
import os
import pathlib
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf.corpus import store
from realm_tf.corpus.store import Blocks, BlocksView, BlockWriter
from realm_tf.io import atomic, checksums, compatibility, faults
from realm_tf.text.tokenizer import BertTokenizer

KIND, VERSION = 'corpus', 2
DOCUMENTS, MANIFEST, VOCABULARY = 'documents', 'manifest.json', 'vocab.txt'
_REQUIRED = {
  'vocab_size': int,
  'vocab_fingerprint': str,
  'ids_dtype': str,
  'num_documents': int,
}
_OPTIONAL = {
  'counts': dict,
  'fingerprint': str,
  'lower_case': bool | None,
  'max_block_length': int | None,
  'settings': dict,
}
_CHUNK = 1 << 16
_DEFAULT_BLOCK_LENGTH = 288


def vocabulary_of(tokenizer: BertTokenizer) -> dict[str, Any]:
  """Returns what the manifest says about a tokenizer."""
  return {
    'vocab_size': tokenizer.vocab_size,
    'vocab_fingerprint': tokenizer.fingerprint,
    'lower_case': tokenizer.lower_case,
  }


def is_corpus(directory: str | os.PathLike) -> bool:
  """Whether a directory is a corpus, by its `manifest.json`."""
  path = pathlib.Path(directory, MANIFEST)
  if not path.is_file():
    return False
  return atomic.read_object(path).get('kind') in (KIND, 'blocks')


def write_manifest(
  directory: str | os.PathLike,
  *,
  vocabulary: Mapping[str, Any],
  max_block_length: int | None = None,
  counts: Mapping[str, int] | None = None,
  settings: Mapping[str, Any] | None = None,
) -> None:
  """Makes written blocks a corpus; reads them once for the fingerprint.

  Args:
    directory: Directory of the corpus; `documents/` is there.
    vocabulary: Facts of `vocabulary_of`.
    max_block_length: Wordpieces of a block at most; None if unknown.
    counts: What was counted; `blocks` is added.
    settings: What the corpus was made from and how.
  """
  directory = pathlib.Path(directory)
  dtype = store.ids_dtype(vocabulary['vocab_size'])
  blocks = store.open_blocks(directory / DOCUMENTS, dtype)
  files = [*directory.glob(f'{DOCUMENTS}/*'), *directory.glob(VOCABULARY)]
  atomic.write_json(
    directory / MANIFEST,
    {
      'kind': KIND,
      'version': VERSION,
      **vocabulary,
      'max_block_length': max_block_length,
      'ids_dtype': dtype,
      'num_documents': len(blocks),
      'fingerprint': blocks.fingerprint(),
      'counts': {**(counts or {}), 'blocks': len(blocks)},
      'settings': dict(settings or {}),
      checksums.CRC32: checksums.of_files(
        directory, (path.relative_to(directory) for path in files)
      ),
    },
  )


def write_corpus(
  directory: str | os.PathLike,
  batches: Iterable[Blocks],
  tokenizer: BertTokenizer | None,
  **facts: Any,
) -> None:
  """Writes a corpus of blocks. Not atomic.

  Args:
    directory: Directory of the corpus; made if it is not there.
    batches: Its blocks.
    tokenizer: Tokenizer of the blocks. With None, `vocabulary` must be among
      the facts, and the corpus is one without its vocabulary.
    **facts: Arguments of `write_manifest`.
  """
  directory = pathlib.Path(directory)
  (directory / DOCUMENTS).mkdir(parents=True)
  with BlockWriter(directory / DOCUMENTS) as writer:
    for blocks in batches:
      writer.append(blocks)
  if tokenizer is not None:
    tokenizer.save_vocab(directory / VOCABULARY)
    facts['vocabulary'] = vocabulary_of(tokenizer)
  write_manifest(directory, **facts)


def _read_info(path: pathlib.Path) -> tuple[pathlib.Path, dict[str, Any]]:
  """Returns where `documents/` lies, and the facts about it."""
  if path.name == DOCUMENTS and (path.parent / MANIFEST).exists():
    path = path.parent
  manifest = {}
  if (path / MANIFEST).exists():
    manifest = atomic.read_object(path / MANIFEST)
  if manifest.get('kind') == KIND:
    version = manifest.get('version')
    if version != VERSION:
      raise ValueError(
        f'{path / MANIFEST}: corpus of version {version}, but this program'
        f' reads up to {VERSION}; build the corpus again'
      )
    atomic.read_object(path / MANIFEST, _REQUIRED, _OPTIONAL)
    return path / DOCUMENTS, manifest
  for documents in (path / DOCUMENTS, path):
    metadata = documents / 'metadata.json'
    if metadata.exists():
      info = atomic.read_object(metadata)
      if (info.get('kind'), info.get('version')) == (DOCUMENTS, 1):
        atomic.read_object(metadata, _REQUIRED, _OPTIONAL)
        with faults.naming(path / MANIFEST):
          block_length = manifest.get('settings', {}).get('max_block_length')
        known = {'max_block_length': block_length, **manifest, **info}
        return documents, known
  raise FileNotFoundError(
    f'{path} holds no corpus ({MANIFEST}); build_corpus makes one'
  )


class Corpus:
  """A knowledge corpus: titles, bodies and their wordpieces, by row.

  Example:
    >>> corpus = realm_tf.Corpus.open('out/corpus')
    >>> title_ids, body_ids = corpus.gather([3, -1])  # -1: the null document
    >>> title, body = corpus.titles([3])[0], corpus.bodies([3])[0]
    >>> corpus.tokenizer.vocab_size == corpus.vocab_size
    True

  Attributes:
    blocks: The blocks as flat arrays.
    info: Content of `manifest.json`.
    directory: Directory of the corpus.
  """

  def __init__(
    self,
    blocks: Blocks,
    info: Mapping[str, Any],
    directory: str | os.PathLike,
    tokenizer: BertTokenizer | None = None,
  ):
    self.blocks = blocks
    self.info = dict(info)
    self.directory = os.fspath(directory)
    if tokenizer is not None:
      self.tokenizer = tokenizer

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
    documents, info = _read_info(pathlib.Path(directory))
    blocks = store.open_blocks(documents, info['ids_dtype'])
    if len(blocks) != info['num_documents']:
      raise ValueError(
        f'{documents}: {len(blocks)} blocks instead of {info["num_documents"]};'
        ' the corpus is not whole, build it again'
      )
    root = documents.parent if documents.name == DOCUMENTS else documents
    corpus = cls(blocks, info, root, tokenizer)
    if tokenizer is not None:
      its = tokenizer.fingerprint
      compatibility.check(
        compatibility.Part('the tokenizer in use', vocabulary=its),
        compatibility.Part(str(root), vocabulary=corpus.vocab_fingerprint),
      )
    return corpus

  def __len__(self) -> int:
    return len(self.blocks)

  @functools.cached_property
  def tokenizer(self) -> BertTokenizer:
    """Tokenizer of the corpus.

    Raises:
      ValueError: The corpus is of version 1, which kept no vocabulary, and was
        opened without a tokenizer.
    """
    path = pathlib.Path(self.directory, VOCABULARY)
    if not path.exists():
      raise ValueError(
        f'{self.directory} is a corpus without its vocabulary ({VOCABULARY}):'
        ' build it again, or name the `vocab_file`'
      )
    lower_case = self.info.get('lower_case')
    if lower_case is None:
      raise ValueError(f'{self.directory}: {MANIFEST} has no "lower_case"')
    return BertTokenizer.from_file(path, lower_case=lower_case)

  def verify(self) -> int:
    """Compares the files of the corpus with their checksums.

    Returns:
      The number of files that were compared; 0 if it has no checksums.

    Raises:
      ValueError: A file is damaged or not there.
    """
    return checksums.verify(self.directory, self.info.get(checksums.CRC32))

  @property
  def vocab_size(self) -> int:
    """Number of wordpieces of the vocabulary."""
    return self.info['vocab_size']

  @property
  def vocab_fingerprint(self) -> str:
    """Fingerprint of the tokenizer."""
    return self.info['vocab_fingerprint']

  @functools.cached_property
  def fingerprint(self) -> str:
    """Hex digest of texts and wordpieces of all blocks, in order."""
    return self.info.get('fingerprint') or self.blocks.fingerprint()

  @property
  def part(self) -> compatibility.Part:
    """What is compared with other artifacts."""
    return compatibility.Part(
      self.directory,
      vocabulary=self.vocab_fingerprint,
      corpus=self.fingerprint,
      num_documents=len(self),
    )

  @property
  def max_block_length(self) -> int:
    """Wordpieces of a block at most, with title and special tokens."""
    return self.info.get('max_block_length') or _DEFAULT_BLOCK_LENGTH

  @property
  def counts(self) -> dict[str, int]:
    """What was read, kept and left out when the corpus was built."""
    return dict(self.info.get('counts', {}))

  @property
  def uids(self) -> np.ndarray:
    """Document uids, int64 `[documents]`, see `document_uids`."""
    return self.blocks.uids

  @property
  def title_lengths(self) -> np.ndarray:
    """Wordpieces of each title, int64 `[documents]`."""
    return self.blocks.lengths('title_ids')

  @property
  def body_lengths(self) -> np.ndarray:
    """Wordpieces of each body, int64 `[documents]`."""
    return self.blocks.lengths('body_ids')

  @property
  def body_ids(self) -> store.Column:
    """Wordpieces of all bodies.

    Returns:
      The wordpieces, uint16 or int32, one body after the other, and int64
      `[documents + 1]`: those of row i are from the i-th to the next of these.
    """
    return self.blocks.column('body_ids')

  @property
  def has_record_ids(self) -> bool:
    """Whether any block has the id of the record that it came from."""
    return bool(self.blocks.lengths('record_ids').any())

  def _check_rows(self, rows: Any) -> np.ndarray:
    rows = np.asarray(rows, np.int64).reshape(-1)
    if rows.size and (rows.min() < -1 or rows.max() >= len(self)):
      raise IndexError(
        f'rows must be from -1 to {len(self) - 1}. '
        f'Received: {rows.min()} to {rows.max()}'
      )
    return rows

  def gather(self, rows: Any) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
    """Looks up wordpieces.

    Args:
      rows: int `[m]`; -1 is the null document, which is empty.

    Returns:
      Title and body wordpieces, each ragged int32 `[m, (tokens)]`.
    """
    rows = self._check_rows(rows)
    with faults.naming(self.directory):
      flats = [self.blocks.flat(name, rows) for name in store.IDS]
    titles, bodies = (
      tf.RaggedTensor.from_row_splits(
        values.astype(np.int32), splits, validate=False
      )
      for values, splits in flats
    )
    return titles, bodies

  def _texts(self, name: str, rows: Any) -> list[str]:
    rows = self._check_rows(rows)
    with faults.naming(self.directory):
      return [s.decode() for s in self.blocks.strings(name, rows)]

  def titles(self, rows: Any) -> list[str]:
    """Returns the titles of rows `[m]`; -1 has an empty one."""
    return self._texts('title_text', rows)

  def bodies(self, rows: Any) -> list[str]:
    """Returns the bodies of rows `[m]`; -1 has an empty one."""
    return self._texts('body_text', rows)

  def record_ids(self, rows: Any) -> list[str]:
    """Returns the id of the record that each of rows `[m]` came from.

    It stays when other documents are added and removed, which changes the row.
    Empty where the record had none, for row -1, and in a corpus of version 1.
    """
    return self._texts('record_ids', rows)

  def urls(self, rows: Any) -> list[str]:
    """Returns the address of the record of each of rows `[m]`, or ''."""
    return self._texts('urls', rows)

  def _rows_of(
    self,
    column: str,
    wanted: Collection[str],
    normalize: Callable[[str], str] = str,
  ) -> dict[str, list[int]]:
    """Rows by text of a column, rising; reads the whole column once."""
    found: dict[str, list[int]] = {}
    for start in range(0, len(self) if wanted else 0, _CHUNK):
      rows = range(start, min(start + _CHUNK, len(self)))
      for row, text in zip(rows, self._texts(column, rows)):
        text = normalize(text)
        if text in wanted:
          found.setdefault(text, []).append(row)
    return found

  def rows_of_titles(
    self, titles: Collection[str], normalize: Callable[[str], str] = str
  ) -> dict[str, list[int]]:
    """Returns the rows of all blocks of titles.

    Args:
      titles: Titles, normalized.
      normalize: What to make of a title of the corpus before comparing.

    Returns:
      Rows by title, rising; titles that are not in the corpus are left out.
    """
    return self._rows_of('title_text', titles, normalize)

  def rows_of_records(
    self, record_ids: Collection[str]
  ) -> dict[str, list[int]]:
    """Returns the rows of all blocks that came from records.

    Args:
      record_ids: Ids of records.

    Returns:
      Rows by id, rising; ids that are not in the corpus are left out.
    """
    return self._rows_of('record_ids', set(record_ids) - {''})

  def select(self, rows: Any) -> 'Corpus':
    """Returns a corpus of only these rows, in this order; copies nothing."""
    view = BlocksView.of(self.blocks).select(self._check_rows(rows))
    return self._with(view)

  def append(self, blocks: Blocks) -> 'Corpus':
    """Returns a corpus with blocks of the same vocabulary after its own."""
    return self._with(BlocksView.of(self.blocks).append(blocks))

  def _with(self, blocks: Blocks) -> 'Corpus':
    info = {k: v for k, v in self.info.items() if k != 'fingerprint'}
    return Corpus(blocks, info, self.directory, self.__dict__.get('tokenizer'))

  def write(self, directory: str | os.PathLike, **facts: Any) -> None:
    """Writes the corpus. Not atomic.

    Args:
      directory: Where it goes; made if it is not there.
      **facts: `counts` and `settings` of `write_manifest`.
    """
    tokenizer = None
    if 'tokenizer' in self.__dict__ or (
      pathlib.Path(self.directory, VOCABULARY).exists()
    ):
      tokenizer = self.tokenizer
    vocabulary = {
      name: self.info.get(name)
      for name in ('vocab_size', 'vocab_fingerprint', 'lower_case')
    }
    write_corpus(
      directory,
      self.blocks.chunks(),
      tokenizer,
      vocabulary=vocabulary,
      max_block_length=self.info.get('max_block_length'),
      **facts,
    )
