# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""REALM pre-training with an index that is rebuilt during training."""

import dataclasses
import functools
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from absl import logging

from realm_tf.configs.embedding_config import EmbeddingConfig, IndexConfig
from realm_tf.configs.masking_config import FeaturizationConfig, MaskingConfig
from realm_tf.configs.realm_config import RealmConfig
from realm_tf.configs.retrieval_config import RetrievalConfig
from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.hub import hub_modules
from realm_tf.index.candidates import (
  CandidateFinder,
  IndexVersion,
  QueryEmbedders,
)
from realm_tf.index.index import Index
from realm_tf.index.slot import IndexSlot
from realm_tf.indexing import corpus_index, index_builder, index_refresh
from realm_tf.indexing.index_directory import IndexDirectory
from realm_tf.io import compatibility
from realm_tf.modeling.hybrid_scorer import HybridScorer
from realm_tf.modeling.reader import KnowledgeAugmentedReader
from realm_tf.modeling.realm_model import RealmModel
from realm_tf.modeling.retriever import Retriever
from realm_tf.spans import pretraining_examples
from realm_tf.tasks import starts
from realm_tf.tasks.retrieved_examples import retrieved_batches
from realm_tf.training import estimator, optimization
from realm_tf.training.example_generation import ExampleGenerator
from realm_tf.training.run_directory import RunDirectory, with_modules
from realm_tf.training.task import Listener, ModelSpec, Task


class RealmTask(Task):
  """Masked language modeling with documents retrieved from a corpus."""

  best_metric = 'retrieval_utility'

  def __init__(self, config: RealmConfig):
    self.config = config = with_modules(config)
    self.indexes = IndexDirectory(config.index_path)
    self.export_schedule = config.refresh_schedule
    self.evaluates = config.heldout_examples is not None
    self.fixed_shapes = config.fixed_length
    self.masking = config.part(MaskingConfig)
    self.featurization = config.part(FeaturizationConfig)
    self.bert, self.tokenizer = starts.warm_start(config)
    self.embedder_start = starts.find_embedder(
      config, lambda: (self.bert, self.tokenizer)
    )
    compatibility.check(
      compatibility.Part(config.bert, vocabulary=self.tokenizer.fingerprint),
      compatibility.Part(
        str(config.embedder),
        vocabulary=self.embedder_start.tokenizer.fingerprint,
      ),
    )
    compatibility.check_lengths(
      'this BERT',
      self.bert.config.max_positions,
      together=True,
      query_seq_len=config.query_seq_len,
      candidate_seq_len=config.candidate_seq_len,
    )
    self.corpus = Corpus.open(config.corpus_dir, tokenizer=self.tokenizer)
    self.slot = IndexSlot()
    self.finder = CandidateFinder(
      self.corpus,
      self.slot,
      num_candidates=config.num_candidates,
      oversample=config.oversample,
    )
    self.embedders = QueryEmbedders(self.embedder_start.make)
    self._modules: dict[str, hub_modules.HubModule] = {}

  def make_model(self) -> ModelSpec:
    config = self.config
    self._embedder = self.embedder_start.make()
    self._reader = KnowledgeAugmentedReader(self.bert.config, seed=config.seed)
    self._reader.init_from_bert(self.bert)
    self._hybrid = HybridScorer.of(config)
    retriever = Retriever(
      self._embedder,
      num_candidates=config.num_candidates,
      hybrid=self._hybrid,
    )
    model = RealmModel(retriever, self._reader)
    return ModelSpec(model, optimization.make_retrieval_groups(config, model))

  def _batches(
    self, masked: Iterable[Mapping[str, Any]], start: int
  ) -> ExampleGenerator:
    return ExampleGenerator(
      lambda: retrieved_batches(
        masked,
        start,
        finder=self.finder,
        tokenizer=self.tokenizer,
        config=self.featurization,
      ),
      self.config.batches_ahead,
    )

  def train_batches(self, start: int) -> ExampleGenerator:
    config = self.config
    masked = pretraining_examples.masked_queries(
      config.train_examples,
      self.tokenizer,
      self.masking,
      batch_size=config.batch_size,
      seed=config.seed,
      start_batch=start,
      shuffle_buffer=config.shuffle_buffer,
    )
    return self._batches(
      pretraining_examples.iterate(masked, config.train_examples), start
    )

  def eval_batches(self) -> ExampleGenerator:
    config = self.config
    assert config.heldout_examples is not None
    masked = pretraining_examples.masked_queries(
      config.heldout_examples,
      self.tokenizer,
      self.masking,
      batch_size=config.batch_size,
      seed=config.seed + 1,
      repeat=False,
    )
    masked = masked.take(config.eval_batches)
    return self._batches(
      pretraining_examples.iterate(masked, config.heldout_examples), 0
    )

  def export(self, directory: str, step: int) -> None:
    if not self._modules:
      reader = self._reader
      self._modules = {
        'embedder': hub_modules.EmbedderModule(
          self._embedder, self.tokenizer, hub_modules.lengths_of(self.config)
        ),
        'bert': hub_modules.BertModule(
          reader.bert_config, reader.encoder, reader.mlm_head, self.tokenizer
        ),
      }
    facts = {'embedder': HybridScorer.describe(self._hybrid)}
    for name, module in self._modules.items():
      path = os.path.join(directory, name)
      module.save(path, step, **facts.get(name, {}))

  def resume_settings(self) -> dict[str, Any]:
    config, shape = self.config, self.embedder_start.shape
    return {
      'bert': dataclasses.asdict(self.bert.config),
      'corpus_fingerprint': self.corpus.fingerprint,
      'embedder_bert': shape['bert_config'],
      'featurization': self.featurization.to_dict(),
      'form': shape['form'],
      'masking': self.masking.to_dict(),
      'oversample': config.oversample,
      'projection_size': shape['projection_size'],
      **config.retrieval_settings,
      'separate_towers': shape['separate_towers'],
      'shuffle_buffer': config.shuffle_buffer,
      'train_examples': config.train_examples,
      'vocab_fingerprint': self.tokenizer.fingerprint,
    }

  def load_index(self, path: str) -> IndexVersion:
    """Loads an index with the query embedder of its export."""
    # With the weights of its export, as the embedder.
    retrieval = RetrievalConfig(retrieval=self.config.retrieval)
    index = Index.open(path, self.corpus, retrieval=retrieval)
    embedder_dir = index.embedder_dir
    try:
      if embedder_dir is None:
        raise ValueError(
          f'{path} was published without its embedder: build it again'
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

  def make_builder(
    self,
  ) -> index_builder.BuilderThread | index_builder.BuilderProcess | None:
    """Makes the builder of the indexes; None if another program builds them."""
    config = self.config
    if config.index_builder == 'none':
      return None
    searcher = config.part(SearcherConfig)
    if config.index_builder == 'process':
      index_config = IndexConfig(
        corpus_dir=config.corpus_dir,
        index_dir=config.index_path,
        mixed_precision=config.mixed_precision,
        progress=False,
        candidate_seq_len=config.candidate_seq_len,
        retrieval='hybrid' if config.needs_words else 'dense',
        **searcher.to_dict(),
      )
      return index_builder.BuilderProcess(
        functools.partial(corpus_index.watch, index_config, config.model_dir)
      )
    indexer = corpus_index.CorpusIndexer(
      self.corpus,
      self.tokenizer,
      config.index_path,
      searcher=searcher,
      embedding_config=EmbeddingConfig(
        candidate_seq_len=config.candidate_seq_len,
        separate_candidate_segments=config.separate_candidate_segments,
      ),
      with_lexical=config.needs_words,
    )
    return index_builder.BuilderThread(
      index_builder.IndexBuilder(
        RunDirectory(config.model_dir).exports, self.indexes, indexer
      )
    )

  def listeners(self) -> Sequence[Listener]:
    run, steps = RunDirectory(self.config.model_dir), self.indexes.versions()
    if steps and not run.saved_checkpoints():
      raise ValueError(
        f'{self.indexes.path} has indexes already (of steps'
        f' {", ".join(map(str, steps))}), and {run.path} has no checkpoint, so'
        ' they are not of this run: remove them or give another `index_dir`'
      )
    return index_refresh.make_listeners(
      run.exports,
      self.indexes,
      self.slot,
      self.load_index,
      self.make_builder(),
    )

  def finish(self) -> None:
    # After an error, a restart continues the build. A builder in another
    # program goes on to the last export.
    if self.config.index_builder != 'none':
      self.indexes.remove_unfinished()

  def close(self) -> None:
    self.slot.close()


def pretrain(config: RealmConfig) -> dict[str, float]:
  """Pre-trains REALM: reader, query encoder and document encoder together.

  A call that was killed resumes when called again with the same configuration.

  Example:
    config = realm_tf.RealmConfig(
      model_dir='out/tiny_realm',
      corpus_dir='out/corpus',
      train_examples='out/spans/spans-*.tfrecord.gz',
      bert='BERT',
      train_steps=2,
      batch_size=4,
    )
    realm_tf.pretrain(config)

  Returns:
    The metrics of the last evaluation; empty without held-out examples.

  Raises:
    ValueError: The parts do not fit, or the run so far had other settings.
  """
  task = RealmTask(config)
  logging.info(
    '%s',
    pretraining_examples.describe_first_pool(
      config.train_examples, task.tokenizer, task.masking
    ),
  )
  return estimator.run_task(config, task)
