# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from realm_tf.questions import answers
from tests.support import shared_data


def test_as_the_original():
  cases = json.loads(shared_data.path('goldens', 'eval.json').read_text())
  assert len(cases) == 100
  for case in cases:
    prediction, references = case['prediction'], case['answers']
    assert answers.normalize(prediction) == case['normalized_prediction'], case
    assert [answers.normalize(a) for a in references] == (
      case['normalized_answers']
    ), case
    right = answers.is_correct(prediction, references, case['is_regex'])
    # Nothing at all is right in the original where a reference is empty, too.
    key = 'prediction' if case['is_regex'] else 'normalized_prediction'
    assert right is (case['is_correct'] and bool(case[key])), case


@pytest.mark.parametrize(
  'answer, normalized',
  [
    ('The  U.S.A. ', 'usa'),
    ('a\tcat and\nthe dog', 'cat and dog'),
    ('Another theatre', 'another theatre'),
    ('co-operate', 'cooperate'),
    ('“Fin—de—siècle”', '“fin—de—sie\u0300cle”'),
    ('1,234.5', '12345'),
    ('The A.', ''),
    ('', ''),
  ],
)
def test_normalize(answer, normalized):
  assert answers.normalize(answer) == normalized


def test_accents_are_the_same_however_composed():
  assert answers.is_correct('Beyonc\u00e9', ['beyonce\u0301'])
  assert not answers.is_correct('Beyonce', ['Beyonc\u00e9'])


def test_any_answer_will_do():
  assert answers.is_correct('the Rhine', ['Danube', 'Rhine'])
  assert not answers.is_correct('Rhine river', ['Danube', 'Rhine'])
  assert not answers.is_correct('Rhine', [])


@pytest.mark.parametrize('prediction', ['', ' ', '...', 'The', 'a'])
def test_an_empty_prediction_is_wrong(prediction):
  assert not answers.is_correct(prediction, ['A', '...', '', 'The'])


def test_an_empty_prediction_is_wrong_for_patterns():
  for prediction in ('', ' \n'):
    assert not answers.is_correct(prediction, ['.*', 'x?', ''], is_regex=True)
  assert answers.is_correct('...', [r'\.+'], is_regex=True)


def test_patterns_match_at_the_beginning():
  pattern = [r'19\d\d|twen(ty)?']
  assert answers.is_correct('1987, in May', pattern, is_regex=True)
  assert answers.is_correct('TWENTY', pattern, is_regex=True)
  assert not answers.is_correct('in 1987', pattern, is_regex=True)
  assert not answers.is_correct('1987', pattern)


@pytest.mark.parametrize(
  'pattern', ['(a', '*b', 'Sievert (Sv)\\', 'a{9999999999}']
)
def test_broken_pattern_is_named_and_right_for_nobody(pattern):
  with pytest.raises(answers.AnswerPatternError) as e:
    answers.compile_pattern(pattern)
  assert repr(pattern) in str(e.value)
  assert not answers.is_correct(pattern, [pattern], is_regex=True)
  assert answers.is_correct('right', [pattern, 'right'], is_regex=True)
