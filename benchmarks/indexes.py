# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Indexes for measurements of what searches them."""

import time

from benchmarks.memory import clustered_vectors
from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.index import searcher, versions


def random_index(
  documents: Corpus, kind: str, vocab_fingerprint: str, dim: int
) -> versions.Index:
  """An index of vectors that lie as embeddings do; its owner closes it.

  Args:
    documents: Rows of the index.
    kind: Of its searcher.
    vocab_fingerprint: Of the documents' tokenizer.
    dim: Dimensions of a vector.
  """
  vectors = clustered_vectors(len(documents), dim)
  config = SearcherConfig(searcher=kind)
  built = searcher.build_searcher(vectors, config)
  metadata = versions.IndexMetadata(
    step=0,
    num_documents=len(documents),
    dim=dim,
    kind=built.kind,
    corpus_fingerprint=documents.fingerprint,
    vocab_fingerprint=vocab_fingerprint,
    embedder_fingerprint='random',
    searcher=config,
    built_at=time.time(),
  )
  return versions.Index('', built, metadata, vectors)
