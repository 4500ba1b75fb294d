# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import io

import pytest

from realm_tf.corpus import lines
from realm_tf.corpus.document import MalformedError


def test_objects():
  assert lines.parse_object('{"é": [1, null]}\n'.encode()) == {'é': [1, None]}


@pytest.mark.parametrize(
  'line, message',
  [
    (b'{"a": "\xff"}', 'not UTF-8 at byte 7'),
    (b'{"a": 1', 'not JSON: Expecting'),
    (b'[1]', 'not a JSON object'),
    (b'{"a": ' + b'[' * 100_000, 'nested too deeply'),
    (b'{"a": ' + b'1' * 5000 + b'}', 'not JSON: Exceeds the limit'),
  ],
)
def test_what_is_no_object(line, message):
  with pytest.raises(MalformedError, match=message):
    lines.parse_object(line)


def test_strings():
  assert lines.check_string('the name', 'é\U0001f5fc') == 'é\U0001f5fc'
  with pytest.raises(MalformedError, match='the name is int, not a string'):
    lines.check_string('the name', 3)
  with pytest.raises(MalformedError, match='a surrogate pair in the name'):
    lines.check_string('the name', 'a\ud83d')


def test_tab_separated_values():
  line = b'who is it\t"[""O\'Neill"", \'b\']"\r\n'
  assert lines.parse_tab_separated(line) == [
    'who is it',
    "[\"O'Neill\", 'b']",
  ]
  with pytest.raises(MalformedError, match='not UTF-8 at byte 2'):
    lines.parse_tab_separated(b'a\t\xff\n')


@pytest.mark.parametrize(
  'value, expected',
  [
    ('"He said ""no"" to it"', 'He said "no" to it'),
    ('He said "no" to it', 'He said "no" to it'),
    ('"Begins" with it', '"Begins" with it'),
    ('"Only opens', '"Only opens'),
    ('"', '"'),
    ('""', ''),
  ],
)
def test_quotation_marks_are_quoting_only_around_a_whole_value(value, expected):
  line = f'1\t{value}\tT\n'.encode()
  assert lines.parse_tab_separated(line, 3) == ['1', expected, 'T']


def test_tabs_in_quotes_where_there_are_too_many_values():
  assert lines.parse_tab_separated(b'1\t"a\tb"\tT', 3) == ['1', 'a\tb', 'T']
  assert len(lines.parse_tab_separated(b'1\ta\tb\tT', 3)) == 4


def _cut(content, cut=lines.cut):
  return list(cut(io.BytesIO(content)))


def test_byte_order_marks_at_the_start_of_any_line():
  content = b'\xef\xbb\xbfa\n\n\xef\xbb\xbfb\xef\xbb\xbf'
  assert _cut(content) == [(1, b'a\n'), (3, b'b\xef\xbb\xbf')]


def test_long_lines_are_passed_over(monkeypatch):
  monkeypatch.setattr(lines, 'MAX_RECORD', 8)
  monkeypatch.setattr(lines, '_NO_LINES', 1 << 21)
  found = _cut(b'a\n' + b'b' * 99 + b'\nc\n' + b'd' * 7 + b'\n')
  assert [line for line, _ in found] == [1, 2, 3, 4]
  assert found[1][1].kind == 'too_long'
  assert found[3][1] == b'd' * 7 + b'\n'
  with pytest.raises(lines.DamagedError, match='no line break in'):
    _cut(b'a\n' + b'b' * (4 << 20))


@pytest.mark.parametrize('end', [b'{"a": "b', b'{"a"', b'{"a": tr'])
def test_an_object_that_the_file_cuts_off_is_damage(end):
  with pytest.raises(lines.DamagedError, match='cut off') as e:
    _cut(b'{"a": 1}\n' + end, lines.cut_objects)
  assert e.value.line == 2
  # A line with an end is only malformed; so is one that says more.
  for content in (end + b'\n', b'{"a": 1}}', b'no object'):
    assert _cut(content, lines.cut_objects) == [(1, content)]
