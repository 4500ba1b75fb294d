# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import gzip

import pytest

from realm_tf.corpus import removals
from realm_tf.corpus.document import CorpusError
from realm_tf.corpus.removals import Removal


def test_titles_and_objects(tmp_path):
  text = tmp_path / 'a.txt'
  text.write_bytes(
    b'\xef\xbb\xbfRome\r\n\n  New   York \nS\xc3\xa3o Tom\xc3\xa9'
  )
  lines = tmp_path / 'b.jsonl.gz'
  lines.write_bytes(
    gzip.compress(b'{"title": "Lima", "id": 3}\n{"uid": -7}\n{"row": 0}\n')
  )
  found, malformed = removals.read_removals([str(text), str(lines)])
  assert found == [
    Removal('title', 'Rome', f'{text}:1'),
    Removal('title', 'New York', f'{text}:3'),
    Removal('title', 'São Tomé', f'{text}:4'),
    Removal('title', 'Lima', f'{lines}:1'),
    Removal('uid', -7, f'{lines}:2'),
    Removal('row', 0, f'{lines}:3'),
  ]
  assert malformed == 0


@pytest.mark.parametrize(
  ('line', 'reason'),
  [
    (b'Rome', 'not JSON'),
    (b'[1]', 'not a JSON object'),
    (b'{"text": "x"}', 'none of title, uid and row'),
    (b'{"title": "x", "row": 1}', 'more than one of'),
    (b'{"title": 7}', 'title is int, not a string'),
    (b'{"uid": "7"}', 'uid is str, not a whole number'),
    (b'{"row": true}', 'row is bool, not a whole number'),
    (b'{"title": "\xff"}', 'not UTF-8'),
    (b'{"title": "&#' + b'9' * 5000 + b';"}', 'a reference to no character'),
  ],
)
def test_malformed_lines_are_counted_or_the_end(tmp_path, line, reason):
  path = tmp_path / 'a.jsonl'
  path.write_bytes(b'{"row": 1}\n' + line + b'\n{"row": 2}\n')
  found, malformed = removals.read_removals(str(path))
  assert [r.value for r in found] == [1, 2] and malformed == 1
  with pytest.raises(CorpusError, match=rf'a\.jsonl:2: .*{reason}.*--strict'):
    removals.read_removals(str(path), strict=True)


def test_files_that_cannot_be_read(tmp_path):
  with pytest.raises(CorpusError, match='--remove: no file'):
    removals.read_removals(str(tmp_path / 'none'))
  path = tmp_path / 'a.txt.gz'
  path.write_bytes(gzip.compress(b'Rome\n' * 99)[:-9])
  with pytest.raises(CorpusError, match='cannot be read'):
    removals.read_removals(str(path))
