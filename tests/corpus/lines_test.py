# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
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
  with pytest.raises(MalformedError, match='not a line of tab-separated'):
    lines.parse_tab_separated(b'a\t"b\n')
  with pytest.raises(MalformedError, match='not UTF-8 at byte 2'):
    lines.parse_tab_separated(b'a\t\xff\n')
