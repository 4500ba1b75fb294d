# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Pre-training of the embedder by the inverse cloze task."""

import os
from typing import Any

from realm_tf.configs.ict_config import IctConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.hub import hub_modules
from realm_tf.io import compatibility
from realm_tf.modeling.ict_model import ICTModel
from realm_tf.questions import block_questions, qa_datasets
from realm_tf.tasks import ict_examples, starts
from realm_tf.text.tokenizer import BertTokenizer
from realm_tf.training import estimator, optimization
from realm_tf.training.example_generation import ExampleGenerator
from realm_tf.training.run_directory import with_modules
from realm_tf.training.task import ModelSpec, Task, numbered

_AHEAD = 4


def _read_questions(
  config: IctConfig, documents: Corpus, tokenizer: BertTokenizer
) -> block_questions.BlockQuestions | None:
  """Reads the questions to train on, by document.

  Raises:
    CorpusError: No question has a known document.
  """
  if config.questions is None:
    return None
  dataset = qa_datasets.read_dataset(
    config.questions, format=config.format, field='questions'
  )
  return block_questions.find_blocks(dataset.examples, documents, tokenizer)


class IctTask(Task):
  """Trains an embedder to find the document of a sentence or a question."""

  def __init__(self, config: IctConfig):
    self.config = config = with_modules(config)
    self.export_schedule = config.export_schedule
    self.evaluates = config.eval_batches > 0
    self._start = starts.find_embedder(
      config, lambda: starts.warm_start(config, with_mlm_head=False)
    )
    self._tokenizer = self._start.tokenizer
    compatibility.check_lengths(
      'this BERT',
      self._start.shape['bert_config']['max_positions'],
      query_seq_len=config.query_seq_len,
      candidate_seq_len=config.candidate_seq_len,
    )
    self._corpus = Corpus.open(config.corpus_dir, tokenizer=self._tokenizer)
    self._questions = _read_questions(config, self._corpus, self._tokenizer)
    self._module: hub_modules.EmbedderModule | None = None

  def make_model(self) -> ModelSpec:
    self._embedder = self._start.make()
    model = ICTModel(self._embedder)
    groups = optimization.make_groups(self.config, model.trainable_variables)
    return ModelSpec(model, groups)

  def _batches(
    self,
    seed: int,
    start: int,
    limit: int,
    questions: block_questions.BlockQuestions | None,
  ) -> ExampleGenerator:
    config = self.config
    dataset = ict_examples.ict_dataset(
      self._corpus,
      self._tokenizer,
      batch_size=config.batch_size,
      seed=seed,
      start_batch=start,
      query_seq_len=config.query_seq_len,
      candidate_seq_len=config.candidate_seq_len,
      mask_rate=config.mask_rate,
      questions=questions,
      question_rate=config.question_rate,
    ).take(limit)
    features = (
      {key: batch[key] for key in ('query', 'document')} for batch in dataset
    )
    return ExampleGenerator(lambda: numbered(features, start), _AHEAD)

  def train_batches(self, start: int) -> ExampleGenerator:
    return self._batches(self.config.seed, start, -1, self._questions)

  def eval_batches(self) -> ExampleGenerator:
    config = self.config
    return self._batches(config.seed + 1, 0, config.eval_batches, None)

  def export(self, directory: str, step: int) -> None:
    if self._module is None:
      self._module = hub_modules.EmbedderModule(
        self._embedder, self._tokenizer, hub_modules.lengths_of(self.config)
      )
    self._module.save(os.path.join(directory, 'embedder'), step)

  def resume_settings(self) -> dict[str, Any]:
    config, questions = self.config, self._questions
    return {
      'bert': self._start.shape['bert_config'],
      'candidate_seq_len': config.candidate_seq_len,
      'corpus_fingerprint': self._corpus.fingerprint,
      'form': self._start.shape['form'],
      'mask_rate': config.mask_rate,
      'num_questions': questions and questions.num_questions,
      'projection_size': self._start.shape['projection_size'],
      'query_seq_len': config.query_seq_len,
      'questions': config.questions,
      'questions_fingerprint': questions and questions.fingerprint,
      'question_rate': questions and config.question_rate,
      'separate_towers': self._start.shape['separate_towers'],
      'vocab_fingerprint': self._tokenizer.fingerprint,
    }


def pretrain(config: IctConfig) -> dict[str, float]:
  """Trains an embedder by the inverse cloze task.

  A call that was killed resumes when called again with the same configuration.

  Example:
    config = realm_tf.IctConfig(
      model_dir='out/tiny_ict',
      corpus_dir='out/corpus',
      bert='BERT',
      train_steps=2,
      batch_size=4,
    )
    accuracy = realm_tf.pretrain_ict(config)['accuracy']

  Returns:
    The metrics of the last evaluation, on other sentences of the corpus.
  """
  return estimator.run_task(config, IctTask(config))
