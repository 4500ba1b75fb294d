# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Indexes of random vectors, for measurements of what searches them."""

import time

import numpy as np

from realm_tf.configs.searcher_config import SearcherConfig, SearcherKind
from realm_tf.corpus.corpus import Corpus
from realm_tf.index import searcher, versions
from realm_tf.index.index import Index

_CLUSTERS = 1000


def clustered_vectors(rows: int, dim: int) -> np.ndarray:
  """float32 `[rows, dim]` that lie in clusters, as embeddings do."""
  rng = np.random.default_rng(0)
  centers = rng.standard_normal((min(_CLUSTERS, rows), dim), np.float32)
  vectors = centers[rng.integers(len(centers), size=rows)]
  vectors += 0.3 * rng.standard_normal((rows, dim), np.float32)
  return vectors


def scann_or_exact() -> SearcherKind:
  """Kind of an index: ScaNN where it is installed."""
  return 'scann' if searcher.scann_is_installed() else 'exact'


def build(
  vectors: np.ndarray,
  kind: SearcherKind,
  *,
  step: int = 0,
  corpus_fingerprint: str = 'none',
  vocab_fingerprint: str = 'none',
) -> Index:
  """Makes an index in memory; its owner closes it.

  Args:
    vectors: float32 `[rows, dim]`.
    kind: Kind of its searcher.
    step: Step in its metadata.
    corpus_fingerprint: Fingerprint of the documents.
    vocab_fingerprint: Fingerprint of their tokenizer.
  """
  config = SearcherConfig(searcher=kind)
  built = searcher.build_searcher(vectors, config)
  metadata = versions.IndexMetadata(
    step=step,
    num_documents=vectors.shape[0],
    dim=vectors.shape[1],
    kind=built.kind,
    corpus_fingerprint=corpus_fingerprint,
    vocab_fingerprint=vocab_fingerprint,
    embedder_fingerprint='random',
    searcher=config,
    built_at=time.time(),
  )
  return Index('', built, metadata, vectors)


def random_index(documents: Corpus, kind: SearcherKind, dim: int) -> Index:
  """An index with a random vector for each document."""
  return build(
    clustered_vectors(len(documents), dim),
    kind,
    corpus_fingerprint=documents.fingerprint,
    vocab_fingerprint=documents.vocab_fingerprint,
  )
