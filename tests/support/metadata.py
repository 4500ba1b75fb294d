# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Indexes with nothing in them but what says whose they are."""

from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.index import versions
from realm_tf.io import atomic


def write_index(path, embedder_fingerprint, content='good'):
  """Publishes `path`, named by its step."""
  metadata = versions.IndexMetadata(
    step=int(path.name),
    num_documents=1,
    dim=1,
    kind='exact',
    corpus_fingerprint='',
    vocab_fingerprint='',
    embedder_fingerprint=embedder_fingerprint,
    searcher=SearcherConfig(),
    built_at=0.0,
  )
  with atomic.atomic_directory(path) as directory:
    (directory / 'content').write_text(content)
    atomic.write_json(directory / 'metadata.json', metadata.to_json())
