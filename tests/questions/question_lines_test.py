# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import io
import json

import pytest

from realm_tf.corpus import lines
from realm_tf.corpus.document import MalformedError
from realm_tf.questions import question_lines

QUESTION = 'Who wrote \u00c9mile?'


@pytest.mark.parametrize(
  'line',
  [
    QUESTION.encode(),
    f'\t {QUESTION}\u2003\r\n'.encode(),
    json.dumps({'question': QUESTION, 'id': 3}).encode(),
    json.dumps({'question': f' {QUESTION}\n'}, ensure_ascii=False).encode(),
    # As Windows begins a file, and as files that were put together have it.
    f'\ufeff{QUESTION}\n'.encode(),
    f' \ufeff {{"question": "\ufeff{QUESTION}"}}\n'.encode(),
    json.dumps({'id': 1, 'input': QUESTION, 'output': []}).encode(),
    f'{QUESTION}\t["a", \'b\']\n'.encode(),
    {'question': QUESTION, 'answers': 7},
  ],
)
def test_text_or_json(line):
  assert question_lines.parse_question(line) == QUESTION


@pytest.mark.parametrize('text', ['a tab\tin it', '[MASK] is [MASK]', '[ {'])
def test_text_that_looks_like_another_format(text):
  assert question_lines.parse_question(text.encode()) == text


def test_lines_and_arrays_are_cut():
  def cut(content):
    stream = io.BufferedReader(io.BytesIO(content.encode()))
    return list(question_lines.cut(stream))

  assert cut('[MASK] is\n\nb') == [(1, b'[MASK] is\n'), (2, b'\n'), (3, b'b')]
  assert cut(' [\n{"a": 1},\n 7]') == [(2, {'a': 1}), (3, 7)]
  with pytest.raises(lines.DamagedError, match='neither'):
    cut('[{"a": 1} 7')


def test_a_long_question_is_one():
  long = 'why ' * 25_000 + '?'
  assert question_lines.parse_question(long.encode()) == long


@pytest.mark.parametrize(
  'line, message',
  [
    (b'\n', 'the question is empty'),
    (b'\xef\xbb\xbf\r\n', 'the question is empty'),
    (b'{"question": " "}', 'the question is empty'),
    (b'{"a": 1}', 'no "question"'),
    (b'{"question": null}', 'the question is NoneType, not a string'),
    (b'{"question": ', 'not JSON'),
    (b'{"question": ' + b'[' * 100_000, 'nested too deeply'),
    (rb'{"question": "Who \ud83d?"}', 'half of a surrogate pair'),
    (b'Who \xff?', 'not UTF-8 at byte 4'),
    ({'answers': 7}, 'no "question"'),
    (7, 'not a JSON object'),
    (MalformedError('why'), 'why'),
  ],
)
def test_lines_without_a_question(line, message):
  with pytest.raises(MalformedError, match=message):
    question_lines.parse_question(line)
