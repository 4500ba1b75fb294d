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
import functools
import os
import pathlib
import shutil
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from realm_tf.configs.retrieval_config import RetrievalConfig
from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.index import lexical as lexical_lib
from realm_tf.index import retrieval as retrieval_lib
from realm_tf.index import saved_searcher
from realm_tf.index.lexical import LexicalIndex
from realm_tf.index.searcher import NoVectors, Searcher
from realm_tf.io import atomic, checksums, compatibility, faults
from realm_tf.io.module_info import INFO, read_info
from realm_tf.text import packing
from realm_tf.text.tokenizer import BertTokenizer

_VERSION = 1
_METADATA = 'metadata.json'
_EMBEDDINGS = 'embeddings.npy'
_SEARCHER = 'searcher'
_EMBEDDER = 'embedder'
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
        f'{os.path.dirname(path)} is no index: it has no {_METADATA}'
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


def _choose(retrieval: RetrievalConfig, path: str) -> RetrievalConfig:
  """Adds what the embedder of a version says of its training."""
  embedder = os.path.join(path, _EMBEDDER)
  if os.path.isfile(os.path.join(embedder, INFO)):
    retrieval = retrieval.filled(read_info(embedder))
  return dataclasses.replace(
    retrieval, retrieval=retrieval.retrieval or 'dense'
  )


def _check_shapes(
  path: str | os.PathLike,
  embeddings: np.ndarray,
  searcher: Searcher,
  metadata: IndexMetadata,
) -> None:
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


def _words_alone(lexical: LexicalIndex, corpus: Corpus | None) -> IndexMetadata:
  its = lexical.metadata
  return IndexMetadata(
    step=0,
    num_documents=its.num_documents,
    dim=0,
    kind='lexical',
    corpus_fingerprint=its.corpus_fingerprint,
    vocab_fingerprint=corpus.vocab_fingerprint if corpus else UNKNOWN,
    embedder_fingerprint=UNKNOWN,
    searcher=SearcherConfig(),
    built_at=its.built_at,
  )


class Index:
  """An index version in memory, with the lexical index of its corpus.

  Example:
    index = Index.open('out/index', 'out/corpus')
    rows, scores = index.search(['Who discovered radium?'], k=5)
    index.close()

  Attributes:
    path: Directory of the version.
    searcher: Finds the nearest rows of embedded queries.
    metadata: Metadata of the index.
    embeddings: float32 `[documents, dim]`, memory-mapped.
    lexical: BM25 of the corpus, if it was published.
    retrieval: What documents are found by.
  """

  def __init__(
    self,
    path: str,
    searcher: Searcher,
    metadata: IndexMetadata,
    embeddings: np.ndarray,
    lexical: LexicalIndex | None = None,
    retrieval: RetrievalConfig | None = None,
  ):
    """Takes ownership of the searcher: `close` closes it."""
    self.path = path
    self.searcher = searcher
    self.metadata = metadata
    self.embeddings = embeddings
    self.lexical = lexical
    self.retrieval = retrieval or RetrievalConfig(retrieval='dense')

  @classmethod
  def open(
    cls,
    directory: str | os.PathLike,
    corpus: Corpus | str | os.PathLike | None = None,
    *,
    embedder: str | None = None,
    retrieval: RetrievalConfig | None = None,
  ) -> 'Index':
    """Opens a version, ready for its first search.

    Args:
      directory: A version, or a directory of versions, of which the newest is
        opened; or one with a lexical index alone.
      corpus: Corpus, or its directory, that the index must be of.
      embedder: Fingerprint of the embedder that must have made it.
      retrieval: What documents are found by. What it leaves open is as in the
        training of the embedder, or else by vectors, if there are any.

    Raises:
      FileNotFoundError: There is no index or no corpus.
      MismatchError: It is of another corpus, vocabulary or embedder.
      ValueError: It is broken.
    """
    if corpus is not None and not isinstance(corpus, Corpus):
      corpus = Corpus.open(corpus)
    fingerprint = corpus.fingerprint if corpus else None
    retrieval = retrieval or RetrievalConfig()
    words = lexical_lib.find(directory, fingerprint)
    lexical: LexicalIndex | None = None
    if (
      words
      and retrieval.retrieval in (None, 'lexical')
      and not has_index(directory)
    ):
      lexical = LexicalIndex.open(directory, fingerprint)
      metadata = _words_alone(lexical, corpus)
      nothing = np.zeros([metadata.num_documents, 0], np.float32)
      config = dataclasses.replace(retrieval, retrieval='lexical')
      return cls(
        str(words),
        NoVectors(metadata.num_documents),
        metadata,
        nothing,
        lexical,
        config,
      )
    path = find_index(directory)
    metadata = IndexMetadata.from_json(os.path.join(path, _METADATA))
    parts = [compatibility.Part('the model', embedder=embedder)]
    if corpus is not None:
      parts.append(corpus.part)
    compatibility.check(*parts, metadata.part(path))
    config = _choose(retrieval, path)
    its = metadata.corpus_fingerprint
    if config.needs_words or lexical_lib.find(path, its):
      lexical = LexicalIndex.open(path, its)
    embeddings_file = os.path.join(path, _EMBEDDINGS)
    with faults.naming(embeddings_file):
      embeddings = np.load(embeddings_file, mmap_mode='r')
      if embeddings.dtype != np.float32:
        raise ValueError(f'{embeddings.dtype}, not float32')
    searcher = saved_searcher.load_searcher(
      os.path.join(path, _SEARCHER),
      kind=metadata.kind,
      dim=metadata.dim,
      config=metadata.searcher,
    )
    try:
      _check_shapes(path, embeddings, searcher, metadata)
    except ValueError:
      searcher.close()
      raise
    # What the first search initializes must not delay a training step.
    searcher.search(np.zeros([1, metadata.dim], np.float32), 1)
    return cls(path, searcher, metadata, embeddings, lexical, config)

  @property
  def embedder_dir(self) -> str | None:
    """The embedder that made it, if it was published with one."""
    path = os.path.join(self.path, _EMBEDDER)
    return path if os.path.isdir(path) else None

  @functools.cached_property
  def embed_queries(self) -> Callable[[Sequence[str | bytes]], tf.Tensor]:
    """Embeds queries with the SavedModel of the embedder."""
    if self.embedder_dir is None:
      raise ValueError(
        f'{self.path} was published without its embedder, which is needed to'
        ' search it for text'
      )
    info = read_info(self.embedder_dir, 'embedder')
    with faults.naming(self.embedder_dir):
      module = tf.saved_model.load(self.embedder_dir)
    tokenizer = BertTokenizer.from_file(
      os.path.join(self.embedder_dir, 'assets', 'vocab.txt'),
      lower_case=info['lower_case'],
    )

    def embed(queries: Sequence[str | bytes]) -> tf.Tensor:
      inputs = packing.pack_query(
        tokenizer.tokenize(list(queries)),
        special=tokenizer.special,
        max_length=info.get(
          'query_seq_len', info['bert_config']['max_positions']
        ),
      )
      return module.signatures['serving_default'](**inputs)['default']

    return embed

  def search(
    self,
    queries: Sequence[str | bytes],
    k: int = 5,
    retrieval: RetrievalConfig | None = None,
  ) -> tuple[np.ndarray, np.ndarray]:
    """Finds documents for queries, which its own embedder embeds.

    The embedder is loaded at the first call that needs it, which takes seconds.

    Args:
      queries: UTF-8 strings; those that are too long are cut.
      k: Number of documents per query.
      retrieval: What documents are found by. Defaults to that of the index.

    Returns:
      Rows, int64, and scores, float32, `[queries, min(k, documents)]`, best
      first.

    Raises:
      ValueError: The index was published without its embedder.
    """
    rows, scores = self.find(
      tf.constant(list(queries), tf.string),
      lambda: self.embed_queries(queries),
      k,
      retrieval=retrieval,
    )
    return np.asarray(rows, np.int64), np.asarray(scores, np.float32)

  @property
  def is_exact(self) -> bool:
    """Whether a search for more documents begins with the same ones."""
    if self.retrieval.retrieval == 'dense':
      return self.searcher.is_exact
    return self.retrieval.retrieval == 'lexical'

  def find(
    self,
    questions: tf.Tensor,
    queries: Callable[[], tf.Tensor],
    k: int | tf.Tensor,
    *,
    weights: retrieval_lib.Weights | None = None,
    retrieval: RetrievalConfig | None = None,
  ) -> retrieval_lib.Found:
    """Finds documents by vectors, words, or both.

    Args:
      questions: UTF-8 strings `[batch]`.
      queries: Embeds them as float32 `[batch, dim]`; called if needed.
      k: Number of documents per question.
      weights: Weights of inner products and of BM25. Defaults to those of
        `retrieval`.
      retrieval: What documents are found by. Defaults to that of the index.

    Returns:
      Rows int32 and scores float32, best first, `[batch, min(k, documents)]`.
    """
    return retrieval_lib.search(
      retrieval or self.retrieval,
      questions,
      queries,
      k,
      num_rows=self.metadata.num_documents,
      search_vectors=self.searcher.search,
      vectors=self._vectors,
      lexical=self.lexical,
      weights=weights,
    )

  def candidates(
    self, questions: Sequence[str | bytes], depth: int
  ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Finds what `hybrid` weighs (`retrieval.candidates`).

    Args:
      questions: UTF-8 strings.
      depth: Number of candidates by vectors and by words.

    Raises:
      ValueError: The index was published without its embedder or without BM25.
    """
    if self.lexical is None:
      raise ValueError(f'{self.path} is without BM25, which is to be weighed')
    rows, products, bm25 = retrieval_lib.candidates(
      tf.constant(list(questions), tf.string),
      self.embed_queries(questions),
      min(depth, self.metadata.num_documents),
      search_vectors=self.searcher.search,
      vectors=self._vectors,
      lexical=self.lexical,
    )
    return rows.numpy(), products.numpy(), bm25.numpy()

  def _vectors(self, rows: tf.Tensor) -> tf.Tensor:
    return tf.constant(self.embeddings[np.asarray(rows)])

  def close(self) -> None:
    """Frees the searcher and unmaps the file; may be called again."""
    self.searcher.close()
    self.embeddings = np.zeros([0, self.metadata.dim], np.float32)


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
  _check_shapes(path, embeddings, searcher, metadata)
  if (metadata.step, metadata.kind) != (step, searcher.kind):
    raise ValueError(
      f'the metadata are of step {metadata.step} and kind {metadata.kind!r},'
      f' the index of step {step} and kind {searcher.kind!r}'
    )
  with atomic.atomic_directory(path) as temporary:
    saved_searcher.save_searcher(searcher, temporary / _SEARCHER, embeddings)
    _copy_embeddings(embeddings, temporary / _EMBEDDINGS)
    if embedder_dir is not None:
      shutil.copytree(embedder_dir, temporary / _EMBEDDER)
    metadata = dataclasses.replace(
      metadata, crc32=checksums.of_directory(temporary)
    )
    atomic.write_json(temporary / _METADATA, metadata.to_json())
  return str(path)


def read_metadata(path: str | os.PathLike) -> IndexMetadata:
  """Reads what a version says about itself."""
  return IndexMetadata.from_json(os.path.join(path, _METADATA))


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
  expected = atomic.read_json(os.path.join(path, _METADATA)).get(
    checksums.CRC32
  )
  # Whoever needs no embedder may remove it.
  if isinstance(expected, dict) and not os.path.isdir(
    os.path.join(path, _EMBEDDER)
  ):
    expected = {
      name: checksum
      for name, checksum in expected.items()
      if not name.startswith(f'{_EMBEDDER}/')
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
    and os.path.exists(os.path.join(index_dir, name, _METADATA))
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
  return os.path.exists(os.path.join(path, _METADATA)) or bool(
    list_indexes(path)
  )


def find_index(path: str | os.PathLike) -> str:
  """Returns `path` if it is a version, or else the newest version in it.

  Raises:
    FileNotFoundError: `path` is neither.
  """
  if os.path.exists(os.path.join(path, _METADATA)):
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
    os.remove(os.path.join(path, _METADATA))
    shutil.rmtree(path)
  return removed
