# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import io
import json

import pytest

from realm_tf.io import json_array

ITEMS = [{'a': [1, 'x\ny']}, 12, 345.5, 'é]', [], {}, None]


def _read(text, **kwargs):
  content = text if isinstance(text, bytes) else text.encode()
  return list(json_array.read_items(io.BytesIO(content), **kwargs))


@pytest.mark.parametrize('chunk', [1, 2, 3, 7, 1 << 20])
@pytest.mark.parametrize('indent', [None, 2])
def test_items_whatever_is_read_at_once(monkeypatch, chunk, indent):
  monkeypatch.setattr(json_array, '_CHUNK', chunk)
  text = json.dumps(ITEMS, indent=indent)
  assert [item for _, item in _read(text)] == ITEMS
  assert _read('[]') == _read('\ufeff [ ] ') == []
  twice = f'{text}\n{text}\n[]'
  assert [item for _, item in _read(twice)] == [*ITEMS, *ITEMS]


@pytest.mark.parametrize('rest', ['}', ' }\n', ', "version": 1}'])
def test_a_value_of_an_object(rest):
  assert _read('[1]' + rest, in_object=True) == [(1, 1)]
  with pytest.raises(ValueError, match='something after the end'):
    _read('[1]' + rest)


def test_nothing_is_lost_after_an_object():
  with pytest.raises(ValueError, match='line 2: something after the end'):
    _read('[1]}\n{"data": [2]}', in_object=True)


def test_lines_are_those_where_items_begin():
  text = json.dumps([{'a': 1}, {'b': [2, 3]}, 4], indent=1)
  assert [line for line, _ in _read(text)] == [2, 5, 11]
  lines = text.splitlines()
  assert [lines[i - 1].strip() for i in (2, 5, 11)] == ['{', '{', '4']


def test_bytes_that_are_not_utf8_spoil_their_item_only():
  items = _read(b'["a\xff", "b"]')
  assert items == [(1, 'a\udcff'), (1, 'b')]


@pytest.mark.parametrize(
  'text, whole, message',
  [
    ('', 0, 'line 1: the array does not end'),
    ('{"a": 1}', 0, 'line 1: not a JSON array'),
    ('[1,\n2', 1, 'line 2: not JSON: neither'),
    ('[1,\n2 ', 2, 'line 2: the array does not end'),
    ('[{}x, 1]', 0, 'line 1: not JSON: neither'),
    ('[1,\n\n{"a": ', 1, 'line 3: not JSON: Expecting value'),
    ('[1,\n2\n3]', 2, 'line 3: not JSON: neither'),
    ('[1,]', 1, 'line 1: not JSON: Expecting value'),
    ('[1]\nx', 1, 'line 2: something after the end'),
    ('[1]]', 1, 'line 1: something after the end'),
  ],
)
def test_what_is_whole_is_read_before_the_error(text, whole, message):
  found = []
  with pytest.raises(ValueError, match=message):
    for _, item in json_array.read_items(io.BytesIO(text.encode())):
      found.append(item)
  assert len(found) == whole


def test_broken_items_do_not_fill_the_memory(monkeypatch):
  monkeypatch.setattr(json_array, '_CHUNK', 16)
  stream = io.BytesIO(b'[{"a" 1}' + b' ' * 100_000)
  with pytest.raises(ValueError, match='line 1: not JSON'):
    list(json_array.read_items(stream, max_item=1000))
  assert stream.tell() < 3000
