# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Versions of an index on disk: published whole, checked when opened.

`index/<step>/` holds

    searcher/       SavedModel with search(queries, k)
    embeddings.npy  float32 [documents, dim]; row i is document i
    embedder/       TF Hub module that made the embeddings, if it was given
    metadata.json   `IndexMetadata`
"""

import dataclasses
import os
import pathlib
import shutil
from typing import Any

import numpy as np
from absl import logging

from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.index import lexical as lexical_lib
from realm_tf.index import saved_searcher
from realm_tf.index.searcher import Searcher
from realm_tf.io import atomic, checksums, compatibility, faults

_VERSION = 1
METADATA = 'metadata.json'
EMBEDDINGS = 'embeddings.npy'
SEARCHER = 'searcher'
EMBEDDER = 'embedder'
_REQUIRED = {
  **dict.fromkeys(('step', 'num_documents', 'dim'), int),
  **dict.fromkeys(('kind', 'vocab_fingerprint', 'embedder_fingerprint'), str),
  'corpus_fingerprint': str,
  'searcher': dict,
  'built_at': float,
}
_OPTIONAL = {
  'build_seconds': float,
  'rows_added': int,
  'max_length': int | None,
  'precision': str | None,
}
_CHUNK = 1 << 16
UNKNOWN = 'unknown'  # Fingerprint of an unknown embedder.


@dataclasses.dataclass(frozen=True)
class IndexMetadata:
  """What an index version says about itself.

  Attributes:
    step: Training step at which the embedder was exported.
    num_documents: Number of rows.
    dim: Number of dimensions of a row.
    kind: `exact` or `scann`; or `lexical`, without vectors.
    corpus_fingerprint: Fingerprint of the corpus; empty if it is not known.
    vocab_fingerprint: Fingerprint of the tokenizer.
    embedder_fingerprint: Fingerprint of the embedder's weights.
    searcher: Configuration of the searcher.
    built_at: Seconds since 1970 when the embedder was exported, or else when
      the index was built: the age of what is searched.
    build_seconds: Duration of embedding and building.
    rows_added: Number of rows that were added to a built index
      (`live.LiveIndex`), so that ScaNN's tree was not trained on them.
    max_length: Maximum number of wordpieces of a document when it was embedded;
      None in indexes that do not record it.
    precision: `float32` or `bfloat16`, in which it was embedded; None if it is
      not known.
    crc32: Checksums of all other files of the version, by path; None in
      indexes that do not have them.
    encoder: What the embedder says of itself: form, lengths, where it is from;
      None if the index was published without its embedder.
  """

  step: int
  num_documents: int
  dim: int
  kind: str
  corpus_fingerprint: str
  vocab_fingerprint: str
  embedder_fingerprint: str
  searcher: SearcherConfig
  built_at: float
  build_seconds: float = 0.0
  rows_added: int = 0
  max_length: int | None = None
  precision: str | None = None
  crc32: dict[str, str] | None = None
  encoder: dict[str, Any] | None = None

  def to_json(self) -> dict[str, Any]:
    """Returns the content of `metadata.json`."""
    return {'version': _VERSION, **dataclasses.asdict(self)}

  @classmethod
  def from_json(cls, path: str | os.PathLike) -> 'IndexMetadata':
    """Reads `metadata.json`.

    Raises:
      FileNotFoundError: It is not there: the directory is no index.
      ValueError: It is broken, or of another version of this program.
    """
    if not os.path.exists(path):
      raise FileNotFoundError(
        f'{os.path.dirname(path)} is no index: it has no {METADATA}'
      )
    if atomic.read_object(path).get('version') != _VERSION:
      raise ValueError(
        f'{path}: not the metadata of an index of version {_VERSION}; build'
        ' the index again (build_index)'
      )
    found = atomic.read_object(path, _REQUIRED, _OPTIONAL)
    del found['version']
    with faults.naming(path):
      searcher = found['searcher']
      if 'kind' in searcher:  # Its name until 2026.
        searcher['searcher'] = searcher.pop('kind')
      return cls(**{**found, 'searcher': SearcherConfig(**searcher)})

  def part(self, name: str) -> compatibility.Part:
    """Returns what is compared with other artifacts."""
    if self.kind == 'lexical':
      return compatibility.Part(
        name,
        corpus=self.corpus_fingerprint or None,
        num_documents=self.num_documents,
      )
    return compatibility.Part(
      name,
      vocabulary=self.vocab_fingerprint,
      corpus=self.corpus_fingerprint or None,
      num_documents=self.num_documents,
      embedder=self.embedder_fingerprint,
      dim=self.dim,
    )


def check_shapes(
  path: str | os.PathLike,
  embeddings: np.ndarray,
  searcher: Searcher,
  metadata: IndexMetadata,
) -> None:
  """Checks that the parts of a version belong together.

  Raises:
    ValueError: They have different shapes.
  """
  shapes = {
    'embeddings': tuple(embeddings.shape),
    'searcher': (searcher.num_rows, searcher.dim),
    'metadata': (metadata.num_documents, metadata.dim),
  }
  if len(set(shapes.values())) > 1:
    raise ValueError(
      f'{path}: its parts have different shapes, {shapes}; build the index'
      ' again (build_index)'
    )


def _copy_embeddings(embeddings: np.ndarray, path: pathlib.Path) -> None:
  """Copies in chunks: the embeddings may be larger than the memory."""
  header = {
    'descr': np.lib.format.dtype_to_descr(np.dtype(np.float32)),
    'fortran_order': False,
    'shape': embeddings.shape,
  }
  with open(path, 'wb') as f:
    np.lib.format.write_array_header_1_0(f, header)
    for start in range(0, len(embeddings), _CHUNK):
      chunk = embeddings[start : start + _CHUNK]
      f.write(np.ascontiguousarray(chunk, np.float32).data)


def publish_index(
  index_dir: str | os.PathLike,
  step: int,
  embeddings: np.ndarray,
  searcher: Searcher,
  metadata: IndexMetadata,
  embedder_dir: str | os.PathLike | None = None,
) -> str:
  """Writes `index_dir/<step>/`, which appears only when it is whole.

  Args:
    index_dir: Directory of versions.
    step: Name of the version; one that is there already is replaced.
    embeddings: float32 `[documents, dim]`.
    searcher: Searcher over the embeddings; stays open.
    metadata: Description of the version.
    embedder_dir: TF Hub module to copy to `embedder/`.

  Returns:
    The path of the version.

  Raises:
    ValueError: Embeddings, searcher and metadata do not belong together.
  """
  path = pathlib.Path(index_dir) / str(step)
  check_shapes(path, embeddings, searcher, metadata)
  if (metadata.step, metadata.kind) != (step, searcher.kind):
    raise ValueError(
      f'the metadata are of step {metadata.step} and kind {metadata.kind!r},'
      f' the index of step {step} and kind {searcher.kind!r}'
    )
  with atomic.atomic_directory(path) as temporary:
    saved_searcher.save_searcher(searcher, temporary / SEARCHER, embeddings)
    _copy_embeddings(embeddings, temporary / EMBEDDINGS)
    if embedder_dir is not None:
      shutil.copytree(embedder_dir, temporary / EMBEDDER)
    metadata = dataclasses.replace(
      metadata, crc32=checksums.of_directory(temporary)
    )
    atomic.write_json(temporary / METADATA, metadata.to_json())
  return str(path)


def read_metadata(path: str | os.PathLike) -> IndexMetadata:
  """Reads what a version says about itself."""
  return IndexMetadata.from_json(os.path.join(path, METADATA))


def embedder_fingerprint(path: str | os.PathLike) -> str | None:
  """Returns that of the embedder of a version; None if it is not whole."""
  try:
    metadata = read_metadata(path)
  except (OSError, ValueError):
    # Half removed, or broken: opening it says which.
    return None
  return metadata.embedder_fingerprint


def verify(path: str | os.PathLike) -> int:
  """Compares the files of a version, or a lexical index, with their checksums.

  Returns:
    The number of files that were compared; 0 if it has no checksums.

  Raises:
    ValueError: A file is damaged or not there.
  """
  expected = atomic.read_json(os.path.join(path, METADATA)).get(checksums.CRC32)
  # Whoever needs no embedder may remove it.
  if isinstance(expected, dict) and not os.path.isdir(
    os.path.join(path, EMBEDDER)
  ):
    expected = {
      name: checksum
      for name, checksum in expected.items()
      if not name.startswith(f'{EMBEDDER}/')
    }
  return checksums.verify(path, expected)


def list_indexes(index_dir: str | os.PathLike) -> list[str]:
  """Returns the paths of the whole versions, by ascending step."""
  if not os.path.isdir(index_dir):
    return []
  steps = sorted(
    int(name)
    for name in os.listdir(index_dir)
    if name.isdecimal()
    and os.path.exists(os.path.join(index_dir, name, METADATA))
  )
  return [os.path.join(index_dir, str(step)) for step in steps]


def latest_index(index_dir: str | os.PathLike) -> str | None:
  """Returns the path of the newest version, if there is any."""
  paths = list_indexes(index_dir)
  return paths[-1] if paths else None


def has_index(path: str | os.PathLike) -> bool:
  """Whether `path` is a version of vectors, or a directory with one."""
  if lexical_lib.find(path) == pathlib.Path(path).absolute():
    return False
  return os.path.exists(os.path.join(path, METADATA)) or bool(
    list_indexes(path)
  )


def find_index(path: str | os.PathLike) -> str:
  """Returns `path` if it is a version, or else the newest version in it.

  Raises:
    FileNotFoundError: `path` is neither.
  """
  if os.path.exists(os.path.join(path, METADATA)):
    return os.fspath(path)
  newest = latest_index(path)
  if newest is None:
    raise FileNotFoundError(
      f'there is no index in {os.fspath(path)} (build_index makes one)'
    )
  return newest


def prune(index_dir: str | os.PathLike, keep: int) -> list[str]:
  """Removes all but the newest versions, and what dead processes left.

  An open index stays usable: the system keeps its files as long as they are
  mapped.

  Args:
    index_dir: Directory of versions.
    keep: Number of versions to keep, at least 1.

  Returns:
    The paths that were removed.
  """
  if keep < 1:
    raise ValueError(f'keep must be at least 1. Received: {keep}')
  for name in atomic.remove_stale(index_dir):
    logging.info('removed %s, which was never finished', name)
  removed = list_indexes(index_dir)[:-keep]
  for path in removed:
    # Nothing without metadata is an index: this takes it off the list.
    os.remove(os.path.join(path, METADATA))
    shutil.rmtree(path)
  return removed
