# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Evaluates a fine-tuned model on a dataset, as the papers do.

Blocks to read are found by a search for just `reader_beam` of them, as when a
question is asked. Recall is measured by a deeper search, in which an
approximate index looks at more of its rows, so that its first blocks may be
others.
"""

import contextlib
import json
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from realm_tf.answering.answerer import Answerer
from realm_tf.answering.document_searcher import describe_documents
from realm_tf.configs.evaluation_config import EvaluationConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.io import atomic
from realm_tf.io.progress import progress as progress_bar
from realm_tf.questions import answers as answers_lib
from realm_tf.questions.answer_finder import AnswerFinder
from realm_tf.questions.qa_datasets import QaExample
from realm_tf.questions.qa_metrics import QaMetrics
from realm_tf.questions.questions import Questions, ordered_rows

# Fields of answers that would make a file of predictions long.
_LEFT_OUT = ('answers', 'evidence')


def _retrieval_records(
  examples: Sequence[QaExample],
  rows: np.ndarray,
  scores: np.ndarray,
  documents: Corpus,
) -> list[dict[str, Any]]:
  """Lines of a file with the blocks retrieved for each question."""
  return [
    {
      'question': example.question,
      'blocks': [
        {k: v for k, v in document.items() if k not in _LEFT_OUT}
        for document in describe_documents(documents, its, its_scores)
      ],
    }
    for example, its, its_scores in zip(examples, rows, scores)
  ]


def _correct(
  examples: Sequence[QaExample], texts: Sequence[Sequence[str]]
) -> np.ndarray:
  """Which answers are right, bool `[batch, n]`."""
  return np.array(
    [
      [
        answers_lib.is_correct(
          text, example.answers, example.is_regex, example.question
        )
        for text in its
      ]
      for example, its in zip(examples, texts)
    ]
  )


def evaluate(
  answerer: Answerer,
  examples: Sequence[QaExample],
  config: EvaluationConfig,
  *,
  gold_rows: np.ndarray | None = None,
  predictions: str | os.PathLike | None = None,
) -> dict[str, float]:
  """Answers all questions and measures how well.

  Args:
    answerer: Model, corpus and index.
    examples: Questions with their answers.
    config: What is measured.
    gold_rows: Gold blocks of the questions `[questions, r]`, padded with -1.
    predictions: File for a JSON object per question: its answer, or with
      `retrieve_only` the blocks that would be read.

  Returns:
    The measures, as `QaMetrics.result` returns them.
  """
  documents = answerer.corpus
  reader_beam = min(config.reader_beam, len(documents))
  depth = max(min(config.depth, len(documents)), reader_beam)
  first_are_read = (
    depth == reader_beam
    or answerer.index.is_exact
    # It does not matter which would be read.
    or (config.retrieve_only and predictions is None)
  )
  questions = Questions(examples, answerer.tokenizer)
  finder = AnswerFinder(questions, documents, answerer.tokenizer)
  metrics = QaMetrics(depth=depth, reader_beam=reader_beam, spans=config.spans)

  def has_answer(numbers: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.stack(
      [finder.has_answer(n, its) for n, its in zip(numbers, rows)]
    )

  def evaluate_batch(numbers: np.ndarray) -> list[dict[str, Any]]:
    """Measures some questions; returns their lines of `predictions`."""
    batch = [questions.examples[number] for number in numbers]
    texts = [e.question for e in batch]
    measured: dict[str, Any] = {}
    if config.closed_book:
      rows = np.full([len(batch), 1], -1, np.int64)
      scores = np.zeros(rows.shape, np.float32)
    else:
      deep, deep_scores = answerer.retrieve(texts, depth)
      measured['retrieved'] = deep
      measured['has_answer'] = has_answer(numbers, deep)
      if gold_rows is not None and gold_rows.shape[1]:
        measured['gold'] = gold_rows[numbers]
      rows, scores = deep[:, :reader_beam], deep_scores[:, :reader_beam]
      if not first_are_read:
        rows, scores = answerer.retrieve(texts, reader_beam)
    if config.retrieve_only:
      metrics.update(**measured)
      return _retrieval_records(batch, rows, scores, documents)
    if not (config.closed_book or first_are_read):
      measured['read_has_answer'] = has_answer(numbers, rows)
    found = answerer.read(
      texts,
      rows,
      scores,
      top_n=config.spans,
      blocks_at_once=config.blocks_at_once,
    )
    right = _correct(batch, found.answers)
    metrics.update(correct=right[:, 0], spans_correct=right, **measured)
    return [
      {k: v for k, v in record.items() if k not in _LEFT_OUT}
      for record in found.to_records(texts)
    ]

  with contextlib.ExitStack() as stack:
    bar = stack.enter_context(
      progress_bar(
        total=len(examples),
        desc='questions',
        unit='q',
        disable=not config.progress,
      )
    )
    file = None
    if predictions is not None:
      file = stack.enter_context(atomic.atomic_file(predictions, 'w'))
    for numbers in ordered_rows(len(examples), config.batch_size):
      records = evaluate_batch(numbers)
      if file is not None:
        for record in records:
          file.write(json.dumps(record, ensure_ascii=False) + '\n')
      bar.update(len(numbers))
  return metrics.result()
