# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Files of predicted answers, and how good they are."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from realm_tf.corpus import lines, readers
from realm_tf.corpus.document import CorpusError, MalformedError
from realm_tf.corpus.problems import Problems
from realm_tf.questions import answers, qa_metrics
from realm_tf.questions.qa_datasets import QaDataset


@dataclasses.dataclass(frozen=True)
class Predictions:
  """The answers of a file of predictions.

  Attributes:
    answers: By question. Of several the last one stands, as in the original.
    duplicates: Lines whose question was there before.
    malformed: Lines that could not be read.
  """

  answers: Mapping[str, str]
  duplicates: int
  malformed: int


@dataclasses.dataclass(frozen=True)
class Score:
  """What predictions are worth.

  Attributes:
    exact_match: Share of the questions that are answered rightly.
    low: Lower end of its 95 % bootstrap interval.
    high: Upper end of it.
    correct: Questions answered rightly.
    questions: Different questions of the dataset.
    missing: Those of them without a prediction, which count as wrong.
    unknown: Predictions for no question of the dataset, which do not count.
    duplicate_questions: Lines of the dataset whose question comes again; the
      answers of the last one count, as in the original.
    duplicate_predictions: Lines of the predictions, likewise.
    malformed_questions: Lines of the dataset that could not be read.
    malformed_predictions: Lines of the predictions, likewise.
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
  malformed_questions: int
  malformed_predictions: int

  def to_dict(self) -> dict[str, Any]:
    """The score as JSON has it."""
    return dataclasses.asdict(self)

  def describe(self) -> str:
    """A line with the score, and one for each thing that is not as it should.

    Returns:
      Lines, the first one with the score.
    """
    remarks = (
      (self.missing, 'questions have no prediction: counted as wrong'),
      (self.unknown, 'predictions are for no question: not counted'),
      (
        self.duplicate_predictions,
        'predictions are for a question that comes again: the last one counts',
      ),
      (
        self.duplicate_questions,
        'questions come again: the last answers count',
      ),
      (self.malformed_questions, 'lines of the dataset could not be read'),
      (
        self.malformed_predictions,
        'lines of the predictions could not be read',
      ),
    )
    return '\n'.join(
      [
        f'exact match {100 * self.exact_match:.2f} %'
        f' ({self.correct:,} of {self.questions:,}; 95 % interval'
        f' {100 * self.low:.2f} to {100 * self.high:.2f})',
        *(f'  {count:,} {remark}' for count, remark in remarks if count),
      ]
    )


def _parse(line: bytes) -> tuple[str, str]:
  record = lines.parse_object(line)
  for name in ('question', 'prediction'):
    if name not in record:
      raise MalformedError(f'no "{name}"')
    if not isinstance(record[name], str):
      kind = type(record[name]).__name__
      raise MalformedError(f'the {name} is {kind}, not a string')
  return record['question'], record['prediction']


def read_predictions(path: str, strict: bool = False) -> Predictions:
  """Reads JSONL with `question` and `prediction`, as the original writes it.

  An empty prediction is one, which is wrong. A malformed line is logged with
  file and line, counted and left out.

  Args:
    path: Plain, `.gz` or `.bz2`.
    strict: Whether a malformed line is an error.

  Raises:
    CorpusError: Of several files that `path` names, of one that is not there
      or has no usable line, or of a malformed line if `strict`.
  """
  paths = readers.list_files(path, '--predictions')
  if len(paths) != 1:
    raise CorpusError(
      f'--predictions: {len(paths)} files are named, not one: {path}'
    )
  problems = Problems(strict)
  found: dict[str, str] = {}
  count = 0
  for record in readers.raw_records(paths[0], 'jsonl'):
    try:
      if record.format == 'malformed':
        raise record.payload
      question, prediction = _parse(record.payload)
    except MalformedError as e:
      problems.add(record.where, e)
      continue
    found[question] = prediction
    count += 1
  if not found:
    why = f'; the first problem is {problems.first}' if problems.first else ''
    raise CorpusError(f'--predictions: {paths[0]} has no prediction{why}')
  malformed = problems.counts['malformed']
  return Predictions(found, count - len(found), malformed)


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
  metric = qa_metrics.ExactMatch()
  metric.update(
    [
      question in predictions.answers
      and answers.is_correct(
        predictions.answers[question], example.answers, example.is_regex
      )
      for question, example in examples.items()
    ]
  )
  result = metric.result()
  return Score(
    exact_match=result['exact_match'],
    low=result['exact_match_low'],
    high=result['exact_match_high'],
    correct=metric.right,
    questions=len(examples),
    missing=len(examples.keys() - predictions.answers.keys()),
    unknown=len(predictions.answers.keys() - examples.keys()),
    duplicate_questions=len(dataset) - len(examples),
    duplicate_predictions=predictions.duplicates,
    malformed_questions=dataset.counts.get('malformed', 0),
    malformed_predictions=predictions.malformed,
  )
