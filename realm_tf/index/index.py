# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""An index in memory: finds documents by vectors, words, or both."""

import dataclasses
import functools
import os
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from realm_tf.configs.retrieval_config import RetrievalConfig
from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.index import lexical as lexical_lib
from realm_tf.index import retrieval as retrieval_lib
from realm_tf.index import saved_searcher, versions
from realm_tf.index.lexical import LexicalIndex
from realm_tf.index.searcher import NoVectors, Searcher
from realm_tf.index.versions import IndexMetadata
from realm_tf.io import compatibility, faults
from realm_tf.io.module_info import INFO, read_info
from realm_tf.text import packing
from realm_tf.text.tokenizer import BertTokenizer


def _choose(retrieval: RetrievalConfig, path: str) -> RetrievalConfig:
  """Adds what the embedder of a version says of its training."""
  embedder = os.path.join(path, versions.EMBEDDER)
  if os.path.isfile(os.path.join(embedder, INFO)):
    retrieval = retrieval.filled(read_info(embedder))
  return dataclasses.replace(
    retrieval, retrieval=retrieval.retrieval or 'dense'
  )


def _words_alone(lexical: LexicalIndex, corpus: Corpus | None) -> IndexMetadata:
  its = lexical.metadata
  return IndexMetadata(
    step=0,
    num_documents=its.num_documents,
    dim=0,
    kind='lexical',
    corpus_fingerprint=its.corpus_fingerprint,
    vocab_fingerprint=corpus.vocab_fingerprint if corpus else versions.UNKNOWN,
    embedder_fingerprint=versions.UNKNOWN,
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
      and not versions.has_index(directory)
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
    path = versions.find_index(directory)
    metadata = IndexMetadata.from_json(os.path.join(path, versions.METADATA))
    parts = [compatibility.Part('the model', embedder=embedder)]
    if corpus is not None:
      parts.append(corpus.part)
    compatibility.check(*parts, metadata.part(path))
    config = _choose(retrieval, path)
    its = metadata.corpus_fingerprint
    if config.needs_words or lexical_lib.find(path, its):
      lexical = LexicalIndex.open(path, its)
    embeddings_file = os.path.join(path, versions.EMBEDDINGS)
    with faults.naming(embeddings_file):
      embeddings = np.load(embeddings_file, mmap_mode='r')
      if embeddings.dtype != np.float32:
        raise ValueError(f'{embeddings.dtype}, not float32')
    searcher = saved_searcher.load_searcher(
      os.path.join(path, versions.SEARCHER),
      kind=metadata.kind,
      dim=metadata.dim,
      config=metadata.searcher,
    )
    try:
      versions.check_shapes(path, embeddings, searcher, metadata)
    except ValueError:
      searcher.close()
      raise
    # What the first search initializes must not delay a training step.
    searcher.search(np.zeros([1, metadata.dim], np.float32), 1)
    return cls(path, searcher, metadata, embeddings, lexical, config)

  @property
  def embedder_dir(self) -> str | None:
    """The embedder that made it, if it was published with one."""
    path = os.path.join(self.path, versions.EMBEDDER)
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
