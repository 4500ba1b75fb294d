# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Builds the index of a corpus from an exported embedder."""

import os
import shutil
import threading
from collections.abc import Callable
from typing import Any

from realm_tf.bert import precision
from realm_tf.configs.embedder_config import EmbedderStartConfig
from realm_tf.configs.embedding_config import EmbeddingConfig, IndexConfig
from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.hub import hub_modules, text_encoders
from realm_tf.index import build_index, lexical
from realm_tf.index.embed_corpus import traced
from realm_tf.indexing import embedder_start, index_builder
from realm_tf.indexing.index_directory import IndexDirectory
from realm_tf.io import compatibility
from realm_tf.text.tokenizer import BertTokenizer
from realm_tf.training.run_directory import RunDirectory, find_module

# What a module says about the shape of its embedder.
_SHAPE = (
  'bert_config',
  'projection_size',
  'projection_epsilon',
  'separate_towers',
  'form',
)


class CorpusIndexer:
  """Embeds the corpus with one export after the other: a `BuildFn`.

  The embedder is traced once; each export sets its weights.
  """

  def __init__(
    self,
    documents: Corpus,
    tokenizer: BertTokenizer,
    index_dir: str,
    *,
    searcher: SearcherConfig,
    embedding_config: EmbeddingConfig,
    with_lexical: bool = False,
    progress: bool = False,
  ):
    """Makes an indexer of a corpus, whose versions lie in `index_dir`."""
    self._documents = documents
    self._tokenizer = tokenizer
    self._index_dir = index_dir
    self._searcher = searcher
    self._config = embedding_config
    self._with_lexical = with_lexical
    self._progress = progress
    self._shape: list[Any] = []
    self._embedder: Any = None

  def __call__(
    self,
    embedder_dir: str,
    step: int,
    check: Callable[[], None] = lambda: None,
  ) -> str:
    """Publishes `index_dir/<step>`, made by an embedder; returns its path."""
    info = hub_modules.read_info(embedder_dir, 'embedder')
    compatibility.check(
      compatibility.Part('the corpus', vocabulary=self._tokenizer.fingerprint),
      hub_modules.module_part(embedder_dir),
    )
    shape = [info.get(key) for key in _SHAPE]
    if shape == self._shape:
      hub_modules.read_embedder_weights(self._embedder, embedder_dir)
    else:
      self._embedder = hub_modules.load_embedder(embedder_dir)
      self._shape = shape
      self._embed = traced(self._embedder.embed_documents)
    if self._with_lexical:
      lexical.publish(self._documents, self._index_dir)
    return build_index.build_index(
      self._documents,
      self._embed,
      self._index_dir,
      step,
      special=self._tokenizer.special,
      searcher_config=self._searcher,
      embedding_config=self._config,
      embedder_dir=embedder_dir,
      precision=self._embedder.compute_dtype,
      built_at=info.get('exported_at'),
      check=check,
      progress=self._progress,
    )


def _make_indexer(config: IndexConfig, embedder_dir: str) -> CorpusIndexer:
  tokenizer = hub_modules.load_tokenizer(embedder_dir)
  trained = hub_modules.trained_lengths(embedder_dir)
  length = config.candidate_seq_len or trained.candidate_seq_len
  return CorpusIndexer(
    Corpus.open(config.corpus_dir, tokenizer=tokenizer),
    tokenizer,
    config.index_dir,
    searcher=config.part(SearcherConfig),
    embedding_config=EmbeddingConfig(
      candidate_seq_len=length,
      separate_candidate_segments=trained.separate_candidate_segments,
    ),
    with_lexical=config.retrieval == 'hybrid',
    progress=config.progress,
  )


def build_once(config: IndexConfig, embedder_dir: str | None = None) -> str:
  """Embeds a corpus and publishes its index; or only its lexical index.

  Example:
    config = realm_tf.IndexConfig(
      corpus_dir='out/corpus', index_dir='out/tiny_index'
    )
    path = realm_tf.build_index(config, 'out/index/6/embedder')

  Args:
    config: Corpus, directory of the index versions, and how they are searched.
    embedder_dir: TF Hub module to embed with; or an export or a training, of
      which the newest export is taken; or an encoder that others published
      (`hub.text_encoders`). Not needed for lexical retrieval.

  Returns:
    The path of the version, which has the step of the embedder as its name, or
    of the lexical index.
  """
  corpus = Corpus.open(config.corpus_dir)
  indexes = IndexDirectory(config.index_dir)
  if config.retrieval == 'lexical':
    with indexes.lock():
      return str(lexical.publish(corpus, config.index_dir))
  if embedder_dir is None:
    raise ValueError(f'`retrieval` {config.retrieval} needs an embedder')
  embedder_dir = find_module(embedder_dir, 'embedder')
  with (
    indexes.lock(),
    precision.mixed_precision_scope(config.mixed_precision),
  ):
    if text_encoders.is_encoder(embedder_dir):
      kept = indexes.kept_path(0)
      own = config.part(EmbedderStartConfig)
      embedder_start.as_module(embedder_dir, kept, own, corpus)
    else:
      embedder_start.check_unchanged(embedder_dir, config)
      # A training that goes on removes its exports after a while.
      step = hub_modules.read_info(embedder_dir, 'embedder')['step']
      kept = indexes.keep_embedder(step, embedder_dir)
    step = hub_modules.read_info(kept)['step']
    path = _make_indexer(config, str(kept))(str(kept), step)
    shutil.rmtree(kept)
  return path


def watch(config: IndexConfig, model_dir: str, stop: threading.Event) -> None:
  """Publishes the index of each new export of a training.

  Returns when the training has ended and its last export has an index, or
  soon after `stop` is set.
  """
  indexers: list[CorpusIndexer] = []

  def build_fn(embedder_dir: str, step: int, check: Callable[[], None]) -> None:
    if not indexers:
      indexers.append(_make_indexer(config, embedder_dir))
    indexers[0](embedder_dir, step, check)

  run = RunDirectory(model_dir)
  builder = index_builder.IndexBuilder(
    run.exports, IndexDirectory(config.index_dir), build_fn
  )

  def stop_builder() -> None:
    stop.wait()
    builder.stop()

  threading.Thread(target=stop_builder, name='stopper', daemon=True).start()
  with precision.mixed_precision_scope(config.mixed_precision):
    builder.run(is_over=lambda: os.path.exists(run.finished))
