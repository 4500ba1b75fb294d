# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Embeddings of blocks that other programs made, as an index."""

import hashlib
import os
import pathlib
import time

import numpy as np

from realm_tf.corpus.corpus import Corpus
from realm_tf.index import searcher, versions
from realm_tf.index.embed_corpus import EmbeddingConfig
from realm_tf.index.searcher_config import SearcherConfig
from realm_tf.modeling.embedder import Embedder
from realm_tf.text import packing
from realm_tf.text.tokenizer import BertTokenizer

_CHECKED_ROWS = 16


def fingerprint(embeddings: np.ndarray) -> str:
  """Of an embedder that is known by its embeddings alone."""
  data = np.ascontiguousarray(embeddings).data
  return hashlib.blake2b(data, digest_size=16).hexdigest()


def difference(
  embedder: Embedder,
  documents: Corpus,
  embeddings: np.ndarray,
  tokenizer: BertTokenizer,
) -> float:
  """How far embeddings of some documents are from those that were found.

  Args:
    embedder: Embeds the documents anew.
    documents: The corpus.
    embeddings: float32 `[documents, dim]`.
    tokenizer: Of both.

  Returns:
    The largest difference, relative to the largest number.
  """
  count = min(_CHECKED_ROWS, len(embeddings))
  rows = np.linspace(0, len(embeddings) - 1, count).astype(np.int64)
  title_ids, body_ids = documents.gather(rows)
  packed = packing.pack_document(
    title_ids,
    body_ids,
    special=tokenizer.special,
    max_length=min(
      EmbeddingConfig().max_length, embedder.bert_config.max_positions
    ),
  )
  found, wanted = embedder.embed_documents(packed).numpy(), embeddings[rows]
  return float(np.abs(found - wanted).max() / np.abs(wanted).max())


def publish(
  embeddings: np.ndarray,
  documents: Corpus,
  index_dir: str | os.PathLike,
  step: int,
  config: SearcherConfig,
  embedder_fingerprint: str,
  embedder_dir: pathlib.Path | None,
) -> str:
  """Publishes `index_dir/<step>/`.

  Args:
    embeddings: float32 `[documents, dim]`, in their order.
    documents: The corpus.
    index_dir: Directory of versions.
    step: Name of this one.
    config: How it is searched.
    embedder_fingerprint: Of the embedder that made them.
    embedder_dir: Its module, if it is there.

  Returns:
    The path.
  """
  built = searcher.build_searcher(embeddings, config)
  try:
    return versions.publish_index(
      index_dir,
      step,
      embeddings,
      built,
      versions.IndexMetadata(
        step=step,
        num_documents=len(embeddings),
        dim=embeddings.shape[1],
        kind=built.kind,
        corpus_fingerprint=documents.fingerprint,
        vocab_fingerprint=documents.vocab_fingerprint,
        embedder_fingerprint=embedder_fingerprint,
        searcher=config,
        built_at=time.time(),
      ),
      embedder_dir,
    )
  finally:
    built.close()
