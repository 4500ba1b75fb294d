# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The parts of a pre-training with random weights, put together."""

import contextlib
import dataclasses
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from benchmarks.material import Material
from realm_tf.bert import precision
from realm_tf.bert.bert_config import BertConfig
from realm_tf.configs.masking_config import FeaturizationConfig, MaskingConfig
from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.index import searcher, versions
from realm_tf.index.candidates import (
  CandidateFinder,
  IndexVersion,
  QueryEmbedders,
)
from realm_tf.index.slot import IndexSlot
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.reader import KnowledgeAugmentedReader
from realm_tf.modeling.realm_model import RealmModel
from realm_tf.modeling.retriever import Retriever
from realm_tf.spans import pretraining_examples
from realm_tf.tasks.retrieved_examples import retrieved_batches
from realm_tf.training import checkpoints, optimization, run_config
from realm_tf.training.example_generation import ExampleGenerator
from realm_tf.training.trainer import StepTrainer

# Of the vocabulary that everybody measures with: it decides what the layer
# over wordpieces costs.
VOCAB_SIZE = 30522
_TRAIN_STEPS = 100_000


@dataclasses.dataclass(frozen=True)
class PipelineConfig:
  """Sizes; the defaults are the launcher's of the original.

  Attributes:
    preset: Of BERT.
    batch_size: Sentences.
    num_candidates: Corpus a sentence, with the null document.
    query_seq_len: Wordpieces of a sentence at most.
    candidate_seq_len: Wordpieces of a document at most.
    max_masks: Wordpieces predicted at most.
    projection_size: Of an embedding.
    mixed_precision: Compute in bfloat16.
  """

  preset: str = 'tiny'
  batch_size: int = 4
  num_candidates: int = 8
  query_seq_len: int = 96
  candidate_seq_len: int = 288
  max_masks: int = 10
  projection_size: int = 128
  mixed_precision: bool = False


class Pipeline:
  """Corpus, embedder, index and batches; and, if asked, a trainer.

  Attributes:
    config: Sizes.
    tokenizer: Of the material.
    documents: The corpus.
    bert_config: Of all encoders.
    embedder: The fresh one.
    slot: Empty at first.
    finder: Searches the index in the slot.
  """

  def __init__(self, config: PipelineConfig, material: Material):
    """Opens the corpus and makes the embedder."""
    self.config = config
    self.tokenizer = material.tokenizer()
    self.documents: Corpus = material.corpus()
    self._spans = material.spans()
    # Until it is closed: the trainer is made later.
    self._precision = contextlib.ExitStack()
    self._precision.enter_context(
      precision.mixed_precision_scope(config.mixed_precision)
    )
    self.bert_config = BertConfig.preset(
      config.preset, vocab_size=max(VOCAB_SIZE, self.tokenizer.vocab_size)
    )
    self.featurization = FeaturizationConfig(
      query_seq_len=config.query_seq_len,
      candidate_seq_len=config.candidate_seq_len,
      num_candidates=config.num_candidates,
      max_masks=config.max_masks,
    )
    self.slot = IndexSlot()
    self.embedder = self.make_embedder()
    self.finder = CandidateFinder(
      self.documents, self.slot, num_candidates=config.num_candidates
    )
    self.query_embedders = QueryEmbedders(self.make_embedder)

  def make_embedder(self) -> Embedder:
    """A new one; all have the same weights."""
    return Embedder(self.bert_config, self.config.projection_size)

  def use_random_index(self) -> None:
    """Puts an exact index over random vectors into the slot.

    Exact search, and all that comes after it, takes no less time for these
    than for true embeddings.
    """
    shape = (len(self.documents), self.config.projection_size)
    vectors = np.random.default_rng(0).standard_normal(shape, np.float32)
    config = SearcherConfig(searcher='exact')
    metadata = versions.IndexMetadata(
      step=0,
      num_documents=shape[0],
      dim=shape[1],
      kind='exact',
      corpus_fingerprint=self.documents.fingerprint,
      vocab_fingerprint=self.tokenizer.fingerprint,
      embedder_fingerprint='random',
      searcher=config,
      built_at=time.time(),
    )
    index = versions.Index(
      '', searcher.build_searcher(vectors, config), metadata, vectors
    )
    self.slot.swap(self.version_of(index, lambda embedder: None))

  def version_of(
    self, index: versions.Index, read_weights: Callable[[Embedder], None]
  ) -> IndexVersion:
    """Joins an index with a query embedder."""
    return self.query_embedders.version(index, read_weights)

  def masked_queries(
    self, batch_size: int | None = None, start: int = 0
  ) -> tf.data.Dataset:
    """Masked sentences, for ever."""
    return pretraining_examples.masked_queries(
      self._spans,
      self.tokenizer,
      MaskingConfig(
        max_masks=self.config.max_masks,
        query_seq_len=self.config.query_seq_len,
      ),
      batch_size=batch_size or self.config.batch_size,
      seed=0,
      start_batch=start,
    )

  def batches(
    self, batch_size: int | None = None, *, ahead: int = 2
  ) -> ExampleGenerator:
    """Batches with their documents, made in the background, for ever."""
    return ExampleGenerator(
      lambda: retrieved_batches(
        self.masked_queries(batch_size),
        0,
        finder=self.finder,
        tokenizer=self.tokenizer,
        config=self.featurization,
      ),
      ahead,
    )

  def make_trainer(
    self, on_step: Callable[[], None]
  ) -> tuple[StepTrainer, checkpoints.TrainingState]:
    """Reader, model, optimizers and the loop around them.

    Args:
      on_step: Called after each step.

    Returns:
      The trainer, whose `batches` are to be set, and its counters.
    """
    model = RealmModel(
      Retriever(self.embedder, num_candidates=self.config.num_candidates),
      KnowledgeAugmentedReader(self.bert_config),
    )
    groups = [
      run_config.OptimizerGroup(
        optimization.create_optimizer(1e-5, _TRAIN_STEPS), variables
      )
      for variables in (model.reader_variables, model.embedder_variables)
    ]
    state = checkpoints.TrainingState()
    trainer = StepTrainer(
      run_config.ModelSpec(model, groups),
      strategy=tf.distribute.get_strategy(),
      global_step=state.step,
      next_batch=state.next_batch,
      index_step=state.index_step,
      on_step=on_step,
    )
    return trainer, state

  def close(self) -> None:
    """Frees the index, and undoes the global settings."""
    self.slot.close()
    self._precision.close()
