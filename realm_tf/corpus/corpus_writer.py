# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A corpus directory, as bin/build_corpus makes it, of documents in a store."""

import hashlib
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from realm_tf.corpus import block_records
from realm_tf.corpus.corpus import Corpus
from realm_tf.corpus.document_writer import IDS, TEXTS
from realm_tf.corpus.documents_view import DocumentsView
from realm_tf.io import atomic
from realm_tf.io.progress import progress as progress_bar

_CHUNK = 1024
_SHARD = 50_000


def records(documents: Corpus, rows: np.ndarray) -> list[bytes]:
  """Block records of int64 rows, as a build would have written them."""
  title_ids, body_ids, titles, bodies = (
    [
      values[start:limit]
      for start, limit in zip(splits[:-1].tolist(), splits[1:].tolist())
    ]
    for values, splits in (documents.flat(n, rows) for n in (*IDS, *TEXTS))
  )
  return [
    block_records.encode_block(
      title.tobytes(), body.tobytes(), title_ids_.tolist(), body_ids_.tolist()
    )
    for title, body, title_ids_, body_ids_ in zip(
      titles, bodies, title_ids, body_ids
    )
  ]


def _write_blocks(
  documents: DocumentsView, directory: pathlib.Path, *, progress: bool
) -> tuple[list[str], list[int], str]:
  """Returns names and sizes of the shards, and a digest of the records."""
  total = -(-len(documents) // _SHARD)
  names, sizes = [], []
  digest = hashlib.sha256()
  with progress_bar(
    total=len(documents), desc='blocks', unit='block', disable=not progress
  ) as bar:
    for shard in range(total):
      first = shard * _SHARD
      limit = min(first + _SHARD, len(documents))
      names.append(f'blocks-{shard:05d}-of-{total:05d}.tfrecord.gz')
      sizes.append(limit - first)
      with block_records.record_writer(directory / names[-1]) as writer:
        for start in range(first, limit, _CHUNK):
          rows = np.arange(start, min(start + _CHUNK, limit))
          for record in records(documents, rows):
            digest.update(record)
            writer.write(record)
          bar.update(len(rows))
  return names, sizes, digest.hexdigest()


def write_manifest(
  directory: pathlib.Path,
  *,
  counts: Mapping[str, int],
  fingerprint: str,
  settings: Mapping[str, Any],
  shards: Mapping[str, int],
  vocab_size: int,
  vocab_fingerprint: str,
) -> None:
  """Writes `manifest.json`.

  Args:
    directory: Of the corpus.
    counts: What was counted; the blocks are added.
    fingerprint: Digest of the records.
    settings: How the corpus came to be.
    shards: How many records each file has, in order.
    vocab_size: Of its wordpieces.
    vocab_fingerprint: Of the same.
  """
  atomic.write_json(
    directory / 'manifest.json',
    {
      'kind': 'blocks',
      'counts': {**counts, 'blocks': sum(shards.values())},
      'fingerprint': fingerprint,
      'settings': settings,
      'shards': list(shards),
      'records_in_shards': list(shards.values()),
      'vocab_size': vocab_size,
      'vocab_fingerprint': vocab_fingerprint,
      **{k: v for k, v in settings.items() if k == 'lower_case'},
    },
  )


def write_corpus(
  documents: DocumentsView,
  directory: pathlib.Path,
  *,
  settings: dict[str, Any],
  counts: dict[str, int] | None = None,
  progress: bool = False,
) -> None:
  """Writes `documents/`, block records and `manifest.json`.

  The records are those that a build would have written, to the byte; where one
  shard ends and the next begins may differ.

  Not atomic; the directory is made.

  Args:
    documents: The corpus.
    directory: Where it goes.
    settings: How it came to be, for the manifest.
    counts: What was counted meanwhile, for the manifest.
    progress: Whether a progress bar is drawn.
  """
  documents.write(directory / 'documents')
  names, sizes, digest = _write_blocks(documents, directory, progress=progress)
  write_manifest(
    directory,
    counts=counts or {},
    fingerprint=digest,
    settings=settings,
    shards=dict(zip(names, sizes)),
    vocab_size=documents.vocab_size,
    vocab_fingerprint=documents.vocab_fingerprint,
  )
