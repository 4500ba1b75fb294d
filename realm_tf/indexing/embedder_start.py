# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""TF Hub modules of encoders that others published."""

import dataclasses
import os
import pathlib
from typing import Any

import numpy as np
from absl import logging

from realm_tf.configs.embedder_config import EmbedderStartConfig
from realm_tf.configs.embedding_config import EmbeddingConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.hub import hub_modules, text_encoders
from realm_tf.index import embed_corpus
from realm_tf.io import compatibility
from realm_tf.io.module_info import INFO, read_info
from realm_tf.modeling.embedder import Embedder

# Documents whose vectors the principal axes are of.
_SAMPLE = 4096


def check_unchanged(
  embedder_dir: str | os.PathLike, config: EmbedderStartConfig
) -> None:
  """Checks that nothing of a trained embedder is to be changed.

  Raises:
    ValueError: Something is; the message names the field.
  """
  info = read_info(embedder_dir, 'embedder')
  wrong = [
    f'`{name}` is {asked}, but {embedder_dir} has {info[name]}'
    for name in ('projection_size', 'separate_towers')
    if (asked := getattr(config, name, None)) not in (None, info[name])
  ]
  wrong += [
    f'`{name}` is for an encoder that others published, and {embedder_dir}'
    ' stays as it was trained'
    for name in config.changes
    if name != 'projection_size'
  ]
  if wrong:
    raise ValueError('; '.join(wrong))


def _principal_axes(vectors: np.ndarray, size: int) -> np.ndarray:
  """The axes that keep most of inner products, float32 `[dim, size]`.

  They are not those of the centered vectors: a projection should change the
  inner products least, and the mean is a part of them.
  """
  dim = vectors.shape[1]
  if size > dim:
    raise ValueError(
      f'`projection_size` is {size}, but the vectors have {dim} numbers'
    )
  vectors = vectors.astype(np.float64)
  _, axes = np.linalg.eigh(vectors.T @ vectors)
  axes = axes[:, ::-1][:, :size]
  # The sign of an axis is arbitrary: the largest number is positive.
  largest = np.abs(axes).argmax(0)
  return (axes * np.sign(axes[largest, range(size)])).astype(np.float32)


def _project(
  encoder: text_encoders.TextEncoder, corpus: Corpus, size: int
) -> text_encoders.TextEncoder:
  """Adds a projection to the principal axes of some documents."""
  whole, form = encoder.embedder, encoder.embedder.form
  if form.activation != 'linear':
    raise ValueError(f'`projection`: after {form.activation} there is none')
  if form.normalization == 'layer_norm':
    raise ValueError(
      '`projection` principal and `normalization` layer_norm exclude each other'
    )
  rows = np.random.default_rng(0).permutation(len(corpus))[:_SAMPLE]
  logging.info('principal axes of the vectors of %d documents', len(rows))
  vectors = embed_corpus.embed_documents(
    corpus.select(np.sort(rows)),
    embed_corpus.traced(whole.embed_documents),
    special=encoder.tokenizer.special,
    config=EmbeddingConfig(candidate_seq_len=encoder.lengths.candidate_seq_len),
  )
  axes = _principal_axes(vectors, size)
  embedder = Embedder(
    whole.bert_config,
    size,
    whole.separate_towers,
    form=dataclasses.replace(form, projection=True),
  )
  for mine, its in zip(embedder.towers, whole.towers):
    for variable, value in zip(mine.encoder.weights, its.encoder.weights):
      variable.assign(value)
    kernel, bias = axes, np.zeros(size, np.float32)
    if its.projection is not None:
      kernel = its.projection.kernel.numpy() @ axes
      bias = its.projection.bias.numpy() @ axes
    mine.projection.kernel.assign(kernel)
    mine.projection.bias.assign(bias)
  return dataclasses.replace(encoder, embedder=embedder)


def _described(
  path: str, config: EmbedderStartConfig, corpus: Corpus | None
) -> dict[str, Any]:
  """What a module is made of; another call with the same takes it."""
  files = [
    (str(p), p.stat().st_size, p.stat().st_mtime_ns)
    for name in path.split(',')
    for p in sorted(pathlib.Path(name).rglob('*'))
    if p.is_file()
  ]
  changes = {name: getattr(config, name) for name in config.changes}
  found: dict[str, Any] = {'files': [list(f) for f in files], **changes}
  if config.projection == 'principal' and corpus is not None:
    found['corpus_fingerprint'] = corpus.fingerprint
  return found


def is_made_of(
  directory: str | os.PathLike,
  path: str | os.PathLike,
  config: EmbedderStartConfig,
  corpus: Corpus | None,
) -> bool:
  """Whether `as_module` made a module of the same encoder in the same way."""
  if not pathlib.Path(directory, INFO).is_file():
    return False
  made_of = _described(os.fspath(path), config, corpus)
  return read_info(directory).get('made_of') == made_of


def as_module(
  path: str | os.PathLike,
  directory: str | os.PathLike,
  config: EmbedderStartConfig | None = None,
  corpus: Corpus | None = None,
  *,
  seed: int = 0,
) -> None:
  """Writes the module of an encoder, unless it is there already.

  Args:
    path: Encoder (`text_encoders.read_encoder`).
    directory: Directory of the module.
    config: What to change of the encoder. Defaults to nothing.
    corpus: Corpus that it is for: its vocabulary must be the encoder's, and
      principal axes are of its documents.
    seed: Seed of a random projection.

  Raises:
    MismatchError: The corpus has another vocabulary.
    ValueError: The encoder cannot be read, or there is no corpus for principal
      axes.
  """
  config = config or EmbedderStartConfig()
  if is_made_of(directory, path, config, corpus):
    return
  encoder = text_encoders.read_encoder(path, config, seed=seed)
  if corpus is not None:
    compatibility.check(
      compatibility.Part(corpus.directory, vocabulary=corpus.vocab_fingerprint),
      compatibility.Part(
        os.fspath(path), vocabulary=encoder.tokenizer.fingerprint
      ),
    )
  if config.projection == 'principal':
    if corpus is None:
      raise ValueError('`projection` principal needs documents')
    size = config.projection_size or text_encoders.PROJECTION_SIZE
    encoder = _project(encoder, corpus, size)
  hub_modules.EmbedderModule(
    encoder.embedder,
    encoder.tokenizer,
    hub_modules.lengths_of(encoder.lengths),
  ).save(
    directory,
    0,
    source=encoder.source,
    made_of=_described(os.fspath(path), config, corpus),
  )
