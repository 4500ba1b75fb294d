# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import pytest

from realm_tf.corpus import document_lookup
from realm_tf.corpus.removals import Removal, by_title
from tests.support import small_world


@pytest.fixture
def store(tmp_path):
  return small_world.store(
    tmp_path,
    [('Rome', 'old'), ('Paris', 'big'), ('Rome', 'word'), ('Paris', 'big')],
  )


def test_by_title_uid_and_row(store):
  uid = int(store.uids[1])
  rows, missing = document_lookup.find_rows(
    store, [Removal('row', 2), Removal('uid', uid)]
  )
  # Two documents of one text have one uid.
  assert rows.tolist() == [1, 2, 3] and not missing
  rows, missing = document_lookup.find_rows(store, [by_title(' Rome ')])
  assert rows.tolist() == [0, 2] and not missing


def test_what_is_not_there_is_returned(store):
  removals = [
    by_title('rome', 'f:1'),
    Removal('uid', 1 << 70, 'f:2'),
    Removal('uid', 5, 'f:3'),
    Removal('row', 4, 'f:4'),
    Removal('row', -1, 'f:5'),
    by_title('Rome', 'f:6'),
  ]
  rows, missing = document_lookup.find_rows(store, removals)
  assert rows.tolist() == [0, 2]
  assert missing == removals[:5]
  assert str(missing[0]) == "f:1: there is no block of title 'rome'"
  assert str(Removal('row', 4)) == 'there is no block of row 4'


def test_nothing(store):
  rows, missing = document_lookup.find_rows(store, [])
  assert rows.tolist() == [] and missing == []
  assert document_lookup.rows_of_titles(store, []) == {}


def test_titles_are_compared_in_one_form(tmp_path):
  # As a converted corpus has them.
  titles = ['AT&amp;T', 'San  Marino', 'AT&T', '&#' + '9' * 5000 + ';']
  documents = small_world.store(tmp_path, [(title, 'old') for title in titles])
  for title, expected in (
    ('AT&T', [0, 2]),
    (' AT&amp;T', [0, 2]),
    ('San Marino', [1]),
  ):
    rows, missing = document_lookup.find_rows(documents, [by_title(title)])
    assert rows.tolist() == expected and not missing
  rows, missing = document_lookup.find_rows(
    documents, [Removal('title', 'San  Marino'), Removal('title', titles[3])]
  )
  assert rows.tolist() == [1, 3] and not missing
  found = document_lookup.rows_of_titles(documents, ['AT&T', 'Rome'])
  assert found == {'AT&T': [0, 2]}
