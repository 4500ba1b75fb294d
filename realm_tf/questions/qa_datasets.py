# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Questions with their answers, from the files that people publish."""

import dataclasses
import functools
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from absl import logging

from realm_tf.corpus import lines, readers
from realm_tf.corpus.document import CorpusError, MalformedError
from realm_tf.corpus.problems import Problems
from realm_tf.corpus.readers import RawRecord
from realm_tf.io import files
from realm_tf.questions import answers as answers_lib
from realm_tf.questions import question_records

_HEAD = 1 << 14


@dataclasses.dataclass(frozen=True)
class QaExample:
  """A question and its right answers.

  Attributes:
    question: The question as it stands in its file: predictions are matched by
      it, and the resplit hashes it.
    answers: The right answers, at least one; or regular expressions, each of
      which compiles.
    is_regex: Whether the answers are regular expressions.
    id: Id of the question, if it has one.
    gold_id: Id, in its corpus, of the paragraph that the question was asked
      about, if known.
    gold_title: Title of that paragraph or its document, if known.
  """

  question: str
  answers: tuple[str, ...]
  is_regex: bool = False
  id: int | str | None = None
  gold_id: int | str | None = None
  gold_title: str | None = None

  @property
  def empty_answers(self) -> tuple[str, ...]:
    """Answers that nothing equals, since normalization leaves nothing."""
    texts = () if self.is_regex else self.answers
    return tuple(text for text in texts if not answers_lib.normalize(text))

  def to_json(self) -> str:
    """Returns the example as a line of NQ-open, which `jsonl` reads again."""
    record = {
      'id': self.id,
      'question': self.question,
      'answer': list(self.answers),
      'paragraph_id': self.gold_id,
      'title': self.gold_title,
    }
    known = {k: v for k, v in record.items() if v is not None}
    return json.dumps(known, ensure_ascii=False)


@dataclasses.dataclass(frozen=True)
class QaDataset:
  """The examples of one or more files.

  Attributes:
    examples: The examples in the order of the files.
    counts: Numbers of lines: `read`, `kept`, `malformed`, and `skipped_REASON`
      for lines that are left out on purpose.
  """

  examples: tuple[QaExample, ...]
  counts: Mapping[str, int]

  def __len__(self) -> int:
    return len(self.examples)

  def describe(self) -> str:
    """Returns a sentence on how many lines were kept, and why others not."""
    left_out = [
      f'{count:,} {name.removeprefix("skipped_").replace("_", " ")}'
      for name, count in sorted(self.counts.items())
      if count
      and name not in ('read', 'kept')
      and not name.startswith('malformed_')
    ]
    kept = f'{len(self):,} of {self.counts["read"]:,} lines are questions'
    return f'{kept} (left out: {", ".join(left_out)})' if left_out else kept


def detect_format(path: str) -> str:
  """Returns which of `FORMATS` a file is in, by its first bytes and its name.

  Raises:
    CorpusError: The file cannot be opened or looks like none of them.
  """
  name = re.sub(r'\.(gz|bz2|xz|zst)$', '', path)
  try:
    with files.open_binary(path) as f:
      head = f.read(_HEAD).lstrip(b' \t\r\n')
  except OSError as e:
    raise CorpusError(f'{path}: cannot be read: {e}') from e
  if question_records.is_json(head):
    return 'json'
  if head.startswith(b'{'):
    return 'jsonl'
  if re.search(r'\.(tsv|csv)$', name):
    return 'dpr'
  if head.startswith(b'['):
    return 'json'
  if re.search(r'\.jsonl?$', name):
    return 'jsonl'
  if b'\t' in head.split(b'\n', 1)[0]:
    return 'dpr'
  raise CorpusError(
    f'{path}: neither JSON nor tab-separated; the format is one of'
    f' {", ".join(FORMATS)}'
  )


def raw_records(path: str, format: str = 'auto') -> Iterator[RawRecord]:
  """Cuts a file into questions, which are not parsed yet.

  Args:
    path: The file.
    format: One of `FORMATS`, or `auto`.

  Yields:
    Records, whose payload is a line, an item of `json`, or an error.

  Raises:
    CorpusError: The file is damaged; the message names the place.
  """
  if format == 'auto':
    format = detect_format(path)
  line = 0
  with files.open_binary(path) as f:
    is_json = format == 'json'
    cut = question_records.read_json if is_json else lines.cut_objects
    try:
      for line, record in cut(f):
        yield RawRecord(path, line, format, record)
    except (lines.DamagedError, files.DamagedFileError) as e:
      place = getattr(e, 'line', None) or line + 1
      reason = str(e).removeprefix(f'{path}: ')
      raise CorpusError(f'{path}:{place}: {reason}') from e


def _identity(name: str, value: object) -> int | str | None:
  if value is None or (isinstance(value, int) and not isinstance(value, bool)):
    return value
  return lines.check_string(name, value)


def _parse_line(line: bytes, field: str) -> dict[str, Any]:
  return question_records.parse_object(lines.parse_object(line), field)


# Parsers of `qa_formats.QaFormat`. They take a line (`json`: an item) and the
# field of the answers, and return unchecked fields of a QaExample.
FORMATS: dict[str, Callable[[Any, str], dict[str, Any]]] = {
  'jsonl': _parse_line,
  'json': question_records.parse_object,
  'dpr': question_records.parse_columns,
}


def _check(
  is_regex: bool,
  question: object,
  answers: object,
  id: object = None,
  gold_id: object = None,
  gold_title: object = None,
) -> QaExample:
  """Checks the fields of an example."""
  question = lines.check_string('the question', question)
  if not question.strip():
    raise MalformedError('the question is empty', 'no_question')
  if isinstance(answers, str):
    answers = [answers]
  if not isinstance(answers, list | tuple):
    its = type(answers).__name__
    raise MalformedError(f'answers are {its}, not a list', 'no_list')
  known = [lines.check_string('an answer', answer) for answer in answers]
  known = [answer for answer in known if answer.strip()]
  if not known:
    raise MalformedError('no answers', 'no_answer')
  if is_regex:
    for answer in known:
      try:
        answers_lib.compile_pattern(answer)
      except answers_lib.AnswerPatternError as e:
        raise MalformedError(str(e), 'no_pattern') from e
  if gold_title is not None:
    gold_title = lines.check_string('the title', gold_title)
  return QaExample(
    question,
    tuple(known),
    is_regex,
    _identity('the id', id),
    _identity('the paragraph id', gold_id),
    gold_title,
  )


def _parse(
  format: str, is_regex: bool, answer_field: str, record: RawRecord
) -> QaExample:
  return _check(is_regex, **FORMATS[format](record.payload, answer_field))


def read_dataset(
  patterns: str | Sequence[str],
  *,
  format: str = 'auto',
  is_regex: bool = False,
  answer_field: str = question_records.ANSWER_FIELD,
  strict: bool = False,
  field: str = 'input',
) -> QaDataset:
  """Reads the questions of files.

  A line that cannot be read, or has no question, no answers, or an answer that
  should be a regular expression and does not compile, is logged with file and
  line, counted and left out.

  Args:
    patterns: Files, globs and directories; packed or not.
    format: One of `FORMATS`, or `auto` to detect the format of each file.
    is_regex: Whether answers are regular expressions, as in CuratedTREC.
    answer_field: Field of the answers in JSON; for the default, other usual
      ones are looked for, too.
    strict: Whether a malformed line is an error.
    field: Name of the setting that names the files, for error messages.

  Raises:
    CorpusError: No file is there, one cannot be read or is in no known format,
      none of their lines is usable, or a line is malformed and `strict`.
  """
  paths = readers.list_files(patterns, field)
  problems = Problems(strict)
  examples: list[QaExample] = []
  for path in paths:
    kind = detect_format(path) if format == 'auto' else format
    name = re.sub(r'\W|_', '', os.path.basename(path)).lower()
    if 'curatedtrec' in name and not is_regex:
      logging.warning('%s: should `is_regex` be set for its answers?', path)
    parse = functools.partial(_parse, kind, is_regex, answer_field)
    examples += problems.parse(raw_records(path, kind), parse)
  counts = {**problems.counts, 'kept': len(examples)}
  dataset = QaDataset(tuple(examples), counts)
  if not examples:
    raise CorpusError(
      f'`{field}`: none of {counts.get("read", 0)} lines in'
      f' {", ".join(paths[:3])} is a question with an answer'
      f'{problems.explain()}'
    )
  empty = [e.question for e in examples if e.empty_answers]
  if empty:
    logging.warning(
      '`%s`: %d questions have answers that are empty after normalization'
      ' and right for nobody; the first is %r',
      field,
      len(empty),
      empty[0],
    )
  if len(dataset) < counts['read']:
    logging.info('`%s`: %s', field, dataset.describe())
  return dataset
