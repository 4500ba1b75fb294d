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
    document.clean_document(title, text, is_wikipedia=True)
  assert e.value.reason == reason


@pytest.mark.parametrize('title', ['Listing of ships', 'The List of Adrian'])
def test_keeps_what_only_looks_like_a_list(title):
  found = document.clean_document(title, 'A text.', is_wikipedia=True)
  assert found.title == title


@pytest.mark.parametrize(
  'title', ['Index of refraction', 'List of approved drugs', 'Outline of it']
)
def test_titles_mean_something_in_wikipedia_only(title):
  assert document.clean_document(title, 'A text.').title == title


@pytest.mark.parametrize(
  'text, expected',
  [
    ('a?x=1&copy=2&reg=3', 'a?x=1&copy=2&reg=3'),
    ('&notit; AT&T &c.', '&notit; AT&T &c.'),
    ('&lt;b&gt; &eacute;&#233;&#xE9;', '<b> \xe9\xe9\xe9'),
    ('&#' + '9' * 5000 + ';', '&#' + '9' * 5000 + ';'),
  ],
)
def test_only_what_ends_in_a_semicolon_is_a_reference(text, expected):
  assert document.clean_text(text) == expected


@pytest.mark.parametrize(
  'title, text', [(None, 'a'), ('a', 3), ('a', ['b']), ('a', 'b \ud800 c')]
)
def test_malformed(title, text):
  with pytest.raises(document.MalformedError):
    document.clean_document(title, text)
