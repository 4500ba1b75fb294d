# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import gzip

import pytest

from realm_tf.corpus import removals
from realm_tf.corpus.document import CorpusError
from realm_tf.corpus.problems import Problems
from realm_tf.corpus.removals import Removal, by_title
from tests.support import small_world


def test_titles_and_objects(tmp_path):
  text = tmp_path / 'a.txt'
  text.write_bytes(
    b'\xef\xbb\xbfRome\r\n\n  New   York \nS\xc3\xa3o Tom\xc3\xa9'
  )
  lines = tmp_path / 'b.jsonl.gz'
  lines.write_bytes(
    gzip.compress(
      b'{"title": " Lima", "id": 3}\n{"uid": -7}\n{"row": 0}\n{"id": "x"}'
    )
  )
  problems = Problems()
  found = removals.read_removals([str(text), str(lines)], problems)
  assert found == [
    Removal('title', 'Rome', f'{text}:1'),
    Removal('title', 'New York', f'{text}:3'),
    Removal('title', 'São Tomé', f'{text}:4'),
    Removal('id', '3', f'{lines}:1', 'Lima'),
    Removal('uid', -7, f'{lines}:2'),
    Removal('row', 0, f'{lines}:3'),
    Removal('id', 'x', f'{lines}:4'),
  ]
  assert not problems.counts


@pytest.mark.parametrize(
  ('line', 'reason'),
  [
    (b'Rome', 'not JSON'),
    (b'[1]', 'not a JSON object'),
    (b'{"text": "x"}', 'none of id, title, uid and row'),
    (b'{"title": "x", "row": 1}', 'more than one of'),
    (b'{"title": 7}', 'title is int, not a string'),
    (b'{"uid": "7"}', 'uid is str, not a whole number'),
    (b'{"id": ["7"]}', 'id is list, not a string or a whole number'),
    (b'{"id": true}', 'id is bool, not a string or a whole number'),
    (b'{"row": true}', 'row is bool, not a whole number'),
    (b'{"title": "\xff"}', 'not UTF-8'),
  ],
)
def test_malformed_lines_are_counted_or_the_end(tmp_path, line, reason):
  path = tmp_path / 'a.jsonl'
  path.write_bytes(b'{"row": 1}\n' + line + b'\n{"row": 2}\n')
  problems = Problems()
  found = removals.read_removals(str(path), problems)
  assert [r.value for r in found] == [1, 2]
  assert problems.counts['malformed'] == 1
  with pytest.raises(CorpusError, match=rf'a\.jsonl:2: .*{reason}.*`strict`'):
    removals.read_removals(str(path), Problems(strict=True))


def test_files_that_cannot_be_read(tmp_path):
  with pytest.raises(CorpusError, match='`remove`: no file'):
    removals.read_removals(str(tmp_path / 'none'), Problems())
  path = tmp_path / 'a.txt.gz'
  path.write_bytes(gzip.compress(b'Rome\n' * 99)[:-9])
  with pytest.raises(CorpusError, match='damaged gzip file'):
    removals.read_removals(str(path), Problems())


@pytest.fixture
def corpus(tmp_path):
  return small_world.store(
    tmp_path / 'corpus',
    [('Rome', 'old'), ('Paris', 'big'), ('Rome', 'word'), ('Paris', 'big')],
  )


def test_by_title_uid_and_row(corpus):
  uid = int(corpus.uids[1])
  rows, missing = removals.find_rows(
    corpus, [Removal('row', 2), Removal('uid', uid)]
  )
  # Two documents of one text have one uid.
  assert rows.tolist() == [1, 2, 3] and not missing
  rows, missing = removals.find_rows(corpus, [by_title(' Rome ')])
  assert rows.tolist() == [0, 2] and not missing


def test_by_id_and_title(tmp_path):
  corpus = small_world.store(
    tmp_path / 'corpus',
    [('Rome', 'old'), ('Rome', 'big'), ('Paris', 'word'), ('Ulm', 'old')],
    ['7', '8', '8', ''],
  )
  wanted = [Removal('id', '8'), Removal('id', '7', title='Rome')]
  rows, missing = removals.find_rows(corpus, wanted)
  assert rows.tolist() == [0, 1, 2] and not missing
  wanted = [Removal('id', '8', title='Paris'), Removal('id', '7', '', 'Paris')]
  rows, missing = removals.find_rows(corpus, [*wanted, Removal('id', '')])
  assert rows.tolist() == [2] and missing == [wanted[1], Removal('id', '')]
  assert str(missing[0]) == "there is no block of id '7' and title 'Paris'"


def test_what_is_not_there_is_returned(corpus):
  wanted = [
    by_title('rome', 'f:1'),
    Removal('uid', 1 << 70, 'f:2'),
    Removal('uid', 5, 'f:3'),
    Removal('row', 4, 'f:4'),
    Removal('row', -1, 'f:5'),
    by_title('Rome', 'f:6'),
  ]
  rows, missing = removals.find_rows(corpus, wanted)
  assert rows.tolist() == [0, 2]
  assert missing == wanted[:5]
  assert str(missing[0]) == "f:1: there is no block of title 'rome'"
  assert str(Removal('row', 4)) == 'there is no block of row 4'
  rows, missing = removals.find_rows(corpus, [])
  assert rows.tolist() == [] and missing == []
  assert removals.rows_of_titles(corpus, []) == {}


def test_titles_are_compared_in_one_form(tmp_path):
  # As a converted corpus has them.
  titles = ['AT&amp;T', 'San  Marino', 'AT&T', '&#' + '9' * 5000 + ';']
  corpus = small_world.store(
    tmp_path / 'corpus', [(title, 'old') for title in titles]
  )
  for title, expected in (
    ('AT&T', [0, 2]),
    (' AT&amp;T', [0, 2]),
    ('San Marino', [1]),
  ):
    rows, missing = removals.find_rows(corpus, [by_title(title)])
    assert rows.tolist() == expected and not missing
  rows, missing = removals.find_rows(
    corpus, [Removal('title', 'San  Marino'), Removal('title', titles[3])]
  )
  assert rows.tolist() == [1, 3] and not missing
  found = removals.rows_of_titles(corpus, ['AT&T', 'Rome'])
  assert found == {'AT&T': [0, 2]}
