# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Questions and short answers from the original Natural Questions.

Two forms are read: the full one, with the HTML of the page and its tokens, and
the simplified one, with the page as a string of tokens.
"""

import html.parser
import re
import urllib.parse
from typing import Any, NamedTuple

from realm_tf.corpus.document import MalformedError, SkippedError

# NQ-open's rule: longer ones are left out.
MAX_ANSWER_TOKENS = 5

# Where the simplified form has put spaces between the tokens of one word.
_SPACE_BEFORE = re.compile(
  r" (?=(?:[.,;:!?%)\]]|'(?:s|d|m|ll|re|ve)|n't)(?:\s|$))"
)
_SPACE_AFTER = re.compile(r'(?<=[(\[$#]) ')
_OPENING_QUOTE = re.compile(r'(?<!\S)`` ?')
_CLOSING_QUOTE = re.compile(r"(?:^| )''(?!\S)")


class NaturalQuestion(NamedTuple):
  """A question with its short answers.

  Attributes:
    question: The question as it was typed.
    answers: The different answers, at least one, in the order of the
      annotations.
    id: NQ's `example_id`.
    gold_title: Title of the page, if known.
  """

  question: object
  answers: list[str]
  id: object
  gold_title: str | None


class _TextOfHtml(html.parser.HTMLParser):
  """Collects the text between tags."""

  def __init__(self) -> None:
    super().__init__(convert_charrefs=True)
    self.parts: list[str] = []

  def handle_data(self, data: str) -> None:
    self.parts.append(data)


def _text_of_html(content: str) -> str:
  parser = _TextOfHtml()
  parser.feed(content)
  parser.close()
  return ' '.join(''.join(parser.parts).split())


def _join(tokens: list[str]) -> str:
  """Joins tokens as people write; leaves out HTML tags."""
  text = ' '.join(
    token
    for token in tokens
    if not (token.startswith('<') and token.endswith('>'))
  )
  text = _OPENING_QUOTE.sub('"', text)
  text = _CLOSING_QUOTE.sub('"', text)
  return _SPACE_AFTER.sub('', _SPACE_BEFORE.sub('', text))


def _range(answer: dict, unit: str, limit: int) -> slice:
  """Returns the part of the page that is the answer, in tokens or bytes."""
  start, end = answer[f'start_{unit}'], answer[f'end_{unit}']
  if not 0 <= start < end <= limit:
    raise MalformedError(
      f'a short answer at {unit} {start} to {end} of {limit}'
    )
  return slice(start, end)


class _FullPage:
  """A page in the full form."""

  def __init__(self, record: dict[str, Any]):
    # Offsets are in bytes.
    self._html = record['document_html'].encode('utf-8', 'surrogatepass')
    self.title = record.get('document_title')

  def text_of(self, answer: dict) -> str:
    part = self._html[_range(answer, 'byte', len(self._html))]
    return _text_of_html(part.decode('utf-8', 'replace'))


class _SimplifiedPage:
  """A page in the simplified form."""

  def __init__(self, record: dict[str, Any]):
    self._tokens = record['document_text'].split(' ')
    url = urllib.parse.urlsplit(record.get('document_url') or '')
    # The files have `&amp;` in their addresses.
    query = urllib.parse.parse_qs(url.query.replace('&amp;', '&'))
    self.title = query.get('title', [''])[0].replace('_', ' ') or None

  def text_of(self, answer: dict) -> str:
    return _join(self._tokens[_range(answer, 'token', len(self._tokens))])


def _parse(record: dict[str, Any]) -> NaturalQuestion:
  if 'document_html' in record:
    page: _FullPage | _SimplifiedPage = _FullPage(record)
  elif 'document_text' in record:
    page = _SimplifiedPage(record)
  else:
    raise MalformedError('neither "document_html" nor "document_text"')
  short = [a for each in record['annotations'] for a in each['short_answers']]
  if not short:
    raise SkippedError('no_short_answer')
  answers = [
    page.text_of(answer)
    for answer in short
    if answer['end_token'] - answer['start_token'] <= MAX_ANSWER_TOKENS
  ]
  if not any(answers):
    raise SkippedError('long_answer')
  return NaturalQuestion(
    record['question_text'],
    list(dict.fromkeys(filter(None, answers))),
    record.get('example_id'),
    page.title,
  )


def parse(record: dict[str, Any]) -> NaturalQuestion:
  """Makes a question of a line of `nq-*.jsonl.gz`.

  In the full form an answer is the text of its piece of HTML; in the simplified
  form it is its tokens, joined as people write.

  Args:
    record: The parsed line.

  Raises:
    MalformedError: Something is missing or of the wrong type, or an answer lies
      outside the page.
    SkippedError: It has no short answer, like most lines (`no_short_answer`),
      or none of at most `MAX_ANSWER_TOKENS` tokens that is more than tags
      (`long_answer`).
  """
  try:
    return _parse(record)
  except KeyError as e:
    raise MalformedError(f'no "{e.args[0]}"') from e
  except (TypeError, AttributeError, AssertionError) as e:
    # html.parser asserts where HTML is very broken.
    raise MalformedError(f'not as Natural Questions have it: {e}') from e
