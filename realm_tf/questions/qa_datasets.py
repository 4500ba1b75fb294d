# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Questions with their answers, from the files that people publish."""

import ast
import dataclasses
import gzip
import json
import os
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from absl import logging

from realm_tf.corpus import lines, readers
from realm_tf.corpus.document import (
  CorpusError,
  MalformedError,
  SkippedError,
)
from realm_tf.corpus.problems import Problems
from realm_tf.io import files, json_array
from realm_tf.questions import answers as answers_lib
from realm_tf.questions import natural_questions

FORMATS = (
  # A JSON object a line, with question and answer (a list), maybe id,
  # paragraph_id and title (of the gold paragraph): NQ-open, WebQuestions,
  # CuratedTREC, SQuAD-open.
  'jsonl',
  'dpr',  # DPR's *.qas.csv: question, tab, the answers as a list of Python's
  'dpr_json',  # DPR's training files: an array of question, answers, contexts
  'natural_questions',  # nq-*.jsonl.gz, simplified or full
)
ANSWER_FIELD = 'answer'


@dataclasses.dataclass(frozen=True)
class QaExample:
  """A question and what is right.

  Attributes:
    question: As it stands in its file: predictions are matched by it, and the
      resplit hashes it.
    answers: The right answers, at least one; or regular expressions, each of
      which compiles.
    is_regex: Whether they are regular expressions.
    id: Of the question, if it has one.
    gold_id: Id of the paragraph that the question was asked about, as its
      corpus has it, if known.
    gold_title: Its title, or that of its document, if known.
  """

  question: str
  answers: tuple[str, ...]
  is_regex: bool = False
  id: int | str | None = None
  gold_id: int | str | None = None
  gold_title: str | None = None

  def to_json(self) -> str:
    """The example as a line of NQ-open, which `jsonl` reads again."""
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
    examples: In the order of the files.
    counts: `read`, `kept`, `malformed`, and `skipped_REASON` of lines that
      are whole and left out on purpose.
  """

  examples: tuple[QaExample, ...]
  counts: Mapping[str, int]

  def __len__(self) -> int:
    """The number of examples."""
    return len(self.examples)

  def describe(self) -> str:
    """What was read, in words."""
    left_out = [
      f'{count:,} {name.removeprefix("skipped_").replace("_", " ")}'
      for name, count in sorted(self.counts.items())
      if name not in ('read', 'kept') and count
    ]
    kept = f'{len(self):,} of {self.counts["read"]:,} lines are questions'
    return f'{kept} (left out: {", ".join(left_out)})' if left_out else kept


def detect_format(path: str) -> str:
  """Says which of `FORMATS` a file is in, by its first line and its name.

  Raises:
    CorpusError: The file cannot be opened or looks like none of them.
  """
  name = re.sub(r'\.(gz|bz2)$', '', path)
  try:
    with files.open_binary(path) as f:
      head = f.read(1 << 14).lstrip(b'\xef\xbb\xbf \t\r\n')
      if head.startswith(b'{') and b'\n' not in head:
        # A page of Natural Questions stands before its question.
        head += f.readline()
  except (OSError, EOFError, zlib.error) as e:
    raise CorpusError(f'{path}: cannot be read: {e}') from e
  first = head.split(b'\n', 1)[0]
  if first.startswith(b'{'):
    is_nq = b'"question_text"' in first
    return 'natural_questions' if is_nq else 'jsonl'
  if re.search(r'\.(tsv|csv)$', name):
    return 'dpr'
  if first.startswith(b'['):
    return 'dpr_json'
  if re.search(r'\.jsonl?$', name):
    return 'jsonl'
  if b'\t' in first:
    return 'dpr'
  raise CorpusError(
    f'{path}: neither JSON nor tab-separated; --format is one of'
    f' {", ".join(FORMATS)}'
  )


def _array_records(path: str) -> Iterator[readers.RawRecord]:
  line = 1
  with files.open_binary(path) as f:
    try:
      for line, item in json_array.read_items(f):
        yield readers.RawRecord(path, line, 'dpr_json', item)
    except (
      ValueError,
      RecursionError,
      EOFError,
      gzip.BadGzipFile,
      zlib.error,
      OSError,
    ) as e:
      reason = MalformedError(f'the rest is not read: {e}')
      yield readers.RawRecord(path, line, 'malformed', reason)


def _raw_records(path: str, format: str) -> Iterator[readers.RawRecord]:
  if format == 'dpr_json':
    yield from _array_records(path)
    return
  # Of 'jsonl' the lines are cut out, whatever is in them.
  for record in readers.raw_records(path, 'jsonl'):
    is_cut = record.format != 'malformed'
    yield record._replace(format=format) if is_cut else record


def _identity(name: str, value: object) -> int | str | None:
  if value is None or (isinstance(value, int) and not isinstance(value, bool)):
    return value
  return lines.check_string(name, value)


def _example(
  question: object,
  answers: object,
  is_regex: bool,
  id: object = None,
  gold_id: object = None,
  gold_title: object = None,
) -> QaExample:
  """Makes an example of what a file has, or says what is wrong with it."""
  question = lines.check_string('the question', question)
  if not question.strip():
    raise MalformedError('the question is empty')
  if isinstance(answers, str):
    answers = [answers]
  if not isinstance(answers, list | tuple):
    raise MalformedError(f'answers are {type(answers).__name__}, not a list')
  known = [
    a
    for a in (lines.check_string('an answer', a) for a in answers)
    if a.strip()
  ]
  if not known:
    raise MalformedError('no answers')
  if is_regex:
    for answer in known:
      try:
        answers_lib.compile_pattern(answer)
      except answers_lib.AnswerPatternError as e:
        raise MalformedError(str(e)) from e
  title = (
    None if gold_title is None else lines.check_string('the title', gold_title)
  )
  return QaExample(
    question,
    tuple(known),
    is_regex,
    _identity('the id', id),
    _identity('the paragraph id', gold_id),
    title,
  )


def _of(record: Mapping[str, Any], *names: str) -> Any:
  """The first of some fields that is there."""
  for name in names:
    if name in record:
      return record[name]
  raise MalformedError(f'no "{names[0]}"')


def _parse_jsonl(line: bytes, is_regex: bool, field: str) -> QaExample:
  record = lines.parse_object(line)
  if 'question' not in record and 'question_text' in record:
    raise MalformedError('no "question" (--format=natural_questions?)')
  other = ['answers'] if field == ANSWER_FIELD else []
  return _example(
    _of(record, 'question'),
    _of(record, field, *other),
    is_regex,
    record.get('id'),
    record.get('paragraph_id'),
    record.get('title'),
  )


def _parse_natural_questions(
  line: bytes, is_regex: bool, field: str
) -> QaExample:
  found = natural_questions.parse(lines.parse_object(line))
  return _example(
    found.question, found.answers, is_regex, found.id, None, found.title
  )


def _parse_dpr(line: bytes, is_regex: bool, field: str) -> QaExample:
  try:
    columns = lines.parse_tab_separated(line)
  except MalformedError:
    # A question that begins with a quotation, in a file without quoting.
    columns = lines.decode(line).rstrip('\r\n').split('\t')
  if len(columns) != 2:
    raise MalformedError(f'{len(columns)} columns, not 2: question, answers')
  try:
    answers = ast.literal_eval(columns[1].strip())
  except (ValueError, SyntaxError, RecursionError, MemoryError) as e:
    raise MalformedError(f'the answers are no list: {e}') from e
  return _example(columns[0], answers, is_regex)


def _parse_dpr_json(record: object, is_regex: bool, field: str) -> QaExample:
  if not isinstance(record, dict):
    raise MalformedError('not a JSON object')
  passages = record.get('positive_ctxs') or [{}]
  if not isinstance(passages, list) or not isinstance(passages[0], dict):
    raise MalformedError('"positive_ctxs" is not a list of objects')
  gold = passages[0]
  return _example(
    _of(record, 'question'),
    _of(record, 'answers', 'answer'),
    is_regex,
    gold_id=gold.get('passage_id', gold.get('psg_id')),
    gold_title=gold.get('title'),
  )


_PARSERS: dict[str, Callable[[Any, bool, str], QaExample]] = {
  'jsonl': _parse_jsonl,
  'dpr': _parse_dpr,
  'dpr_json': _parse_dpr_json,
  'natural_questions': _parse_natural_questions,
}


def read_dataset(
  patterns: str | Sequence[str],
  *,
  format: str = 'auto',
  is_regex: bool = False,
  answer_field: str = ANSWER_FIELD,
  strict: bool = False,
  flag: str = '--input',
) -> QaDataset:
  """Reads the questions of files.

  A line that cannot be read, or has no question, no answers, or an answer that
  should be a regular expression and does not compile, is logged with file and
  line, counted and left out.

  Args:
    patterns: Files, globs and directories; plain, `.gz` or `.bz2`.
    format: One of `FORMATS`, or `auto`: found out of each file by itself.
    is_regex: Whether answers are regular expressions, as in CuratedTREC.
    answer_field: Where `jsonl` has the answers; `answers` will do, too, for
      `answer`.
    strict: Whether a malformed line is an error.
    flag: What names the files on the command line, for messages.

  Raises:
    CorpusError: No file is there, one cannot be read or is in no known format,
      none of their lines is usable, or a line is malformed and `strict`.
  """
  paths = readers.list_files(patterns, flag)
  problems = Problems(strict)
  counts = problems.counts
  examples = []
  for path in paths:
    kind = detect_format(path) if format == 'auto' else format
    name = re.sub(r'\W|_', '', os.path.basename(path)).lower()
    if 'curatedtrec' in name and not is_regex:
      logging.warning('%s: are its answers not to be --is_regex?', path)
    for record in _raw_records(path, kind):
      counts['read'] += 1
      try:
        if record.format == 'malformed':
          raise record.payload
        examples.append(
          _PARSERS[record.format](record.payload, is_regex, answer_field)
        )
      except SkippedError as e:
        counts[f'skipped_{e.reason}'] += 1
      except MalformedError as e:
        problems.add(record.where, e)
  counts['kept'] = len(examples)
  if not examples:
    why = f'; the first problem is {problems.first}' if problems.first else ''
    raise CorpusError(
      f'{flag}: none of {counts["read"]} lines in {", ".join(paths[:3])} is a'
      f' question with an answer{why}'
    )
  return QaDataset(tuple(examples), dict(counts))
