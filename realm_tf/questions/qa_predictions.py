# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Files of predicted answers, and their score."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from realm_tf.corpus import lines, readers
from realm_tf.corpus.document import CorpusError, MalformedError
from realm_tf.corpus.problems import Problems
from realm_tf.questions import answers, qa_metrics
from realm_tf.questions.qa_datasets import QaDataset

_REMARKS = {
  'missing': 'questions have no prediction: counted as wrong',
  'unknown': 'predictions are for no question: not counted',
  'duplicate_predictions': (
    'predictions are for a question that comes again: the last one counts'
  ),
  'duplicate_questions': 'questions come again: the last answers count',
  'empty_answers': (
    'right answers are empty after normalization: nothing equals them'
  ),
  'malformed_questions': 'lines of the dataset could not be read',
  'malformed_predictions': 'lines of the predictions could not be read',
}


@dataclasses.dataclass(frozen=True)
class Predictions:
  """The answers in a file of predictions.

  Attributes:
    answers: Answers by question. The last one of several counts, as in the
      original.
    duplicates: Number of lines with a question that came before.
    malformed: Number of lines that could not be read.
  """

  answers: Mapping[str, str]
  duplicates: int
  malformed: int


@dataclasses.dataclass(frozen=True)
class Score:
  """The score of predictions.

  The last answers of a question that comes again count, and its last
  prediction, as in the original.

  Attributes:
    exact_match: Share of the questions that are answered correctly.
    low: Lower end of its 95 % bootstrap interval.
    high: Upper end of that interval.
    correct: Number of questions answered correctly.
    questions: Number of different questions in the dataset.
    missing: Number of irregularities of a kind; this and the following are
      explained by `describe`.
  """

  exact_match: float
  low: float
  high: float
  correct: int
  questions: int
  missing: int
  unknown: int
  duplicate_questions: int
  duplicate_predictions: int
  empty_answers: int
  malformed_questions: int
  malformed_predictions: int

  def to_dict(self) -> dict[str, Any]:
    """Returns the score for JSON."""
    return dataclasses.asdict(self)

  def describe(self) -> str:
    """Returns a line with the score, and a line for each irregularity."""
    counts = ((getattr(self, name), text) for name, text in _REMARKS.items())
    return '\n'.join(
      [
        f'exact match {100 * self.exact_match:.2f} %'
        f' ({self.correct:,} of {self.questions:,}; 95 % interval'
        f' {100 * self.low:.2f} to {100 * self.high:.2f})',
        *(f'  {count:,} {remark}' for count, remark in counts if count),
      ]
    )


def _parse(raw: readers.RawRecord) -> tuple[str, str]:
  record = lines.parse_object(raw.payload)
  for name in ('question', 'prediction'):
    if name not in record:
      raise MalformedError(f'no "{name}"')
    if not isinstance(record[name], str):
      kind = type(record[name]).__name__
      raise MalformedError(f'the {name} is {kind}, not a string')
  return record['question'], record['prediction']


def read_predictions(path: str, strict: bool = False) -> Predictions:
  """Reads JSONL with `question` and `prediction`, as the original writes it.

  An empty prediction counts as a wrong one. A malformed line is logged with
  file and line, counted and left out.

  Args:
    path: One file, plain, `.gz` or `.bz2`.
    strict: Whether a malformed line is an error.

  Raises:
    CorpusError: `path` names several files, the file is missing or has no
      usable line, or a line is malformed and `strict`.
  """
  paths = readers.list_files(path, 'predictions')
  if len(paths) != 1:
    raise CorpusError(
      f'`predictions`: {len(paths)} files are named, not one: {path}'
    )
  problems = Problems(strict)
  pairs = list(problems.parse(readers.raw_records(paths[0], 'jsonl'), _parse))
  found = dict(pairs)
  if not found:
    raise CorpusError(
      f'`predictions`: {paths[0]} has no prediction{problems.explain()}'
    )
  malformed = problems.counts['malformed']
  return Predictions(found, len(pairs) - len(found), malformed)


def score(dataset: QaDataset, predictions: Predictions) -> Score:
  """Scores predictions by exact match, or by the dataset's patterns.

  Raises:
    ValueError: No prediction is for a question of the dataset.
  """
  examples = {example.question: example for example in dataset.examples}
  if not predictions.answers.keys() & examples.keys():
    question = next(iter(predictions.answers))
    raise ValueError(
      'no prediction is for a question of the dataset; the first one is for'
      f' {question!r}'
    )
  correct = sum(
    question in predictions.answers
    and answers.is_correct(
      predictions.answers[question],
      example.answers,
      example.is_regex,
      question,
    )
    for question, example in examples.items()
  )
  low, high = qa_metrics.bootstrap_interval(correct, len(examples))
  return Score(
    exact_match=correct / len(examples),
    low=low,
    high=high,
    correct=correct,
    questions=len(examples),
    missing=len(examples.keys() - predictions.answers.keys()),
    unknown=len(predictions.answers.keys() - examples.keys()),
    duplicate_questions=len(dataset) - len(examples),
    duplicate_predictions=predictions.duplicates,
    empty_answers=sum(len(e.empty_answers) for e in examples.values()),
    malformed_questions=dataset.counts.get('malformed', 0),
    malformed_predictions=predictions.malformed,
  )
