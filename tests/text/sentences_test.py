# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import pytest

from realm_tf.text import sentences

# A bar stands where a sentence ends.
TABLE = [
  'One sentence.|Another one.',
  'It was 3.5 km long.|It cost $4.50 in 1990.|Then it closed.',
  'Mr. Smith met Dr. Jones.|They spoke.',
  'George W. Bush met J. R. R. Tolkien.|He left.',
  'He lived in the U.S. Army base.|She did not.',
  'He lived in the U.S.|The base is gone.',
  'He fought in World War I.|The war was long.',
  'Born at 9 a.m. Eastern time.|He slept.',
  'It is No. 5 of them.|He said no.|She went.',
  'Founded by Smith et al.|In 1990 it closed.',
  'Apple Inc. is large.|It makes phones.',
  'He worked for Apple Inc.|He left in 2001.',
  'Martin Luther King Jr. spoke.|People heard him.',
  'He came (b. 1950, d. 1999).|She stayed.',
  'He asked, "Why?" and left.|Nobody knew.',
  'She said "Stop!"|He did not.',
  'It ended.[12]|It began again.[3][4]|Then it ended.',
  'It ended.|(It had begun before.)|It was over.',
  'See pp. 12–15 of vol. 3 there.|It is long.',
  'On Jan. 5 it rained.|On Feb. 6 it snowed.',
  'What is it?|A bird.|A plane!|No...|Superman.',
  'It was e.g. Windows CE.|It ran.',
  'He lives on St. James Street.|It is quiet.',
  'Everyone loved iPhones.|iPhone sales rose.|eBay grew.',
  'これは文です。|これも文です。',
  '¿Qué es?|¡Nada!|Fin.',
  'Ph.D. students came.|They left.',
  'The ratio is 1.5.|2 of them are right.',
  '“It is over.”|He slept.',
]


@pytest.mark.parametrize('expected', TABLE)
def test_splits(expected):
  parts = expected.split('|')
  joint = '' if '。' in expected else ' '
  assert sentences.split_sentences(joint.join(parts)) == parts


def test_a_line_break_ends_a_sentence_behind_an_abbreviation_too():
  assert sentences.split_sentences('Smith et al.\nJones Inc.\nMr.\nx') == [
    'Smith et al.',
    'Jones Inc.',
    'Mr.',
    'x',
  ]


def test_nothing_but_white_space_is_lost():
  text = '  A b. C d!\n\n\n  E “f.” G (h.) I\t\n' + ' '.join(
    t.replace('|', ' ') for t in TABLE
  )
  spans = sentences.sentence_spans(text)
  rest = list(text)
  for start, limit in spans:
    assert text[start:limit] == text[start:limit].strip() != ''
    rest[start:limit] = ' ' * (limit - start)
  assert ''.join(rest).strip() == ''
  for (_, limit), (start, _) in zip(spans, spans[1:]):
    assert limit <= start


@pytest.mark.parametrize('text', ['', ' ', '\n\n', '\t \n'])
def test_empty(text):
  assert sentences.sentence_spans(text) == []


def test_byte_spans():
  text = 'Zürich liegt.  東京。 Ende \U0001f600.'
  spans = sentences.sentence_spans(text)
  encoded = text.encode()
  found = [encoded[a:b].decode() for a, b in sentences.byte_spans(text, spans)]
  assert found == sentences.split_sentences(text)
  assert sentences.byte_spans('ab cd', [(0, 2), (3, 5)]) == [(0, 2), (3, 5)]
