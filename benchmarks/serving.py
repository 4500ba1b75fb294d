# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How long an answer takes, from string to string."""

import dataclasses
import os
import shutil
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks import timing
from benchmarks.indexes import random_index
from benchmarks.material import Material, cut_documents
from benchmarks.pipeline import VOCAB_SIZE
from realm_tf.answering import serving
from realm_tf.answering.answerer import Answerer
from realm_tf.bert import precision
from realm_tf.bert.bert_config import BertConfig
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.span_reader import SpanReader

NEEDS_WORK_DIR = True

_WORDS = 10
_DIM = 128


@dataclasses.dataclass(frozen=True)
class Settings:
  """What is measured.

  Attributes:
    preset: Of BERT, for questions and reader.
    searcher: Kind of the index; `auto` takes ScaNN for 20,000 blocks and more.
    reader_beam: Blocks read for a question.
    query_seq_len: Wordpieces of a question at most.
    reader_seq_len: Wordpieces of a question with a block at most.
    batch_size: Questions asked together, when they are.
    questions: Asked; a multiple of `batch_size`.
    repeats: Times all are asked in batches.
    mixed_precision: Compute in bfloat16.
  """

  preset: str = 'tiny'
  searcher: str = 'auto'
  reader_beam: int = 5
  query_seq_len: int = 64
  reader_seq_len: int = 320
  batch_size: int = 16
  questions: int = 64
  repeats: int = 3
  mixed_precision: bool = False

  def __post_init__(self):
    if self.questions % self.batch_size:
      raise ValueError(
        'questions must be a multiple of batch_size. Received:'
        f' questions={self.questions}, batch_size={self.batch_size}'
      )


def _export(
  settings: Settings, material: Material, directory: str
) -> dict[str, Any]:
  """Writes the SavedModel of random weights; returns what it is of."""
  tokenizer = material.tokenizer()
  documents = material.corpus()
  bert = BertConfig.preset(
    settings.preset, vocab_size=max(VOCAB_SIZE, tokenizer.vocab_size)
  )
  index = random_index(
    documents, settings.searcher, tokenizer.fingerprint, _DIM
  )
  start = time.perf_counter()
  with precision.mixed_precision_scope(settings.mixed_precision):
    embedder, reader = Embedder(bert, _DIM), SpanReader(bert)
  answerer = Answerer(
    embedder,
    reader,
    tokenizer,
    documents,
    index,
    query_seq_len=settings.query_seq_len,
    reader_seq_len=settings.reader_seq_len,
  )
  serving.export_serving(answerer, directory, reader_beam=settings.reader_beam)
  seconds = time.perf_counter() - start
  answerer.close()
  return {
    'export_seconds': seconds,
    'blocks': len(documents),
    'mean_wordpieces_of_block': float(np.mean(documents.body_lengths)),
    'searcher': index.metadata.kind,
  }


def _questions(settings: Settings, material: Material) -> list[str]:
  """The first words of texts that tell what the blocks tell."""
  texts = cut_documents(material.queries, settings.questions, _WORDS)
  return [f'{document.text}?' for document in texts]


def _time_each(
  answer: Callable[[Sequence[str]], object], questions: Sequence[str]
) -> list[float]:
  seconds = []
  for question in questions:
    start = time.perf_counter()
    answer([question])
    seconds.append(time.perf_counter() - start)
  return seconds


def measure(
  settings: Settings, material: Material, work_dir: str
) -> dict[str, Any]:
  """Exports a model with random weights, loads it and asks it.

  Returns:
    `answer_milliseconds`: the median of questions asked one by one, with the
      95th percentile beside it; `questions_per_second` in batches, and
      `batch_speed_up`, by how much that is more than one by one;
      `load_seconds`, `first_answer_seconds` after it, and
      `saved_model_megabytes`.
  """
  directory = os.path.join(work_dir, 'serving')
  facts = _export(settings, material, directory)
  size = sum(
    os.path.getsize(os.path.join(root, name))
    for root, _, names in os.walk(directory)
    for name in names
  )
  start = time.perf_counter()
  model = tf.saved_model.load(directory)
  loaded = time.perf_counter()

  def answer(questions: Sequence[str]) -> np.ndarray:
    return model.answer(tf.constant(questions))['answer'].numpy()

  questions = _questions(settings, material)
  answer(questions[:1])
  first = time.perf_counter()
  _time_each(answer, questions[: min(8, len(questions))])
  alone = _time_each(answer, questions)
  count = settings.batch_size

  def ask_in_batches() -> None:
    for i in range(0, len(questions), count):
      answer(questions[i : i + count])

  together = timing.time_repeats(ask_in_batches, settings.repeats)
  rates = timing.rate(len(questions), together, 'questions')
  shutil.rmtree(work_dir)
  one_by_one = len(questions) / sum(alone)
  return {
    **facts,
    **rates,
    'answer_milliseconds': 1000 * statistics.median(alone),
    'answer_milliseconds_p95': 1000 * float(np.quantile(alone, 0.95)),
    'one_by_one_questions_per_second': one_by_one,
    'batch_speed_up': rates['questions_per_second'] / one_by_one,
    'load_seconds': loaded - start,
    'first_answer_seconds': first - loaded,
    'saved_model_megabytes': size / 1e6,
  }
