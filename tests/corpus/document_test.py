# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import pytest

from realm_tf.corpus import document


def test_cleans():
  found = document.clean_document(
    ' AT&amp;T  Inc. ', 'A &lt;b&gt; c.\r\n\r\n  D\u00a0e \t f,\ngoes on.\n\n'
  )
  assert found[:2] == ('AT&T Inc.', 'A <b> c.\nD e f, goes on.')


def test_title_in_the_first_line_is_dropped():
  assert document.clean_document('Paris', 'Paris\n\nA city.').text == 'A city.'
  assert document.clean_document('Paris', 'Paris is it.').text == 'Paris is it.'


@pytest.mark.parametrize(
  'title, text, reason',
  [
    ('List of rivers', 'The Rhine.', 'list_or_index'),
    ('Index of physics articles', 'A', 'list_or_index'),
    ('Outline of law', 'A', 'list_or_index'),
    ('Mercury (disambiguation)', 'A', 'disambiguation'),
    ('Paris', ' \n ', 'empty'),
    ('Paris', 'Paris', 'empty'),
  ],
)
def test_skips(title, text, reason):
  with pytest.raises(document.SkippedError) as e:
    document.clean_document(title, text)
  assert e.value.reason == reason


@pytest.mark.parametrize('title', ['Listing of ships', 'The List of Adrian'])
def test_keeps_what_only_looks_like_a_list(title):
  assert document.clean_document(title, 'A text.').title == title


@pytest.mark.parametrize(
  'title, text', [(None, 'a'), ('a', 3), ('a', ['b']), ('a', 'b \ud800 c')]
)
def test_malformed(title, text):
  with pytest.raises(document.MalformedError):
    document.clean_document(title, text)
