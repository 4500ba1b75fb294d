# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How long an answer takes, from string to string."""

import os
import pathlib
import shutil
import statistics
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks import timing
from benchmarks.indexes import random_index
from benchmarks.material import Material, cut_documents
from benchmarks.pipeline import DIM, bert_config
from realm_tf.answering import serving as serving_lib
from realm_tf.answering.answerer import Answerer
from realm_tf.bert import precision
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.span_reader import SpanReader

_WORDS = 10


def _export(
  material: Material, directory: str, preset: str, mixed_precision: bool
) -> dict[str, Any]:
  """Writes the SavedModel; nothing of what it is made from stays in memory."""
  tokenizer = material.tokenizer()
  documents = material.corpus()
  bert = bert_config(preset, tokenizer)
  index = random_index(documents, 'auto', DIM)
  start = time.perf_counter()
  with precision.mixed_precision_scope(mixed_precision):
    answerer = Answerer(
      Embedder(bert, DIM),
      SpanReader(bert),
      tokenizer,
      documents,
      index,
      query_seq_len=64,
      reader_seq_len=320,
    )
  serving_lib.export_serving(answerer, directory, reader_beam=5)
  answerer.close()
  return {
    'export_seconds': time.perf_counter() - start,
    'blocks': len(documents),
    'mean_wordpieces_of_block': float(np.mean(documents.body_lengths)),
    'searcher': index.metadata.kind,
  }


def serving(
  material: Material,
  work_dir: str,
  *,
  preset: str,
  batch_size: int = 16,
  questions: int = 64,
  repeats: int = 3,
  mixed_precision: bool = False,
) -> dict[str, Any]:
  """Exports a model with random weights, loads it and asks it.

  Returns:
    `answer_milliseconds`: the median of questions asked one by one, and the
      95th percentile; `questions_per_second` in batches, and `batch_speed_up`,
      relative to one by one; `load_seconds`, `first_answer_seconds` after it,
      and `saved_model_megabytes`.
  """
  if questions % batch_size:
    raise ValueError(
      'questions must be a multiple of batch_size. Received:'
      f' questions={questions}, batch_size={batch_size}'
    )
  directory = os.path.join(work_dir, 'serving')
  facts = _export(material, directory, preset, mixed_precision)
  size = sum(f.stat().st_size for f in pathlib.Path(directory).rglob('*'))
  # The first words of texts that tell what the blocks tell.
  asked = [
    f'{document.text}?'
    for document in cut_documents(material.queries, questions, _WORDS)
  ]
  begin = time.perf_counter()
  model = tf.saved_model.load(directory)
  loaded = time.perf_counter()

  def answer(some: Sequence[str]) -> float:
    begin = time.perf_counter()
    model.answer(tf.constant(some))['answer'].numpy()
    return time.perf_counter() - begin

  first = answer(asked[:1])
  for question in asked[:8]:
    answer([question])
  alone = [answer([question]) for question in asked]
  rates = timing.rate_of(
    lambda: [
      answer(asked[i : i + batch_size]) for i in range(0, questions, batch_size)
    ],
    repeats,
    questions,
    'questions',
  )
  shutil.rmtree(work_dir)
  one_by_one = questions / sum(alone)
  return {
    **rates,
    **facts,
    'saved_model_megabytes': size / 1e6,
    'answer_milliseconds': 1000 * statistics.median(alone),
    'answer_milliseconds_p95': 1000 * float(np.quantile(alone, 0.95)),
    'one_by_one_questions_per_second': one_by_one,
    'batch_speed_up': rates['questions_per_second'] / one_by_one,
    'load_seconds': loaded - begin,
    'first_answer_seconds': first,
  }
