# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Questions to be answered: a line each, or in files that have answers, too."""

import contextlib
from collections.abc import Iterator
from typing import IO

from realm_tf.corpus import lines
from realm_tf.corpus.document import MalformedError, SkippedError
from realm_tf.questions import question_records

_BYTE_ORDER_MARK = '\ufeff'


def _strip(text: str) -> str:
  return text.strip().strip(_BYTE_ORDER_MARK).strip()


def _checked(question: str) -> str:
  question = _strip(question)
  if not question:
    raise MalformedError('the question is empty')
  return question


def cut(stream: IO[bytes]) -> Iterator[tuple[int, object]]:
  """Yields the lines of a stream, or the questions of a JSON array in it.

  Args:
    stream: Stream with `peek`, such as standard input.

  Yields:
    The number of a line, from 1; and what `parse_question` reads.

  Raises:
    DamagedError, DamagedFileError: The rest cannot be read.
  """
  if not question_records.is_json(stream.peek(1)):  # type: ignore[attr-defined]
    yield from enumerate(stream, 1)
  else:
    yield from question_records.read_json(stream)


def parse_question(line: object) -> str:
  """Returns the question of a line, without white space around it.

  Args:
    line: UTF-8: the question; or a JSON object that has one; or the question, a
      tab, and its answers as a list in brackets. Or a JSON object, parsed.

  Raises:
    MalformedError: There is no question, or the line is not UTF-8, or it begins
      like a JSON object and is none.
  """
  record = line
  if isinstance(line, bytes):
    text = _strip(lines.decode(line))
    if not text.startswith('{'):
      if '\t' in text:
        with contextlib.suppress(MalformedError, SkippedError):
          text = question_records.parse_columns(text.encode())['question']
      return _checked(text)
    record = lines.parse_object(text.encode())
  if isinstance(record, MalformedError):
    raise record
  if not isinstance(record, dict):
    raise MalformedError('not a JSON object')
  return _checked(question_records.question_of(record))
