# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Files of predicted answers, and their score."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from realm_tf.corpus import lines, readers
from realm_tf.corpus.document import CorpusError, MalformedError
from realm_tf.corpus.problems import Problems
from realm_tf.io import files
from realm_tf.questions import (
  answers,
  qa_datasets,
  qa_metrics,
  question_records,
)
from realm_tf.questions.qa_datasets import QaDataset

# Bytes of an object with answers by id.
_MAX_OBJECT = 256 << 20
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
  'unanswerable': 'questions have no answer in the dataset: not counted',
  'malformed_questions': 'lines of the dataset could not be read',
  'malformed_predictions': 'lines of the predictions could not be read',
}


@dataclasses.dataclass(frozen=True)
class Predictions:
  """The answers in a file of predictions.

  Attributes:
    answers: Answers by question, or by its id. The last one of several counts,
      as in the original.
    duplicates: Number of lines with a question that came before.
    malformed: Number of lines that could not be read.
    by_id: Whether the answers are by id, as the evaluation of SQuAD takes them.
  """

  answers: Mapping[str, str]
  duplicates: int
  malformed: int
  by_id: bool = False


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
  unanswerable: int
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


def _answer_of(record: dict[str, Any]) -> Any:
  """Returns the answer in an object: this package's, KILT's or DPR's."""
  if 'prediction' in record:
    return record['prediction']
  if isinstance(record.get('output'), list):  # KILT's.
    answers = (o for o in record['output'] if isinstance(o, dict))
    return next((o['answer'] for o in answers if 'answer' in o), '')
  if isinstance(record.get('predictions'), list) and record['predictions']:
    # DPR's reader: answers by the number of passages read.
    first = record['predictions'][0]
    if isinstance(first, dict) and isinstance(first.get('prediction'), dict):
      return first['prediction'].get('text')
  raise MalformedError('no "prediction"')


def _parse(raw: readers.RawRecord) -> tuple[str, str]:
  record = raw.payload
  if isinstance(record, bytes):
    record = lines.parse_object(record)
  if not isinstance(record, dict):
    raise MalformedError('not a JSON object')
  question = question_records.question_of(record)
  return question, lines.check_string('the prediction', _answer_of(record))


def _read_by_id(path: str) -> dict[str, str] | None:
  """Reads one object of JSON with answers by id, if it is this."""
  with files.open_binary(path) as f:
    if f.read(1) != b'{':
      return None
    content = b'{' + f.read(_MAX_OBJECT)
  try:
    record = json.loads(content)
  except (ValueError, RecursionError):
    return None
  # Else a line of JSONL, and the only one.
  is_line = 'question' in record or 'input' in record
  are_answers = all(isinstance(answer, str) for answer in record.values())
  return record if are_answers and not is_line else None


def read_predictions(path: str, strict: bool = False) -> Predictions:
  """Reads predicted answers.

  They are JSONL with `question` and `prediction`, as this package and the
  original write it; or an array of such objects, KILT's (`input`, `output`), or
  those of DPR's reader; or an object with answers by the ids of questions, as
  the evaluation of SQuAD takes it.

  An empty prediction counts as a wrong one. A malformed line is logged with
  file and line, counted and left out.

  Args:
    path: One file, packed or not.
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
  by_id = _read_by_id(paths[0])
  if by_id:
    return Predictions(by_id, 0, 0, by_id=True)
  problems = Problems(strict)
  records = qa_datasets.raw_records(paths[0])
  pairs = list(problems.parse(records, _parse))
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
  examples = {
    (str(example.id) if predictions.by_id else example.question): example
    for example in dataset.examples
  }
  if not predictions.answers.keys() & examples.keys():
    first = next(iter(predictions.answers))
    raise ValueError(
      'no prediction is for a question of the dataset; the first one is for'
      f' {"the id " if predictions.by_id else ""}{first!r}'
    )
  correct = sum(
    key in predictions.answers
    and answers.is_correct(
      predictions.answers[key],
      example.answers,
      example.is_regex,
      example.question,
    )
    for key, example in examples.items()
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
    unanswerable=dataset.counts.get('skipped_unanswerable', 0),
    malformed_questions=dataset.counts.get('malformed', 0),
    malformed_predictions=predictions.malformed,
  )
