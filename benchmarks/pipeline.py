# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The parts of a pre-training with random weights, put together."""

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from benchmarks.indexes import random_index
from benchmarks.material import Material
from realm_tf.bert import precision
from realm_tf.bert.bert_config import BertConfig
from realm_tf.configs.masking_config import FeaturizationConfig, MaskingConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.index.candidates import (
  CandidateFinder,
  IndexVersion,
  QueryEmbedders,
)
from realm_tf.index.index import Index
from realm_tf.index.slot import IndexSlot
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.reader import KnowledgeAugmentedReader
from realm_tf.modeling.realm_model import RealmModel
from realm_tf.modeling.retriever import Retriever
from realm_tf.spans import pretraining_examples
from realm_tf.tasks.retrieved_examples import retrieved_batches
from realm_tf.text.tokenizer import BertTokenizer
from realm_tf.training import checkpoints, optimization, task
from realm_tf.training.example_generation import ExampleGenerator
from realm_tf.training.trainer import StepTrainer

# Dimensions of an embedding.
DIM = 128
# Everybody measures with BERT's vocabulary; its size decides what the layer
# over wordpieces costs.
VOCAB_SIZE = 30522
_TRAIN_STEPS = 100_000


def bert_config(preset: str, tokenizer: BertTokenizer) -> BertConfig:
  """A BERT with at least `VOCAB_SIZE` wordpieces."""
  vocab_size = max(VOCAB_SIZE, tokenizer.vocab_size)
  return BertConfig.preset(preset, vocab_size=vocab_size)


def step_trainer(
  model: Any, on_step: Callable[[], None]
) -> tuple[StepTrainer, checkpoints.TrainingState]:
  """Optimizers of a model and the loop around it.

  Args:
    model: Model with reader and embedder.
    on_step: Called after each step.

  Returns:
    The trainer, whose `batches` are to be set, and its counters.
  """
  groups = [
    task.OptimizerGroup(
      optimization.create_optimizer(1e-5, _TRAIN_STEPS), variables
    )
    for variables in (model.reader_variables, model.embedder_variables)
  ]
  state = checkpoints.TrainingState()
  trainer = StepTrainer(
    task.ModelSpec(model, groups),
    strategy=tf.distribute.get_strategy(),
    global_step=state.step,
    next_batch=state.next_batch,
    index_step=state.index_step,
    on_step=on_step,
  )
  return trainer, state


@dataclasses.dataclass(frozen=True)
class PipelineConfig:
  """Sizes; the defaults are the original launcher's.

  Attributes:
    preset: Preset of BERT.
    batch_size: Sentences per step.
    num_candidates: Documents per sentence, the null document included.
    query_seq_len: Maximum wordpieces of a sentence.
    candidate_seq_len: Maximum wordpieces of a document.
    max_masks: Maximum wordpieces predicted.
    mixed_precision: Whether to compute in bfloat16.
  """

  preset: str = 'tiny'
  batch_size: int = 4
  num_candidates: int = 8
  query_seq_len: int = 96
  candidate_seq_len: int = 288
  max_masks: int = 10
  mixed_precision: bool = False


class Pipeline(contextlib.ExitStack):
  """Corpus, embedder, index and batches; and, if asked, a trainer.

  A context: at its end the index is freed and global settings are undone.

  Attributes:
    config: Sizes.
    tokenizer: Tokenizer of the material.
    documents: The corpus.
    embedder: The current one.
    slot: Empty at first.
    finder: Searches the index in the slot.
    query_embedders: Makes query embedders for indexes.
  """

  def __init__(self, config: PipelineConfig, material: Material):
    """Opens the corpus and makes the embedder."""
    super().__init__()
    self.config = config
    self.tokenizer = material.tokenizer()
    self.documents: Corpus = material.corpus()
    self._spans = material.spans()
    # Until the end: the trainer is made later.
    self.enter_context(precision.mixed_precision_scope(config.mixed_precision))
    self.bert_config = bert_config(config.preset, self.tokenizer)
    self.slot = IndexSlot()
    self.callback(self.slot.close)
    self.embedder = self._make_embedder()
    self.finder = CandidateFinder(
      self.documents, self.slot, num_candidates=config.num_candidates
    )
    self.query_embedders = QueryEmbedders(self._make_embedder)

  def _make_embedder(self) -> Embedder:
    """A new one; all have the same weights."""
    return Embedder(self.bert_config, DIM)

  def use_random_index(self) -> None:
    """Puts an exact index over random vectors into the slot.

    Exact search, and all that comes after it, takes no less time for these
    than for true embeddings.
    """
    index = random_index(self.documents, 'exact', DIM)
    self.slot.swap(self.version_of(index, lambda embedder: None))

  def version_of(
    self, index: Index, read_weights: Callable[[Embedder], None]
  ) -> IndexVersion:
    """Joins an index with a query embedder."""
    return self.query_embedders.version(index, read_weights)

  def masked_queries(self, batch_size: int | None = None) -> tf.data.Dataset:
    """Masked sentences, forever."""
    return pretraining_examples.masked_queries(
      self._spans,
      self.tokenizer,
      MaskingConfig(
        max_masks=self.config.max_masks,
        query_seq_len=self.config.query_seq_len,
      ),
      batch_size=batch_size or self.config.batch_size,
      seed=0,
    )

  def batches(self, batch_size: int | None = None) -> ExampleGenerator:
    """Batches with their documents, made in the background, forever."""
    config = FeaturizationConfig(
      query_seq_len=self.config.query_seq_len,
      candidate_seq_len=self.config.candidate_seq_len,
      num_candidates=self.config.num_candidates,
      max_masks=self.config.max_masks,
    )
    return ExampleGenerator(
      lambda: retrieved_batches(
        self.masked_queries(batch_size),
        0,
        finder=self.finder,
        tokenizer=self.tokenizer,
        config=config,
      ),
      2,
    )

  def make_trainer(
    self, on_step: Callable[[], None]
  ) -> tuple[StepTrainer, checkpoints.TrainingState]:
    """`step_trainer` of reader and retriever."""
    model = RealmModel(
      Retriever(self.embedder, num_candidates=self.config.num_candidates),
      KnowledgeAugmentedReader(self.bert_config),
    )
    return step_trainer(model, on_step)
