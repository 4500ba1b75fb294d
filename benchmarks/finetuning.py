# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How long a step of question answering takes, from question to update."""

import dataclasses
import itertools
import statistics
import time
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.indexes import random_index
from benchmarks.material import Material, cut_documents
from benchmarks.pipeline import VOCAB_SIZE
from realm_tf.bert import precision
from realm_tf.bert.bert_config import BertConfig
from realm_tf.index.slot import IndexSlot
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.open_qa import OpenQAModel
from realm_tf.modeling.span_reader import SpanReader
from realm_tf.questions.qa_datasets import QaExample
from realm_tf.questions.questions import Questions, shuffled_rows
from realm_tf.tasks.question_batches import (
  QuestionConfig,
  QuestionFeatures,
  question_batches,
)
from realm_tf.training import optimization, run_config, trainer

_WORDS = 12
_DIM = 128


@dataclasses.dataclass(frozen=True)
class Settings:
  """What is measured.

  Attributes:
    preset: Of BERT, for questions and reader.
    searcher: Kind of the index.
    retriever_beam: Blocks in the retriever's loss.
    reader_beam: Blocks that are read.
    reader_seq_len: Wordpieces of a question with a block at most.
    batch_size: Questions of a step.
    questions: Different ones.
    warmup: Steps that are not counted.
    steps: Steps that are.
    mixed_precision: Compute in bfloat16.
  """

  preset: str = 'tiny'
  searcher: str = 'auto'
  retriever_beam: int = 5000
  reader_beam: int = 5
  reader_seq_len: int = 320
  batch_size: int = 1
  questions: int = 200
  warmup: int = 8
  steps: int = 40
  mixed_precision: bool = False


def _examples(settings: Settings, material: Material) -> list[QaExample]:
  """Words of texts as questions, and words of the same texts as answers."""
  texts = cut_documents(material.queries, settings.questions, 2 * _WORDS)
  examples = []
  for document in texts:
    words = document.text.split()
    question = ' '.join(words[:_WORDS])
    examples.append(QaExample(question, (max(words, key=len), words[-1])))
  return examples


def _make_trainer(
  settings: Settings, embedder: Embedder, bert: BertConfig, ends: list[float]
) -> trainer.StepTrainer:
  model = OpenQAModel(embedder, SpanReader(bert))
  groups = [
    run_config.OptimizerGroup(
      optimization.create_optimizer(1e-5, 1000, 100), variables
    )
    for variables in (model.reader_variables, model.embedder_variables)
  ]

  def counter() -> tf.Variable:
    return tf.Variable(0, dtype=tf.int64, trainable=False)

  return trainer.StepTrainer(
    run_config.ModelSpec(model, groups),
    strategy=tf.distribute.get_strategy(),
    global_step=counter(),
    next_batch=counter(),
    index_step=counter(),
    on_step=lambda: ends.append(time.perf_counter()),
  )


def measure(settings: Settings, material: Material) -> dict[str, Any]:
  """Trains for some steps: embedding, search, matching, reading, update.

  Returns:
    `question_seconds`: the median step over the questions in it, with the
      best and the worst; `blocks`, and of them `mean_wordpieces_of_block`;
      `answer_in_beam`, the share of questions with something to learn.
  """
  tokenizer = material.tokenizer()
  documents = material.corpus()
  with precision.mixed_precision_scope(settings.mixed_precision):
    bert = BertConfig.preset(
      settings.preset, vocab_size=max(VOCAB_SIZE, tokenizer.vocab_size)
    )
    embedder = Embedder(bert, _DIM)
    ends: list[float] = []
    step_trainer = _make_trainer(settings, embedder, bert, ends)
    features = QuestionFeatures(
      Questions(_examples(settings, material), tokenizer),
      documents,
      tokenizer,
      QuestionConfig(
        retriever_beam=settings.retriever_beam,
        reader_beam=settings.reader_beam,
        reader_seq_len=settings.reader_seq_len,
      ),
    )
    slot = IndexSlot(
      random_index(documents, settings.searcher, tokenizer.fingerprint, _DIM)
    )
    step_trainer.batches = question_batches(
      shuffled_rows(settings.questions, settings.batch_size, seed=0),
      0,
      features=features,
      embed_queries=tf.function(embedder.embed_queries, reduce_retracing=True),
      slot=slot,
    )
    step_trainer.train(tf.constant(settings.warmup))
    ends[:] = [time.perf_counter()]
    metrics = step_trainer.train(tf.constant(settings.steps))
    slot.close()
  seconds = [
    (end - start) / settings.batch_size
    for start, end in itertools.pairwise(ends)
  ]
  return {
    'question_seconds': statistics.median(seconds),
    'question_seconds_best': min(seconds),
    'question_seconds_worst': max(seconds),
    'batch_size': settings.batch_size,
    'blocks': len(documents),
    'mean_wordpieces_of_block': float(np.mean(documents.body_lengths)),
    'answer_in_beam': metrics['answer_in_beam'],
    'loss': metrics['loss'],
  }
