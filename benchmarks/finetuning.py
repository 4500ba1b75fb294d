# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How long a step of question answering takes, from question to update."""

import statistics
import time
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.indexes import random_index
from benchmarks.material import Material, cut_documents
from benchmarks.pipeline import DIM, bert_config, step_trainer
from realm_tf.bert import precision
from realm_tf.configs.qa_config import QuestionConfig
from realm_tf.index.slot import IndexSlot
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.open_qa import OpenQAModel
from realm_tf.modeling.span_reader import SpanReader
from realm_tf.questions.qa_datasets import QaExample
from realm_tf.questions.questions import Questions, shuffled_rows
from realm_tf.tasks.question_batches import QuestionFeatures, question_batches

_WORDS = 12


def _examples(material: Material, count: int) -> list[QaExample]:
  """Words of texts as questions, and words of the same texts as answers."""
  examples = []
  for document in cut_documents(material.queries, count, 2 * _WORDS):
    words = document.text.split()
    question = ' '.join(words[:_WORDS])
    examples.append(QaExample(question, (max(words, key=len), words[-1])))
  return examples


def finetuning(
  material: Material,
  *,
  preset: str,
  retriever_beam: int = 5000,
  batch_size: int = 1,
  questions: int = 200,
  warmup: int = 8,
  steps: int = 40,
  mixed_precision: bool = False,
) -> dict[str, Any]:
  """Trains for some steps: embedding, search, matching, reading, update.

  Returns:
    `question_seconds`: the median step over the questions in it, with the
    best and the worst; `blocks`, and their `mean_wordpieces_of_block`;
    `answer_in_beam`, the share of questions with something to learn.
  """
  tokenizer = material.tokenizer()
  documents = material.corpus()
  ends: list[float] = []
  with precision.mixed_precision_scope(mixed_precision):
    bert = bert_config(preset, tokenizer)
    embedder = Embedder(bert, DIM)
    trainer, _ = step_trainer(
      OpenQAModel(embedder, SpanReader(bert)),
      lambda: ends.append(time.perf_counter()),
    )
    features = QuestionFeatures(
      Questions(_examples(material, questions), tokenizer),
      documents,
      tokenizer,
      QuestionConfig(
        retriever_beam=retriever_beam, reader_beam=5, reader_seq_len=320
      ),
    )
    slot = IndexSlot(random_index(documents, 'auto', DIM))
    trainer.batches = question_batches(
      shuffled_rows(questions, batch_size, seed=0),
      0,
      features=features,
      embed_queries=tf.function(embedder.embed_queries, reduce_retracing=True),
      slot=slot,
    )
    trainer.train(tf.constant(warmup))
    ends[:] = [time.perf_counter()]
    metrics = trainer.train(tf.constant(steps))
    slot.close()
  seconds = np.diff(ends) / batch_size
  return {
    'question_seconds': statistics.median(seconds),
    'question_seconds_best': float(seconds.min()),
    'question_seconds_worst': float(seconds.max()),
    'batch_size': batch_size,
    'blocks': len(documents),
    'mean_wordpieces_of_block': float(np.mean(documents.body_lengths)),
    'answer_in_beam': metrics['answer_in_beam'],
    'loss': metrics['loss'],
  }
