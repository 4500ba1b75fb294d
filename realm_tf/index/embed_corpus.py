# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Embeds all documents of a corpus."""

import concurrent.futures
import functools
import hashlib
import itertools
import json
import os
import pathlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from realm_tf.configs.embedding_config import EmbeddingConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.io import atomic, faults
from realm_tf.io.progress import progress as progress_bar
from realm_tf.text import packing

_EMBEDDINGS = 'embeddings.npy'
_PROGRESS = 'progress.json'
_NULL_DOCUMENT = -1
# [CLS], and a [SEP] after title and body.
_SPECIAL = 3

EmbedFn = Callable[[Mapping[str, tf.Tensor]], Any]
"""Embeds BERT inputs int32 `[batch, length]` as float32 `[batch, dim]`. Should
be `traced`."""


class EmbeddingStoppedError(Exception):
  """The embedding was stopped before its end."""


def traced(embed_fn: EmbedFn) -> EmbedFn:
  """Makes a `tf.function` that is traced only once, whatever the shapes."""
  names = ('input_word_ids', 'input_mask', 'input_type_ids')
  spec = {n: tf.TensorSpec([None, None], tf.int32, name=n) for n in names}
  return tf.function(embed_fn, input_signature=[spec], autograph=False)


@functools.lru_cache
def _traced_packing(
  special: packing.SpecialIds,
  max_length: int,
  fixed_length: bool,
  separate_segments: bool,
) -> Callable[[tf.RaggedTensor, tf.RaggedTensor], dict[str, tf.Tensor]]:
  """`pack_candidates` in a graph: 4 ms a batch, and eagerly 80."""
  ragged = tf.RaggedTensorSpec([None, None], tf.int32)

  def pack(
    title_ids: tf.RaggedTensor, body_ids: tf.RaggedTensor
  ) -> dict[str, tf.Tensor]:
    packed = packing.pack_document(
      title_ids,
      body_ids,
      special=special,
      max_length=max_length,
      fixed_length=fixed_length,
    )
    if not separate_segments:
      packed['input_type_ids'] = tf.zeros_like(packed['input_type_ids'])
    return packed

  return tf.function(pack, input_signature=[ragged, ragged], autograph=False)


def plan_batches(
  lengths: np.ndarray, config: EmbeddingConfig
) -> Iterator[np.ndarray]:
  """Yields the rows of each batch; each row is in exactly one.

  Args:
    lengths: Wordpieces of each document, int `[documents]`, packed.
    config: Tokens of a batch, and the window within which rows are sorted.
  """
  for start in range(0, len(lengths), config.sort_window):
    window = lengths[start : start + config.sort_window]
    # The longest first: too large a batch fails at once.
    order = np.argsort(-window, kind='stable') + start
    first = 0
    while first < len(order):
      longest = int(lengths[order[first]])
      if config.fixed_length:
        longest = config.candidate_seq_len
      size = max(1, config.batch_tokens // longest)
      yield order[first : first + size]
      first += size


class _Partial:
  """Unfinished embeddings, in memory or in a file that can be resumed."""

  def __init__(
    self, directory: str | os.PathLike | None, key: str, num_rows: int
  ):
    self._directory = None if directory is None else pathlib.Path(directory)
    self._key = key
    self._num_rows = num_rows
    self.values: np.ndarray | None = None
    self.batches = 0
    if self._directory is None or not (self._directory / _PROGRESS).exists():
      return
    found = atomic.read_object(
      self._directory / _PROGRESS, {'key': str, 'batches': int}
    )
    if found['key'] == key:
      path = self._directory / _EMBEDDINGS
      with faults.naming(path):
        values = np.load(path, mmap_mode='r+')
        shape, dtype = values.shape, values.dtype
        if len(shape) != 2 or len(values) != num_rows or dtype != np.float32:
          raise ValueError(f'{dtype} {list(shape)}, not {num_rows} rows')
      self.values = values
      self.batches = found['batches']
    else:
      logging.info('%s holds other embeddings: starting again', directory)
      (self._directory / _PROGRESS).unlink()

  def put(self, rows: np.ndarray, values: np.ndarray) -> None:
    """Sets rows; the first call decides the dimension."""
    if self.values is None:
      shape = (self._num_rows, values.shape[1])
      if self._directory is None:
        self.values = np.empty(shape, np.float32)
      else:
        self._directory.mkdir(parents=True, exist_ok=True)
        self.values = np.lib.format.open_memmap(
          self._directory / _EMBEDDINGS, 'w+', np.dtype(np.float32), shape
        )
        # Writing to a map ends the process where the disk is full.
        atomic.allocate(self._directory / _EMBEDDINGS)
    self.values[rows] = values
    self.batches += 1

  def save(self) -> None:
    """Flushes the embeddings to disk, then records how many there are."""
    if isinstance(self.values, np.memmap) and self._directory is not None:
      self.values.flush()
      atomic.write_json(
        self._directory / _PROGRESS,
        {'key': self._key, 'batches': self.batches},
      )


def _key(documents: Corpus, config: EmbeddingConfig, embedder: str) -> str:
  """Identifies the embeddings of a stopped run."""
  described = json.dumps(
    [
      documents.fingerprint,
      len(documents),
      embedder,
      config.candidate_seq_len,
      config.batch_tokens,
      config.sort_window,
      config.fixed_length,
      config.separate_candidate_segments,
    ]
  )
  return hashlib.blake2b(described.encode(), digest_size=16).hexdigest()


def _with_results(
  function: Callable[[np.ndarray], Any], batches: Iterable[np.ndarray]
) -> Iterator[tuple[np.ndarray, Any]]:
  """Yields batches with their results; computes the next in a thread."""
  with concurrent.futures.ThreadPoolExecutor(1, 'pack') as executor:
    previous = None
    for batch in batches:
      upcoming = batch, executor.submit(function, batch)
      if previous is not None:
        yield previous[0], previous[1].result()
      previous = upcoming
    if previous is not None:
      yield previous[0], previous[1].result()


def embed_documents(
  documents: Corpus,
  embed_fn: EmbedFn,
  *,
  special: packing.SpecialIds,
  config: EmbeddingConfig | None = None,
  resume_dir: str | os.PathLike | None = None,
  embedder_fingerprint: str = '',
  stop: threading.Event | None = None,
  check: Callable[[], None] | None = None,
  progress: bool = True,
) -> np.ndarray:
  """Embeds each document once; may be called from any thread.

  Args:
    documents: Corpus.
    embed_fn: Function that embeds documents (`EmbedFn`).
    special: Ids of [CLS] and so on.
    config: Lengths and batches. Defaults to `EmbeddingConfig()`.
    resume_dir: Directory for unfinished embeddings; a call with the same
      arguments resumes from what a stopped one left there. Defaults to memory.
    embedder_fingerprint: Fingerprint of the weights of `embed_fn`, by which a
      stopped call is recognized.
    stop: Stops the embedding before the next batch.
    check: Called before each batch; may raise an error to end the embedding.
    progress: Whether to show a progress bar.

  Returns:
    float32 `[documents, dim]`; row i is document i. A memory-mapped file if
    there is a `resume_dir`.

  Raises:
    EmbeddingStoppedError: `stop` was set; `resume_dir` has what is done.
    ValueError: The corpus is empty, or `embed_fn` gives no finite vectors.
  """
  config = config or EmbeddingConfig()
  n = len(documents)
  if not n:
    raise ValueError('the corpus is empty: there is nothing to embed')
  lengths = np.minimum(
    documents.title_lengths + documents.body_lengths + _SPECIAL,
    config.candidate_seq_len,
  )
  key = _key(documents, config, embedder_fingerprint)
  partial = _Partial(resume_dir, key, n)
  pack_rows = _traced_packing(
    special,
    config.candidate_seq_len,
    config.fixed_length,
    config.separate_candidate_segments,
  )
  fixed_rows = max(1, config.batch_tokens // config.candidate_seq_len)

  def pack(rows: np.ndarray) -> dict[str, tf.Tensor]:
    if config.fixed_length:
      missing = fixed_rows - len(rows)
      rows = np.pad(rows, (0, missing), constant_values=_NULL_DOCUMENT)
    return pack_rows(*documents.gather(rows))

  batches = plan_batches(lengths, config)
  begun = itertools.islice(batches, max(0, partial.batches))
  done = sum(map(len, begun))
  if done:
    logging.info('%d of %d documents are embedded already', done, n)
  saved_at = time.monotonic()
  with progress_bar(
    total=n, initial=done, desc='embed', unit='doc', disable=not progress
  ) as bar:
    try:
      for rows, inputs in _with_results(pack, batches):
        if check is not None:
          check()
        if stop is not None and stop.is_set():
          raise EmbeddingStoppedError(
            f'stopped after {done} of {n} documents were embedded'
          )
        values = np.asarray(embed_fn(inputs), np.float32)
        if values.ndim != 2 or len(values) != len(inputs['input_word_ids']):
          raise ValueError(
            'embed_fn must return [batch, dim] for a batch of '
            f'{len(inputs["input_word_ids"])}. Received: {values.shape}'
          )
        values = values[: len(rows)]
        finite = np.isfinite(values).all(1)
        if not finite.all():
          raise ValueError(
            f'the embedding of document {rows[np.argmin(finite)]} is not finite'
          )
        partial.put(rows, values)
        done += len(rows)
        bar.update(len(rows))
        if time.monotonic() - saved_at >= config.save_seconds:
          partial.save()
          saved_at = time.monotonic()
    finally:
      partial.save()
  assert partial.values is not None
  return partial.values
