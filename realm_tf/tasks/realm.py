# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""REALM pre-training, with its index rebuilt and swapped on the way."""

import dataclasses
import os
import sys
from typing import Any

import tensorflow as tf
from absl import logging

from realm_tf.bert.bert_config import BertConfig
from realm_tf.configs.embedding_config import EmbeddingConfig
from realm_tf.configs.masking_config import FeaturizationConfig, MaskingConfig
from realm_tf.configs.realm_config import RealmConfig
from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.hub import hub_modules
from realm_tf.index import build_index, versions
from realm_tf.index.candidates import (
  CandidateFinder,
  IndexVersion,
  QueryEmbedders,
)
from realm_tf.index.slot import IndexSlot
from realm_tf.indexing import corpus_index, index_builder, index_refresh
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.reader import KnowledgeAugmentedReader
from realm_tf.modeling.realm_model import RealmModel
from realm_tf.modeling.retriever import Retriever
from realm_tf.spans import pretraining_examples
from realm_tf.tasks.retrieved_examples import retrieved_batches
from realm_tf.training import (
  checkpoints,
  estimator,
  exporters,
  run_config,
  settings,
  warm_start,
)
from realm_tf.training.example_generation import ExampleGenerator

_PROJECTION_SIZE = 128


class _Pretraining:
  """What model, input and index of one run share."""

  def __init__(self, config: RealmConfig):
    self.config = config
    self.slot = IndexSlot()
    self.bert, self.tokenizer = warm_start.load(
      config.bert,
      vocab_file=config.vocab_file,
      lower_case=config.lower_case,
      dropout=config.dropout,
      seed=config.seed,
    )
    self.documents = Corpus.open(config.corpus_dir, tokenizer=self.tokenizer)
    self.finder = CandidateFinder(
      self.documents,
      self.slot,
      num_candidates=config.part(FeaturizationConfig).num_candidates,
      oversample=config.oversample,
    )
    self.embedder_shape = self._embedder_shape()
    self.embedders = QueryEmbedders(self.make_embedder)
    lengths = config.part(FeaturizationConfig)
    warm_start.check_lengths(
      self.bert.config,
      query_seq_len=lengths.query_seq_len,
      candidate_seq_len=lengths.candidate_seq_len,
      joint=True,
    )
    self.embedding = EmbeddingConfig(
      candidate_seq_len=lengths.candidate_seq_len,
      separate_candidate_segments=lengths.separate_candidate_segments,
    )

  def _embedder_shape(self) -> dict[str, Any]:
    """BERT, size and towers of the embedder that the run trains."""
    config = self.config
    asked = {
      'projection_size': config.projection_size,
      'separate_towers': config.separate_towers,
    }
    given = {name: x for name, x in asked.items() if x is not None}
    if config.embedder is None:
      return {
        'bert_config': dataclasses.asdict(self.bert.config),
        'projection_size': _PROJECTION_SIZE,
        'separate_towers': False,
        **given,
      }
    info = hub_modules.read_info(config.embedder, 'embedder')
    if info['vocab_fingerprint'] != self.tokenizer.fingerprint:
      raise ValueError(
        f'{config.embedder} was trained with another vocabulary than that of'
        f' {config.bert}'
      )
    wrong = [
      f'{name}={x} was asked for, but {config.embedder} has {info[name]}'
      for name, x in given.items()
      if x != info[name]
    ]
    if wrong:
      raise ValueError('; '.join(wrong))
    bert_config = BertConfig(**info['bert_config']).with_dropout(config.dropout)
    return {
      'bert_config': dataclasses.asdict(bert_config),
      **{name: info[name] for name in asked},
    }

  def make_embedder(self) -> Embedder:
    """An embedder with the weights that the run starts with."""
    config = self.config
    if config.embedder is not None:
      return hub_modules.load_embedder(config.embedder, dropout=config.dropout)
    embedder = Embedder(
      self.bert.config,
      self.embedder_shape['projection_size'],
      self.embedder_shape['separate_towers'],
      seed=config.seed,
    )
    embedder.init_from_bert(self.bert)
    return embedder

  def model_fn(self, run: run_config.RunConfig) -> run_config.ModelSpec:
    """Retriever and reader, their optimizers and their export."""
    del run
    config = self.config
    embedder = self.make_embedder()
    reader = KnowledgeAugmentedReader(self.bert.config, seed=config.seed)
    reader.init_from_bert(self.bert)
    retriever = Retriever(embedder, num_candidates=config.num_candidates)
    model = RealmModel(retriever, reader)
    modules: dict[str, hub_modules.HubModule] = {}

    def export(directory: str, step: int) -> None:
      if not modules:
        modules['embedder'] = hub_modules.EmbedderModule(
          embedder, self.tokenizer
        )
        modules['bert'] = hub_modules.BertModule(
          reader.bert_config, reader.encoder, reader.mlm_head, self.tokenizer
        )
      for name, module in modules.items():
        module.save(os.path.join(directory, name), step)

    return run_config.ModelSpec(
      model,
      settings.optimizer_groups(config, config.embedder_learning_rate, model),
      export_fn=export,
    )

  def _batches(
    self, masked: tf.data.Dataset, start: int, ahead: int
  ) -> ExampleGenerator:
    return ExampleGenerator(
      lambda: retrieved_batches(
        masked,
        start,
        finder=self.finder,
        tokenizer=self.tokenizer,
        config=self.config.part(FeaturizationConfig),
      ),
      ahead,
    )

  def train_input(self, start: int) -> ExampleGenerator:
    """Batches from number `start` on."""
    config = self.config
    masked = pretraining_examples.masked_queries(
      config.train_examples,
      self.tokenizer,
      config.part(MaskingConfig),
      batch_size=config.batch_size,
      seed=config.seed,
      start_batch=start,
      shuffle_buffer=config.shuffle_buffer,
    )
    return self._batches(masked, start, config.batches_ahead)

  def heldout_input(self, start: int) -> ExampleGenerator:
    """The same few batches each time, with the index of the time."""
    config = self.config
    assert config.heldout_examples is not None
    masked = pretraining_examples.masked_queries(
      config.heldout_examples,
      self.tokenizer,
      config.part(MaskingConfig),
      batch_size=config.batch_size,
      seed=config.seed + 1,
      start_batch=start,
      repeat=False,
    ).take(config.eval_batches)
    return self._batches(masked, start, config.batches_ahead)

  def load_index(self, path: str) -> IndexVersion:
    """An index with a query embedder of the same export."""
    index = versions.Index.open(path, self.documents)
    embedder_dir = index.embedder_dir
    try:
      if embedder_dir is None:
        raise ValueError(
          f'{path} was published without its embedder: build it again'
          ' (bin/build_index)'
        )
      return self.embedders.version(
        index,
        lambda embedder: hub_modules.read_embedder_weights(
          embedder, embedder_dir
        ),
      )
    except BaseException:
      index.close()
      raise

  def builder(
    self, export_dir: str
  ) -> list[index_builder.BuilderThread | index_builder.BuilderProcess]:
    """Who builds the indexes: at most one listener."""
    config = self.config
    if config.index_builder == 'thread':
      indexer = corpus_index.CorpusIndexer(
        self.documents,
        self.tokenizer,
        config.index_path,
        searcher=config.part(SearcherConfig),
        embedding_config=self.embedding,
      )
      builder = index_builder.IndexBuilder(
        export_dir, config.index_path, indexer
      )
      return [index_builder.BuilderThread(builder)]
    if config.index_builder == 'process':
      command = [
        sys.executable,
        '-m',
        'bin.build_index',
        '--watch',
        '--stop_with_stdin',
        f'--model_dir={config.model_dir}',
        f'--corpus_dir={config.corpus_dir}',
        f'--index_dir={config.index_path}',
        f'--searcher={config.searcher}',
        f'--candidate_seq_len={self.embedding.candidate_seq_len}',
        f'--mixed_precision={str(config.mixed_precision).lower()}',
      ]
      return [index_builder.BuilderProcess(command)]
    return []

  def resume_settings(self) -> dict[str, Any]:
    """What a restart must have in common with the run so far."""
    config = self.config
    return {
      'bert': dataclasses.asdict(self.bert.config),
      'corpus_fingerprint': self.documents.fingerprint,
      'embedder_bert': self.embedder_shape['bert_config'],
      'featurization': dataclasses.asdict(config.part(FeaturizationConfig)),
      'masking': dataclasses.asdict(config.part(MaskingConfig)),
      'oversample': config.oversample,
      'projection_size': self.embedder_shape['projection_size'],
      'separate_towers': self.embedder_shape['separate_towers'],
      'shuffle_buffer': config.shuffle_buffer,
      'train_examples': config.train_examples,
      'vocab_fingerprint': self.tokenizer.fingerprint,
    }


def _check_index_dir(config: RealmConfig) -> None:
  """Refuses to begin a run among indexes that another one left."""
  steps = index_builder.list_versions(config.index_path)
  if steps and checkpoints.latest_step(config.model_dir) < 0:
    raise ValueError(
      f'{config.index_path} has indexes already (of steps'
      f' {", ".join(map(str, steps))}), and {config.model_dir} has no'
      ' checkpoint, so they are not of this run: remove them or give another'
      ' index_dir'
    )


def pretrain(config: RealmConfig) -> dict[str, float]:
  """Pre-trains, from where an earlier call with the same config was killed.

  Returns:
    The metrics of the last evaluation; empty without held-out examples.
  """
  _check_index_dir(config)
  parts = _Pretraining(config)
  logging.info(
    '%s',
    pretraining_examples.describe_first_pool(
      config.train_examples, parts.tokenizer, config.part(MaskingConfig)
    ),
  )
  run = settings.run_config(
    config,
    parts.resume_settings(),
    fixed_shapes=config.part(FeaturizationConfig).fixed_length,
  )
  builders = parts.builder(run.export_dir)
  refresher = index_refresh.IndexRefresher(
    config.index_path,
    parts.slot,
    parts.load_index,
    fingerprints=exporters.Fingerprints(
      run.export_dir,
      lambda export: build_index.fingerprint_embedder(f'{export}/embedder'),
    ),
    builder_is_alive=lambda: all(builder.is_alive() for builder in builders),
  )
  try:
    result = estimator.train_and_evaluate(
      parts.model_fn,
      run,
      run_config.TrainSpec(
        parts.train_input,
        max_steps=config.train_steps,
        export_schedule=config.refresh_schedule,
        listeners=[*builders, refresher],
      ),
      None
      if config.heldout_examples is None
      else run_config.EvalSpec(
        parts.heldout_input,
        every_steps=config.eval_every,
        best_metric='retrieval_utility',
      ),
    )
  finally:
    parts.slot.close()
  # Only now: after an error or an interrupt the restart takes the build up.
  # One that was started by hand goes on to the last export.
  if builders:
    index_builder.remove_unfinished(config.index_path)
  return result
