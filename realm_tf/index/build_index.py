# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""From a corpus and an embedder to a published index."""

import hashlib
import os
import pathlib
import shutil
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from absl import logging

from realm_tf.configs.embedder_config import EmbedderForm
from realm_tf.configs.embedding_config import EmbeddingConfig
from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.index import embed_corpus, searcher, versions
from realm_tf.io import atomic
from realm_tf.io.module_info import INFO, read_info
from realm_tf.text import packing

_DESCRIBED = (
  'form',
  'query_seq_len',
  'candidate_seq_len',
  'separate_candidate_segments',
  'source',
)
# That of `modeling.embedder`, which no digest includes; nor the default form.
_PROJECTION_EPSILON = 1e-3


def fingerprint_embedder(directory: str | os.PathLike) -> str:
  """Returns a hex digest of the weights of a TF Hub module.

  Raises:
    FileNotFoundError: It has no weights.
  """
  digest = hashlib.blake2b(digest_size=16)
  paths = sorted(pathlib.Path(directory, 'variables').glob('variables.*'))
  if not paths:
    raise FileNotFoundError(
      f'{directory} is no TF Hub module: it has no weights'
    )
  for path in paths:
    digest.update(path.name.encode())
    with open(path, 'rb') as f:
      while chunk := f.read(1 << 20):
        digest.update(chunk)
  info = pathlib.Path(directory, INFO)
  if info.is_file():
    found = atomic.read_object(info, {}, {'form': dict})
    epsilon = found.get('projection_epsilon')
    if epsilon is not None and epsilon != _PROJECTION_EPSILON:
      digest.update(f'projection_epsilon={epsilon!r}'.encode())
    form = EmbedderForm(**found.get('form', {}))
    if form != EmbedderForm():
      digest.update(repr(form).encode())
  return digest.hexdigest()


def _describe_encoder(
  embedder_dir: str | os.PathLike | None,
) -> dict[str, Any] | None:
  if embedder_dir is None:
    return None
  info = read_info(embedder_dir)
  return {name: info[name] for name in _DESCRIBED if name in info}


def _partial_dir(index_dir: pathlib.Path, step: int) -> pathlib.Path:
  return index_dir / f'.partial-{step}'


def remove_partial(index_dir: str | os.PathLike) -> None:
  """Removes the embeddings of stopped builds; no builder may run."""
  for path in pathlib.Path(index_dir).glob('.partial-*'):
    shutil.rmtree(path)


def publish(
  documents: Corpus,
  embeddings: np.ndarray,
  index_dir: str | os.PathLike,
  step: int,
  config: SearcherConfig,
  *,
  embedder_fingerprint: str,
  embedder_dir: str | os.PathLike | None = None,
  started: float | None = None,
  built_at: float | None = None,
  max_length: int | None = None,
  precision: str | None = None,
) -> tuple[str, versions.IndexMetadata]:
  """Publishes embeddings of a corpus as `index_dir/<step>/`.

  Args:
    documents: Corpus.
    embeddings: float32 `[documents, dim]`.
    index_dir: Directory of versions.
    step: Name of the version.
    config: Configuration of the searcher.
    embedder_fingerprint: Fingerprint of the embedder.
    embedder_dir: TF Hub module of the embedder; copied into the index.
    started: Time at which the build started. Defaults to now.
    built_at: Time for the metadata. Defaults to `started`.
    max_length: Maximum number of wordpieces of an embedded document, if known.
    precision: Precision of the embedder, if known.

  Returns:
    Path and metadata of the version.
  """
  started = time.time() if started is None else started
  built = searcher.build_searcher(embeddings, config)
  try:
    metadata = versions.IndexMetadata(
      step=step,
      num_documents=len(embeddings),
      dim=embeddings.shape[1],
      kind=built.kind,
      corpus_fingerprint=documents.fingerprint,
      vocab_fingerprint=documents.vocab_fingerprint,
      embedder_fingerprint=embedder_fingerprint,
      searcher=config,
      built_at=started if built_at is None else built_at,
      build_seconds=time.time() - started,
      max_length=max_length,
      precision=precision,
      encoder=_describe_encoder(embedder_dir),
    )
    path = versions.publish_index(
      index_dir, step, embeddings, built, metadata, embedder_dir
    )
  finally:
    built.close()
  return path, metadata


def build_index(
  documents: Corpus,
  embed_fn: embed_corpus.EmbedFn,
  index_dir: str | os.PathLike,
  step: int,
  *,
  special: packing.SpecialIds,
  searcher_config: SearcherConfig | None = None,
  embedding_config: EmbeddingConfig | None = None,
  embedder_dir: str | os.PathLike | None = None,
  embedder_fingerprint: str | None = None,
  precision: str | None = None,
  built_at: float | None = None,
  keep: int | None = None,
  stop: threading.Event | None = None,
  check: Callable[[], None] | None = None,
  progress: bool = True,
) -> str:
  """Embeds all documents and publishes `index_dir/<step>/`.

  A stopped or killed call is resumed by the next one with the same corpus and
  embedder. Unfinished embeddings of other steps are removed: only one builder
  at a time may work in a directory.

  Args:
    documents: Corpus.
    embed_fn: Function that embeds documents (`embed_corpus.EmbedFn`).
    index_dir: Directory of versions.
    step: Name of the version.
    special: Ids of [CLS] and so on.
    searcher_config: Configuration of the searcher. Defaults to
      `SearcherConfig()`.
    embedding_config: Lengths and batches. Defaults to `EmbeddingConfig()`.
    embedder_dir: TF Hub module of `embed_fn`; copied into the index.
    embedder_fingerprint: Fingerprint of the weights. Defaults to that of
      `embedder_dir`. Without either, nothing is resumed.
    precision: Precision of `embed_fn` for the metadata.
    built_at: Time for the metadata: when the weights were exported, in seconds
      since 1970. Defaults to now.
    keep: Number of versions to keep. Defaults to all.
    stop: Ends the embedding with `embed_corpus.EmbeddingStoppedError`.
    check: Called now and then; may raise an error to end the call.
    progress: Whether to show a progress bar.

  Returns:
    The path of the version.
  """
  start = time.time()
  directory = pathlib.Path(index_dir)
  directory.mkdir(parents=True, exist_ok=True)
  atomic.remove_stale(directory)
  if embedder_fingerprint is None and embedder_dir is not None:
    embedder_fingerprint = fingerprint_embedder(embedder_dir)
  partial = _partial_dir(directory, step)
  for old in directory.glob('.partial-*'):
    if old != partial or embedder_fingerprint is None:
      shutil.rmtree(old)
  embedding_config = embedding_config or EmbeddingConfig()
  embeddings = embed_corpus.embed_documents(
    documents,
    embed_fn,
    special=special,
    config=embedding_config,
    resume_dir=partial,
    embedder_fingerprint=embedder_fingerprint or '',
    stop=stop,
    check=check,
    progress=progress,
  )
  embedded = time.time()
  if check is not None:
    check()
  searcher_config = searcher_config or SearcherConfig()
  path, metadata = publish(
    documents,
    embeddings,
    directory,
    step,
    searcher_config,
    embedder_fingerprint=embedder_fingerprint or versions.UNKNOWN,
    embedder_dir=embedder_dir,
    started=start,
    built_at=built_at,
    max_length=embedding_config.candidate_seq_len,
    precision=precision,
  )
  del embeddings
  shutil.rmtree(partial)
  if keep is not None:
    versions.prune(directory, keep)
  logging.info(
    'index of step %d: %d documents embedded in %.1f s, %s searcher published'
    ' in %.1f s',
    step,
    metadata.num_documents,
    embedded - start,
    metadata.kind,
    time.time() - embedded,
  )
  return path
