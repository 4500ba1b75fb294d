# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Documents, their clean-up, and the errors of input."""

import html
import html.entities
import re
from typing import NamedTuple


class CorpusError(ValueError):
  """Input or settings that the user can correct, in one line."""


class MalformedError(ValueError):
  """An input record that cannot be read.

  Attributes:
    kind: Word under which it is counted, after `malformed_`; empty for none.
  """

  def __init__(self, message: str, kind: str = ''):
    super().__init__(message, kind)
    self.kind = kind

  def __str__(self) -> str:
    return self.args[0]


class SkippedError(Exception):
  """A readable record that is left out on purpose.

  Attributes:
    reason: Word under which the manifest counts it.
  """

  def __init__(self, reason: str):
    super().__init__(reason)
    self.reason = reason


class Document(NamedTuple):
  """A clean document.

  Attributes:
    title: Title, with single spaces; empty if it has none.
    text: Text: a line a paragraph, single spaces.
    id: Id of the record that it came from; empty if it has none.
    url: Address of that record; empty if it has none.
  """

  title: str
  text: str
  id: str = ''
  url: str = ''


# Pages of Wikipedia that the original leaves out, too (ORQA's
# wiki_preprocessor).
_LEFT_OUT = re.compile(
  r'(?P<list_or_index>(?:List|Index|Outline) of .)'
  r'|(?P<disambiguation>.*\(disambiguation\))'
)
# What ends in a semicolon is a reference, if HTML knows it: `&copy=2` is none.
_REFERENCE = re.compile(r'&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z0-9]+);')
_BYTE_ORDER_MARK = '\ufeff'
# A line that continues in lower case was broken by an editor, not the writer.
_BROKEN_LINE = re.compile(r'\n(?<=[^\W\d_]\n|,\n)(?=[a-z])')
_LONE_SURROGATE = re.compile(r'[\ud800-\udfff]')


def _character(reference: re.Match) -> str:
  text = reference[0]
  known = text[1] == '#' or text[1:] in html.entities.html5
  return html.unescape(text) if known else text


def _unescape(text: str) -> str:
  return _REFERENCE.sub(_character, text) if '&' in text else text


def clean_text(text: str) -> str:
  """Unescapes HTML and normalizes white space.

  Returns:
    The text with single spaces, and one line break between paragraphs.
  """
  lines = (' '.join(line.split()) for line in _unescape(text).split('\n'))
  text = '\n'.join(filter(None, lines))
  return _BROKEN_LINE.sub(' ', text) if '\n' in text else text


def clean_title(title: str) -> str:
  """Unescapes HTML and collapses white space."""
  return ' '.join(_unescape(title).strip(_BYTE_ORDER_MARK).split())


def clean_document(
  title: object,
  text: object,
  id: str = '',
  url: str = '',
  *,
  is_wikipedia: bool = False,
) -> Document:
  """Cleans a document up.

  Args:
    title: Value that the input has for the title.
    text: Value that the input has for the text.
    id: Id of the record.
    url: Address of the record.
    is_wikipedia: Whether titles say what is no article, as Wikipedia's do.

  Raises:
    MalformedError: Title or text is not a string.
    SkippedError: The document is empty; or it is Wikipedia's, and a list, an
      index, an outline or a disambiguation page.
  """
  for name, value in (('title', title), ('text', text)):
    if not isinstance(value, str):
      raise MalformedError(
        f'{name} is {type(value).__name__}, not a string', 'wrong_type'
      )
  assert isinstance(title, str) and isinstance(text, str)
  title = clean_title(title)
  match = _LEFT_OUT.match(title)
  if is_wikipedia and match:
    raise SkippedError(match.lastgroup or '')
  text = clean_text(text)
  if not (title + text).isascii() and _LONE_SURROGATE.search(title + text):
    raise MalformedError('half of a surrogate pair in the text', 'not_utf8')
  # WikiExtractor repeats the title as the first line.
  if text.startswith(title + '\n') and title:
    text = text[len(title) + 1 :]
  if not text or text == title:
    raise SkippedError('empty')
  return Document(title, text, id, url)
