# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Questions to be answered, one a line: as text or in a JSON object."""

from realm_tf.corpus import lines
from realm_tf.corpus.document import MalformedError

_BYTE_ORDER_MARK = '\ufeff'


def _strip(text: str) -> str:
  return text.strip().strip(_BYTE_ORDER_MARK).strip()


def parse_question(line: bytes) -> str:
  """Returns the question of a line, without white space around it.

  Args:
    line: UTF-8: the question, or a JSON object with the key `question`.

  Raises:
    MalformedError: There is no question, or the line is not UTF-8, or it begins
      like a JSON object and is none.
  """
  text = _strip(lines.decode(line))
  if text.startswith('{'):
    record = lines.parse_object(text.encode())
    if 'question' not in record:
      raise MalformedError('no "question"')
    text = _strip(lines.check_string('the question', record['question']))
  if not text:
    raise MalformedError('the question is empty')
  return text
