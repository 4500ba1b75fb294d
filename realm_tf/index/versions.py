# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Versions of an index on disk: published whole, checked when loaded.

`index/<step>/` holds

    searcher/       a SavedModel: search(queries, k)
    embeddings.npy  float32 [documents, dim], row i is document i
    embedder/       the TF Hub module that made them, where one was given
    metadata.json   see `IndexMetadata`
"""

import dataclasses
import os
import pathlib
import shutil
from typing import Any

import numpy as np
from absl import logging

from realm_tf.index import saved_searcher
from realm_tf.index.searcher import Searcher
from realm_tf.index.searcher_config import SearcherConfig
from realm_tf.io import atomic

_VERSION = 1
_METADATA = 'metadata.json'
_EMBEDDINGS = 'embeddings.npy'
_SEARCHER = 'searcher'
_EMBEDDER = 'embedder'
_CHUNK = 1 << 16
UNKNOWN = 'unknown'  # Fingerprint of an embedder that nobody knows.


class IndexMismatchError(ValueError):
  """An index is not of the corpus, vocabulary or embedder it is used with."""


@dataclasses.dataclass(frozen=True)
class IndexMetadata:
  """What an index version is of.

  Attributes:
    step: Of the training at which the embedder was exported.
    num_documents: Rows.
    dim: Dimensions of a row.
    kind: `exact` or `scann`.
    corpus_fingerprint: Of the document store.
    vocab_fingerprint: Of the tokenizer.
    embedder_fingerprint: Of the embedder's weights.
    searcher: What the searcher was built by.
    built_at: Seconds since 1970 when the embedder was exported, or else when
      the index was built: the age of what is searched.
    build_seconds: What embedding and building took.
    rows_added: Rows that ScaNN's tree was not trained on, since they were added
      to a built index (`live.LiveIndex`).
    max_length: Wordpieces of a document at most when it was embedded; None in
      indexes of before this was recorded.
    precision: In which it was embedded, `float32` or `bfloat16`; None where
      that is not known.
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

  def to_json(self) -> dict[str, Any]:
    """Returns what stands in `metadata.json`."""
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
        f'{os.path.dirname(path)} is no index: it has no {_METADATA}'
      )
    found = atomic.read_json(path)
    if not isinstance(found, dict) or found.pop('version', None) != _VERSION:
      raise ValueError(
        f'{path}: not the metadata of an index of version {_VERSION}; build'
        ' the index again (bin/build_index)'
      )
    try:
      return cls(**{**found, 'searcher': SearcherConfig(**found['searcher'])})
    except (KeyError, TypeError, ValueError) as e:
      raise ValueError(f'{path}: not the metadata of an index: {e}') from e

  def check(
    self,
    *,
    name: str,
    corpus_fingerprint: str | None = None,
    vocab_fingerprint: str | None = None,
    embedder_fingerprint: str | None = None,
    num_documents: int | None = None,
  ) -> None:
    """Compares with the corpus and the models in use; None is not compared.

    Raises:
      IndexMismatchError: They differ; the message names both.
    """
    for what, mine, its in (
      ('corpus', self.corpus_fingerprint, corpus_fingerprint),
      ('vocabulary', self.vocab_fingerprint, vocab_fingerprint),
      ('embedder', self.embedder_fingerprint, embedder_fingerprint),
    ):
      if its is not None and mine != its:
        raise IndexMismatchError(
          f'{name} is an index of the {what} {mine}, and the {what} in use is'
          f' {its}; build the index again (bin/build_index)'
        )
    if num_documents is not None and num_documents != self.num_documents:
      raise IndexMismatchError(
        f'{name} has {self.num_documents} documents, and the corpus in use'
        f' {num_documents}; build the index again (bin/build_index)'
      )


class Index:
  """A version in memory: `searcher`, `metadata`, `embeddings` and `path`.

  `embeddings` is memory-mapped, and read only where somebody looks.
  """

  def __init__(
    self,
    path: str,
    searcher: Searcher,
    metadata: IndexMetadata,
    embeddings: np.ndarray,
  ):
    """Takes the searcher over: `close` closes it."""
    self.path = path
    self.searcher = searcher
    self.metadata = metadata
    self.embeddings = embeddings

  @property
  def embedder_dir(self) -> str | None:
    """The embedder that made it, if it was published with one."""
    path = os.path.join(self.path, _EMBEDDER)
    return path if os.path.isdir(path) else None

  def close(self) -> None:
    """Frees the searcher and lets go of the file; may be called again."""
    self.searcher.close()
    self.embeddings = np.zeros([0, self.metadata.dim], np.float32)


def _copy_embeddings(embeddings: np.ndarray, path: pathlib.Path) -> None:
  """Writes them a chunk at a time: they may be larger than the memory."""
  copy = np.lib.format.open_memmap(
    path, 'w+', np.dtype(np.float32), embeddings.shape
  )
  for start in range(0, len(embeddings), _CHUNK):
    copy[start : start + _CHUNK] = embeddings[start : start + _CHUNK]
  copy.flush()


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
    step: Name of this one. One that is there already is replaced.
    embeddings: float32 `[documents, dim]`.
    searcher: Over these; stays open.
    metadata: Of all this.
    embedder_dir: Copied to `embedder/`.

  Returns:
    The path.

  Raises:
    ValueError: Embeddings, searcher and metadata do not belong together.
  """
  shapes = {
    'embeddings': tuple(embeddings.shape),
    'searcher': (searcher.num_rows, searcher.dim),
    'metadata': (metadata.num_documents, metadata.dim),
  }
  if len(set(shapes.values())) > 1:
    raise ValueError(f'an index needs parts of one shape. Received: {shapes}')
  if (metadata.step, metadata.kind) != (step, searcher.kind):
    raise ValueError(
      f'the metadata are of step {metadata.step} and kind {metadata.kind!r},'
      f' the index of step {step} and kind {searcher.kind!r}'
    )
  path = pathlib.Path(index_dir) / str(step)
  with atomic.atomic_directory(path) as temporary:
    saved_searcher.save_searcher(searcher, temporary / _SEARCHER, embeddings)
    _copy_embeddings(embeddings, temporary / _EMBEDDINGS)
    if embedder_dir is not None:
      shutil.copytree(embedder_dir, temporary / _EMBEDDER)
    atomic.write_json(temporary / _METADATA, metadata.to_json())
  return str(path)


def load_index(
  path: str | os.PathLike,
  *,
  corpus_fingerprint: str | None = None,
  vocab_fingerprint: str | None = None,
  embedder_fingerprint: str | None = None,
  num_documents: int | None = None,
) -> Index:
  """Loads a version, ready for its first search.

  Args:
    path: `index_dir/<step>`.
    corpus_fingerprint: Of the document store in use; None does not check.
    vocab_fingerprint: Of the tokenizer in use; None does not check.
    embedder_fingerprint: Of the embedder whose document vectors are wanted;
      None does not check.
    num_documents: In use; None does not check.

  Raises:
    FileNotFoundError: There is no index.
    IndexMismatchError: It is of another corpus or vocabulary.
    ValueError: It is broken.
  """
  path = os.fspath(path)
  metadata = IndexMetadata.from_json(os.path.join(path, _METADATA))
  metadata.check(
    name=path,
    corpus_fingerprint=corpus_fingerprint,
    vocab_fingerprint=vocab_fingerprint,
    embedder_fingerprint=embedder_fingerprint,
    num_documents=num_documents,
  )
  embeddings = np.load(os.path.join(path, _EMBEDDINGS), mmap_mode='r')
  searcher = saved_searcher.load_searcher(
    os.path.join(path, _SEARCHER),
    kind=metadata.kind,
    dim=metadata.dim,
    config=metadata.searcher,
  )
  shapes = {
    tuple(embeddings.shape),
    (searcher.num_rows, searcher.dim),
    (metadata.num_documents, metadata.dim),
  }
  if len(shapes) > 1:
    searcher.close()
    raise ValueError(
      f'{path}: its parts are of different shapes, {sorted(shapes)}; build the'
      ' index again (bin/build_index)'
    )
  # What is made at a first search is made now, and not in a training step.
  searcher.search(np.zeros([1, metadata.dim], np.float32), 1)
  return Index(path, searcher, metadata, embeddings)


def embedder_fingerprint(path: str | os.PathLike) -> str | None:
  """Of the embedder that made a version; None where there is no whole one."""
  try:
    metadata = IndexMetadata.from_json(os.path.join(path, _METADATA))
  except (OSError, ValueError):
    # Half removed, or broken: whoever loads it is told which.
    return None
  return metadata.embedder_fingerprint


def list_indexes(index_dir: str | os.PathLike) -> list[str]:
  """Paths of the versions that are whole, the latest step last."""
  if not os.path.isdir(index_dir):
    return []
  steps = sorted(
    int(name)
    for name in os.listdir(index_dir)
    if name.isdecimal()
    and os.path.exists(os.path.join(index_dir, name, _METADATA))
  )
  return [os.path.join(index_dir, str(step)) for step in steps]


def latest_index(index_dir: str | os.PathLike) -> str | None:
  """Path of the version of the latest step, if there is any."""
  paths = list_indexes(index_dir)
  return paths[-1] if paths else None


def find_index(path: str | os.PathLike) -> str:
  """An index, or the newest one in a directory of versions.

  Raises:
    FileNotFoundError: `path` is neither.
  """
  if os.path.exists(os.path.join(path, _METADATA)):
    return os.fspath(path)
  newest = latest_index(path)
  if newest is None:
    raise FileNotFoundError(
      f'there is no index in {os.fspath(path)} (bin/build_index makes one)'
    )
  return newest


def prune(index_dir: str | os.PathLike, keep: int) -> list[str]:
  """Removes all but the latest versions, and what dead processes left.

  An index that is loaded stays usable: its files stay on the disk as long as
  they are mapped.

  Args:
    index_dir: Directory of versions.
    keep: Number of versions kept, at least 1.

  Returns:
    The paths removed.
  """
  if keep < 1:
    raise ValueError(f'keep must be at least 1. Received: {keep}')
  for name in atomic.remove_stale(index_dir):
    logging.info('removed %s, which was never finished', name)
  removed = list_indexes(index_dir)[:-keep]
  for path in removed:
    # Nothing without metadata is an index: this takes it off the list.
    os.remove(os.path.join(path, _METADATA))
    shutil.rmtree(path)
  return removed
