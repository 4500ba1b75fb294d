# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""From text to what can be searched: a corpus, its vectors, and BM25."""

import os
import pathlib

from absl import logging

from realm_tf.configs.corpus_config import CorpusConfig, JobConfig
from realm_tf.configs.embedder_config import EmbedderStartConfig
from realm_tf.configs.embedding_config import IndexConfig
from realm_tf.configs.index_text_config import IndexTextConfig
from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.corpus import build_corpus
from realm_tf.corpus.corpus import Corpus
from realm_tf.hub import hub_modules, text_encoders
from realm_tf.index import build_index, editions, lexical, versions
from realm_tf.indexing import corpus_index, embedder_start

_BLOCK_LENGTH = 288


def _block_length(config: IndexTextConfig) -> int:
  if config.max_block_length is not None:
    return config.max_block_length
  if config.encoder is None:
    return _BLOCK_LENGTH
  if text_encoders.is_encoder(config.encoder):
    lengths = text_encoders.read_lengths(config.encoder, config)
  else:
    lengths = hub_modules.trained_lengths(config.encoder)
  return min(lengths.candidate_seq_len, _BLOCK_LENGTH)


def _is_embedded(
  index_dir: str, corpus: Corpus, encoder: str, config: IndexTextConfig
) -> bool:
  """Whether the newest version is of this corpus and encoder."""
  path = versions.latest_index(index_dir)
  if path is None:
    return False
  metadata = versions.read_metadata(path)
  if metadata.corpus_fingerprint != corpus.fingerprint:
    return False
  if text_encoders.is_encoder(encoder):
    own = config.part(EmbedderStartConfig)
    return embedder_start.is_made_of(
      os.path.join(path, 'embedder'), encoder, own, corpus
    )
  its = build_index.fingerprint_embedder(encoder)
  return its == metadata.embedder_fingerprint


def index_text(config: IndexTextConfig) -> Corpus:
  """Makes text searchable by its words, and by vectors if there is an encoder.

  A call that was killed is resumed by the next one with the same
  configuration; what is there already stays.

  Example:
    config = realm_tf.IndexTextConfig(
      input='wiki.jsonl', output_dir='out/my_text'
    )
    corpus = realm_tf.index_text(config)

  Args:
    config: Text, encoder and directory.

  Returns:
    The corpus, open. It is in `output_dir`/corpus, its index beside it.

  Raises:
    CorpusError: The text or an earlier output cannot be used.
    ValueError: The encoder cannot be used.
  """
  directory = pathlib.Path(config.output_dir)
  index_dir = str(directory / editions.INDEX)
  encoder = config.encoder
  job = config.part(JobConfig).to_dict()
  corpus = build_corpus.build_corpus(
    CorpusConfig(
      **{**job, 'output_dir': str(directory / editions.CORPUS)},
      bert=None if encoder is None else encoder.split(',')[0],
      max_block_length=_block_length(config),
    )
  )
  if encoder is not None and _is_embedded(index_dir, corpus, encoder, config):
    logging.info('%s is there already', index_dir)
    lexical.publish(corpus, index_dir)
    return corpus
  index = IndexConfig(
    **config.part(SearcherConfig).to_dict(),
    **config.part(EmbedderStartConfig).to_dict(),
    corpus_dir=corpus.directory,
    index_dir=index_dir,
    retrieval='lexical' if encoder is None else 'hybrid',
    mixed_precision=config.mixed_precision,
    progress=config.progress,
  )
  corpus_index.build_once(index, encoder)
  return corpus
