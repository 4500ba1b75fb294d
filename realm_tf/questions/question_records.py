# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Questions in the forms of records that people publish.

Objects of JSON are recognized by their fields: NQ-open's and DPR's, SQuAD's and
TriviaQA's (as published, and as rows of Hugging Face's `datasets`), KILT's, and
Natural Questions' own. DPR's tables have two columns.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

from realm_tf.corpus import lines
from realm_tf.corpus.document import MalformedError, SkippedError
from realm_tf.io import json_array
from realm_tf.questions import natural_questions

ANSWER_FIELD = 'answer'
_QUESTIONS = ('question', 'Question', 'input', 'query')
_ANSWERS = (ANSWER_FIELD, 'answers', 'Answer', 'output')
_IDS = ('id', '_id', 'question_id', 'QuestionId', 'example_id')
_SHOWN = 60  # Characters of what is no list.
_HEAD = 1 << 12
_ARRAY = re.compile(rb'\s*\[\s*\{')
# An object with an array of questions, or of SQuAD's articles.
_HOLDER = re.compile(
  rb'\s*\{\s*(?:"\w+"\s*:\s*(?:"[^"]*"|[\d.]+|true|false)\s*,\s*)*"[Dd]ata"\s*:\s*\['
)


def _first_of(record: Mapping[str, Any], names: Sequence[str]) -> Any:
  for name in names:
    if name in record:
      return record[name]
  kind = 'no_question' if names is _QUESTIONS else 'no_answer'
  raise MalformedError(f'no "{names[0]}"', kind)


def question_of(record: Mapping[str, Any]) -> str:
  """Returns the question of an object of JSON.

  Raises:
    MalformedError: There is none, or it is no text.
  """
  if 'question_text' in record:
    return lines.check_string('the question', record['question_text'])
  return lines.check_string('the question', _first_of(record, _QUESTIONS))


def _texts(answers: Any) -> Any:
  """Returns the texts of answers, or answers of another kind as they are."""
  if isinstance(answers, dict):
    if 'text' in answers:  # {'text': [...], 'answer_start': [...]}
      return answers['text']
    for value, aliases in (('Value', 'Aliases'), ('value', 'aliases')):
      if value in answers:
        first, more = answers[value], answers.get(aliases) or []
        if not isinstance(more, list):
          raise MalformedError(f'"{aliases}" is no list', 'no_list')
        return [first, *(a for a in more if a != first)]
  elif isinstance(answers, list):
    if all(isinstance(a, dict) and 'text' in a for a in answers):
      return [a['text'] for a in answers]
    if all(isinstance(a, dict) for a in answers):  # KILT's outputs.
      return [a['answer'] for a in answers if 'answer' in a]
  return answers


def _gold(record: Mapping[str, Any]) -> tuple[object, object]:
  """Returns id and title of the gold paragraph."""
  found: Any = None
  if 'positive_ctxs' in record:  # DPR's.
    found = record['positive_ctxs'] or [{}]
  elif isinstance(record.get('output'), list):  # KILT's.
    outputs = (o for o in record['output'] if isinstance(o, dict))
    found = next(
      (o['provenance'] for o in outputs if o.get('provenance')), [{}]
    )
  if found is None:
    return record.get('paragraph_id'), record.get('title')
  if not isinstance(found, list) or not isinstance(found[0], dict):
    raise MalformedError(
      '"positive_ctxs" or "provenance" is no list of objects'
    )
  ids = (found[0].get(n) for n in ('passage_id', 'psg_id', 'wikipedia_id'))
  return next((i for i in ids if i is not None), None), found[0].get('title')


def parse_object(record: object, answer_field: str) -> dict[str, Any]:
  """Returns the unchecked fields of a `QaExample`.

  Args:
    record: Object of JSON.
    answer_field: Field of the answers; for the default one, those that are
      usual are looked for.

  Raises:
    MalformedError: It is no object, or has no question or answers.
    SkippedError: The question has no answer, and its data set says so.
  """
  if not isinstance(record, dict):
    raise MalformedError('not a JSON object', 'not_json')
  if 'annotations' in record and 'question_text' in record:
    return natural_questions.parse(record)._asdict()
  question = question_of(record)
  names = _ANSWERS if answer_field == ANSWER_FIELD else (answer_field,)
  answers = _texts(_first_of(record, names))
  # SQuAD 2.0, where each question has its paragraph.
  if record.get('is_impossible') is True or (
    answers == [] and 'context' in record
  ):
    raise SkippedError('unanswerable')
  gold_id, gold_title = _gold(record)
  return {
    'question': question,
    'answers': answers,
    'id': next((record[n] for n in _IDS if n in record), None),
    'gold_id': gold_id,
    'gold_title': gold_title,
  }


def _spread(item: object) -> Iterator[object]:
  """Yields the questions of an article of SQuAD, or any other item itself."""
  if not isinstance(item, dict) or not isinstance(item.get('paragraphs'), list):
    yield item
    return
  for paragraph in item['paragraphs']:
    if not isinstance(paragraph, dict) or not isinstance(
      paragraph.get('qas'), list
    ):
      yield MalformedError('a paragraph without "qas"', 'no_questions')
      continue
    shared = {'title': item.get('title'), 'context': paragraph.get('context')}
    for question in paragraph['qas']:
      is_object = isinstance(question, dict)
      yield {**shared, **question} if is_object else question


def is_json(head: bytes) -> bool:
  """Whether a file is an array of objects, or an object that holds one.

  Args:
    head: Its first bytes.
  """
  return bool(_HOLDER.match(head) or _ARRAY.match(head))


def read_json(stream: IO[bytes]) -> Iterator[tuple[int, object]]:
  """Reads a file for which `is_json` is true, question by question.

  Yields:
    The line where the question, or its article in SQuAD, begins; and a record
    for `parse_object`, or a MalformedError.

  Raises:
    DamagedError: The rest is no JSON.
  """
  before = 0
  holder = _HOLDER.match(stream.peek(_HEAD))  # type: ignore[attr-defined]
  if holder:
    before = stream.read(holder.end() - 1).count(b'\n')
  line = 1
  try:
    for line, item in json_array.read_items(stream, in_object=bool(holder)):
      for record in _spread(item):
        yield before + line, record
  except (ValueError, RecursionError) as e:
    place = re.match(r'line (\d+): ', str(e))
    line = int(place[1]) if place else line
    reason = str(e)[place.end() :] if place else str(e)
    raise lines.DamagedError(before + line, reason) from e


def _parse_list(text: str) -> list[Any]:
  """Parses a list of Python strings."""
  try:
    answers = ast.literal_eval(text)
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    strings = sum(token.type == tokenize.STRING for token in tokens)
  except (ValueError, SyntaxError, RecursionError, MemoryError) as e:
    shown = text if len(text) <= _SHOWN else text[:_SHOWN] + '...'
    raise MalformedError(
      f'the answers are no list like ["a", "b"]: {shown}', 'no_list'
    ) from e
  if isinstance(answers, list | tuple) and strings > len(answers):
    # As numpy prints them; Python takes them for one string.
    raise MalformedError('two answers without a comma between them', 'no_list')
  return answers


def parse_columns(line: bytes, answer_field: str = '') -> dict[str, Any]:
  """Returns the unchecked fields of a `QaExample` from a line of DPR's tables.

  Raises:
    MalformedError: It has not two columns, or the second is no list.
    SkippedError: It is a header.
  """
  del answer_field
  try:
    columns = lines.parse_tab_separated(line)
  except MalformedError:
    # A question that begins with a quotation, in a file without quoting.
    columns = lines.decode(line).rstrip('\r\n').split('\t')
  if len(columns) != 2:
    raise MalformedError(
      f'{len(columns)} columns, not 2: question, answers', 'columns'
    )
  if re.fullmatch(r'question\tanswers?', '\t'.join(columns).lower()):
    raise SkippedError('header')
  return {'question': columns[0], 'answers': _parse_list(columns[1].strip())}
