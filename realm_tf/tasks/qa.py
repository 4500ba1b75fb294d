# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Fine-tuning for open-domain question answering, as in ORQA and REALM."""

import dataclasses
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf.configs.qa_config import OpenQAConfig, QAConfig, QuestionConfig
from realm_tf.configs.refresh_schedule import RefreshSchedule
from realm_tf.configs.retrieval_config import RetrievalConfig
from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.hub import hub_modules, span_reader_module
from realm_tf.index import build_index
from realm_tf.index.index import Index
from realm_tf.index.slot import IndexSlot
from realm_tf.indexing import corpus_index, index_builder, index_refresh
from realm_tf.indexing.index_directory import IndexDirectory
from realm_tf.io import compatibility
from realm_tf.modeling.hybrid_scorer import HybridScorer
from realm_tf.modeling.open_qa import OpenQAModel
from realm_tf.questions import qa_datasets, questions
from realm_tf.tasks import question_batches, starts
from realm_tf.training import estimator, optimization
from realm_tf.training.run_directory import RunDirectory, with_modules
from realm_tf.training.task import Batch, Listener, ModelSpec, Task

BEST_METRIC = 'exact_match'


class QATask(Task):
  """Answers questions with spans of retrieved blocks."""

  best_metric = BEST_METRIC

  def __init__(self, config: QAConfig):
    self.config = config = with_modules(config)
    self.evaluates = config.dev_questions is not None
    self.fixed_shapes = config.fixed_length
    # Without a refresh, exports of step 0 and of the last step.
    self.export_schedule = config.refresh_schedule or RefreshSchedule(
      (0,), (config.train_steps,)
    )
    self.slot = IndexSlot()
    self._modules: dict[str, hub_modules.HubModule] = {}
    self.reader = starts.find_reader(
      bert=config.bert,
      span_reader=config.span_reader,
      max_span_width=config.max_span_width,
      span_hidden_size=config.span_hidden_size,
      dropout=config.dropout,
      seed=config.seed,
    )
    self.tokenizer = self.reader.tokenizer
    compatibility.check_lengths(
      'this BERT',
      self.reader.bert_config.max_positions,
      reader_seq_len=config.reader_seq_len,
    )
    self.documents = Corpus.open(config.corpus_dir, tokenizer=self.tokenizer)
    index = self.load_index(config.index_dir)
    self.index_metadata = index.metadata
    try:
      self.embedder_dir = starts.find_query_embedder(
        config.embedder,
        config.span_reader,
        index,
        self.tokenizer,
        refreshed=config.refresh_schedule is not None,
      )
      read = functools.partial(
        qa_datasets.read_dataset,
        format=config.format,
        is_regex=config.is_regex,
        strict=config.strict,
      )
      train = questions.Questions(
        read(config.train_questions, field='train_questions').examples,
        self.tokenizer,
      )
      self.train = question_batches.QuestionFeatures(
        train,
        self.documents,
        self.tokenizer,
        config.part(QuestionConfig),
        needs_gold=config.add_gold or config.has_gold_loss,
      )
      self.dev: question_batches.QuestionFeatures | None = None
      if config.dev_questions is not None:
        dev = read(config.dev_questions, field='dev_questions').examples
        self.dev = question_batches.QuestionFeatures(
          questions.Questions(dev[: config.eval_questions], self.tokenizer),
          self.documents,
          self.tokenizer,
          # Gold blocks would not be known when answering.
          dataclasses.replace(config.part(QuestionConfig), add_gold=False),
        )
    except BaseException:
      index.close()
      raise
    # A refresh makes its own from the first export.
    if config.refresh_schedule is None:
      self.slot.swap(index)
    else:
      index.close()

  def load_index(self, path: str) -> Index:
    """Loads a version of the index."""
    return Index.open(
      path, self.documents, retrieval=self.config.part(RetrievalConfig)
    )

  def make_model(self) -> ModelSpec:
    config = self.config
    self._embedder = hub_modules.load_embedder(
      self.embedder_dir, dropout=config.dropout
    )
    self._reader = self.reader.make()
    self._hybrid = HybridScorer.of(config)
    model = OpenQAModel(
      self._embedder, self._reader, config.part(OpenQAConfig), self._hybrid
    )
    self.embed_queries: Callable[..., Any] = tf.function(
      self._embedder.embed_queries, reduce_retracing=True, autograph=False
    )
    return ModelSpec(model, optimization.make_retrieval_groups(config, model))

  def export(self, directory: str, step: int) -> None:
    if not self._modules:
      self._modules = {
        'embedder': hub_modules.EmbedderModule(self._embedder, self.tokenizer),
        'span_reader': span_reader_module.SpanReaderModule(
          self._reader,
          self.tokenizer,
          query_seq_len=self.config.query_seq_len,
          reader_seq_len=self.config.reader_seq_len,
          document_embedder_fingerprint=self.index_metadata.embedder_fingerprint,
        ),
      }
    embedder_dir = os.path.join(directory, 'embedder')
    self._modules['embedder'].save(
      embedder_dir, step, **HybridScorer.describe(self._hybrid)
    )
    its = self.index_metadata.embedder_fingerprint
    if self.config.refresh_schedule is not None:
      # The index of this export is made by the embedder just written.
      its = build_index.fingerprint_embedder(embedder_dir)
    self._modules['span_reader'].save(
      os.path.join(directory, 'span_reader'),
      step,
      document_embedder_fingerprint=its,
    )

  def _batches(
    self,
    numbers: Iterator[np.ndarray],
    start: int,
    features: question_batches.QuestionFeatures,
  ) -> Iterator[Batch]:
    return question_batches.question_batches(
      numbers,
      start,
      features=features,
      embed_queries=lambda inputs: self.embed_queries(inputs),
      slot=self.slot,
      is_refreshed=self.config.refresh_schedule is not None,
      weights=lambda: self._hybrid and self._hybrid.weights_now(),
    )

  def train_batches(self, start: int) -> Iterator[Batch]:
    config = self.config
    numbers = questions.shuffled_rows(
      len(self.train.questions),
      config.batch_size,
      seed=config.seed,
      start_batch=start,
    )
    return self._batches(numbers, start, self.train)

  def eval_batches(self) -> Iterator[Batch]:
    assert self.dev is not None
    numbers = questions.ordered_rows(
      len(self.dev.questions), self.config.batch_size
    )
    return self._batches(numbers, 0, self.dev)

  def listeners(self) -> Sequence[Listener]:
    config = self.config
    if config.refresh_schedule is None:
      return []
    run = RunDirectory(config.model_dir)
    indexes = IndexDirectory(os.path.join(run.path, 'index'))
    indexer = corpus_index.CorpusIndexer(
      self.documents,
      self.tokenizer,
      indexes.path,
      searcher=config.part(SearcherConfig),
      embedding_config=starts.refreshed_embedding(
        self.embedder_dir, config.candidate_seq_len, self.index_metadata
      ),
      with_lexical=config.needs_words,
    )
    builder = index_builder.IndexBuilder(run.exports, indexes, indexer)
    return index_refresh.make_listeners(
      run.exports,
      indexes,
      self.slot,
      self.load_index,
      index_builder.BuilderThread(builder),
    )

  def resume_settings(self) -> dict[str, Any]:
    """Settings that a restart must share with the run."""
    config = self.config
    return {
      'bert': dataclasses.asdict(self.reader.bert_config),
      'corpus_fingerprint': self.documents.fingerprint,
      'document_embedder': self.index_metadata.embedder_fingerprint,
      'max_span_width': config.max_span_width,
      'model': dataclasses.asdict(config.part(OpenQAConfig)),
      'num_questions': len(self.train.questions),
      'questions': dataclasses.asdict(config.part(QuestionConfig)),
      'refreshed': config.refresh_schedule is not None,
      **config.retrieval_settings,
      'span_hidden_size': self.reader.span_hidden_size,
      'train_questions': config.train_questions,
      'vocab_fingerprint': self.tokenizer.fingerprint,
    }

  def close(self) -> None:
    self.slot.close()


def finetune(config: QAConfig) -> dict[str, float]:
  """Fine-tunes a pre-trained REALM for open-domain question answering.

  A call that was killed resumes when called again with the same configuration.

  Example:
    config = realm_tf.QAConfig(
      model_dir='out/tiny_qa',
      corpus_dir='out/corpus',
      index_dir='out/index',
      bert='BERT',
      train_questions='train.jsonl',
      dev_questions='dev.jsonl',
      train_steps=2,
    )
    exact_match = realm_tf.finetune(config)['exact_match']

  Returns:
    The metrics of the last evaluation; empty without `dev_questions`.

  Raises:
    ValueError: The parts do not fit, or the run so far had other settings.
  """
  task = QATask(config)
  return estimator.run_task(config, task)
