# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Measures a fine-tuned model on a dataset, as the papers do."""

import contextlib
import dataclasses
import json
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from realm_tf.data.answer_finder import AnswerFinder
from realm_tf.data.qa_datasets import QaExample
from realm_tf.data.questions import Questions, ordered_rows
from realm_tf.evaluation import answers as answers_lib
from realm_tf.evaluation.qa_metrics import QaMetrics
from realm_tf.export.question_answerer import Answers, QuestionAnswerer
from realm_tf.io import atomic
from realm_tf.io.progress import progress as progress_bar


@dataclasses.dataclass(frozen=True)
class EvaluationConfig:
  """What is measured.

  Attributes:
    depth: Blocks retrieved for recall (at most those of the corpus).
    reader_beam: Blocks that are read.
    spans: Candidates for the reader's oracle.
    batch_size: Questions at a time.
    blocks_at_once: Blocks read at a time, to save memory; 0 reads all.
    retrieve_only: Measure retrieval, read nothing.
    closed_book: Read nothing but the null document. A reader of spans finds no
      answer there: this is what is right without any document.
    progress: Whether a progress bar is drawn.
  """

  depth: int = 5000
  reader_beam: int = 5
  spans: int = 5
  batch_size: int = 8
  blocks_at_once: int = 0
  retrieve_only: bool = False
  closed_book: bool = False
  progress: bool = True

  def __post_init__(self):
    for name in ('depth', 'reader_beam', 'spans', 'batch_size'):
      if getattr(self, name) < 1:
        raise ValueError(
          f'{name} must be at least 1. Received: {getattr(self, name)}'
        )
    if self.retrieve_only and self.closed_book:
      raise ValueError('retrieve_only and closed_book exclude each other')


def prediction_record(example: QaExample, answer: str) -> dict[str, Any]:
  """A line of a predictions file, with the keys of the original."""
  return {'question': example.question, 'prediction': answer}


def _details(found: Answers, i: int, titles: Sequence[str]) -> dict[str, Any]:
  """What else is known of the first answer of question i."""
  row = int(found.rows[i, 0])
  if row < 0:
    return {}
  return {
    'title': titles[i],
    'block': row,
    'byte_start': int(found.byte_starts[i, 0]),
    'byte_limit': int(found.byte_limits[i, 0]),
    'score': float(found.scores[i, 0]),
    'log_prob': float(found.log_probs[i, 0]),
  }


def _correct(
  examples: Sequence[QaExample], texts: Sequence[Sequence[str]]
) -> np.ndarray:
  """Which candidates are right, bool `[batch, n]`."""
  return np.array(
    [
      [
        bool(text)
        and answers_lib.is_correct(text, example.answers, example.is_regex)
        for text in its
      ]
      for example, its in zip(examples, texts)
    ]
  )


def evaluate(
  answerer: QuestionAnswerer,
  examples: Sequence[QaExample],
  config: EvaluationConfig,
  *,
  gold_rows: np.ndarray | None = None,
  predictions: str | os.PathLike | None = None,
) -> dict[str, float]:
  """Answers all questions and says how well.

  Args:
    answerer: Model, corpus and index.
    examples: The dataset.
    config: What is measured.
    gold_rows: Blocks of the gold paragraphs `[questions, r]`, padded with -1.
    predictions: A file that gets a line of JSON for each question.

  Returns:
    See `QaMetrics.result`.
  """
  documents = answerer.documents
  depth = min(config.depth, len(documents))
  reader_beam = min(config.reader_beam, len(documents))
  depth = max(depth, reader_beam)
  questions = Questions(examples, answerer.tokenizer)
  finder = AnswerFinder(questions, documents, answerer.tokenizer)
  metrics = QaMetrics(depth=depth, reader_beam=reader_beam, spans=config.spans)
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
      batch = [questions.examples[number] for number in numbers]
      texts = [e.question for e in batch]
      measured: dict[str, Any] = {}
      details: list[dict[str, Any]] = [{} for _ in batch]
      first = [''] * len(batch)
      if config.closed_book:
        measured['correct'] = np.zeros(len(batch), bool)
      else:
        rows, scores = answerer.retrieve(texts, depth)
        measured['retrieved'] = rows
        measured['has_answer'] = np.stack(
          [finder.has_answer(n, its) for n, its in zip(numbers, rows)]
        )
        if gold_rows is not None and gold_rows.shape[1]:
          measured['gold'] = gold_rows[numbers]
        if not config.retrieve_only:
          found = answerer.read(
            texts,
            rows[:, :reader_beam],
            scores[:, :reader_beam],
            top_n=config.spans,
            blocks_at_once=config.blocks_at_once,
          )
          right = _correct(batch, found.texts)
          measured['correct'], measured['spans_correct'] = right[:, 0], right
          first = [its[0] for its in found.texts]
          titles = documents.titles(found.rows[:, 0])
          details = [_details(found, i, titles) for i in range(len(batch))]
      metrics.update(**measured)
      if file is not None:
        for example, answer, more in zip(batch, first, details):
          record = {**prediction_record(example, answer), **more}
          file.write(json.dumps(record, ensure_ascii=False) + '\n')
      bar.update(len(batch))
  return metrics.result()
