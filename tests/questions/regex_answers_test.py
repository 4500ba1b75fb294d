# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import gzip
import json
import re
import unicodedata

import numpy as np
import pytest
from absl import logging

from realm_tf.questions import regex_answers
from realm_tf.questions.regex_answers import RegexAnswers
from realm_tf.questions.timed_regex import FLAGS
from realm_tf.text.tokenizer import BertTokenizer
from tests.support import shared_data, small_world

BODIES = [
  'Paris is old.',
  'the river seine has paris, in France; pa ris',
  'lima. LIMA in Perú flows',
  '',
  'big é́ word 1976 two',
]


class Bodies:
  """Texts by row, and which rows were asked for."""

  def __init__(self, texts):
    self.texts = texts
    self.asked = []

  def __call__(self, rows):
    self.asked += rows.tolist()
    return ['' if row < 0 else self.texts[row] for row in rows]


def make(texts=BODIES, **options):
  bodies = Bodies(texts)
  return RegexAnswers(bodies, small_world.tokenizer(), **options), bodies


def test_matches_are_in_bytes_of_the_original():
  body = 'Łódź: ŁÓDŹ, 1976'
  (found,) = regex_answers.byte_spans(['łódź', r'\d+'], [body])
  assert [body.encode()[i:j].decode() for i, j in found] == [
    'Łódź',
    'ŁÓDŹ',
    '1976',
  ]


def test_flags_are_those_of_evaluation():
  body = 'one\nTwo'
  assert regex_answers.byte_spans(['^two$'], [body]) == [[(4, 7)]]
  assert regex_answers.byte_spans(['one.two'], [body]) == [[]]


@pytest.mark.parametrize('pattern', ['', 'x*', '(?=o)', r'\b', r'\s+', '$'])
def test_an_empty_match_is_no_answer(pattern):
  answers, _ = make(['one two  four'])
  assert regex_answers.byte_spans([pattern], ['one two  four']) == [[]]
  assert answers.contain([pattern], [0]).tolist() == [False]
  assert answers.spans([pattern], [0])[0].shape == (0, 2)


def test_matches_behind_empty_ones_count():
  answers, _ = make(['one two'])
  assert regex_answers.byte_spans(['w?'], ['one two']) == [[(5, 6)]]
  assert answers.contain(['w?'], [0]).tolist() == [True]


def test_the_fewest_wordpieces_that_cover_a_match():
  starts, limits = np.array([0, 3, 4, 9]), np.array([3, 4, 8, 12])
  spans = [(0, 3), (3, 8), (2, 4), (8, 9), (5, 6), (4, 12), (0, 3)]
  got = regex_answers.token_spans(spans, starts, limits)
  assert got.dtype == np.int32
  assert got.tolist() == [[0, 0], [0, 1], [1, 2], [2, 2], [2, 3]]
  assert regex_answers.token_spans([], starts, limits).shape == (0, 2)


def test_spans_of_wordpieces():
  answers, _ = make()
  tokenizer = small_world.tokenizer()
  ids = tokenizer.tokenize(BODIES).to_list()
  patterns = ['paris(, in)?', 'per.', '9[0-9]{2}', 'big .']
  found = [
    [tokenizer.tokens(ids[row][first : last + 1]) for first, last in spans]
    for row, spans in enumerate(answers.spans(patterns, range(5)))
  ]
  assert found == [
    [['paris']],
    [['paris', ',', 'in']],
    [['peru']],
    [],
    [['big', 'e'], ['[UNK]']],
  ]


def test_contain_agrees_with_spans():
  answers, _ = make()
  for patterns in (['paris'], ['lima', 'old'], ['zz', '9'], []):
    rows = np.array([4, 0, 2, 2, -1, 3, 1])
    assert answers.contain(patterns, rows).tolist() == [
      len(spans) > 0 for spans in answers.spans(patterns, rows)
    ]
  assert answers.contain(['paris'], []).shape == (0,)


def test_each_pair_is_matched_once():
  answers, bodies = make()
  answers.contain(['paris'], [3, 1])
  got = answers.contain(['paris'], [0, 1, 3, 2])
  assert got.tolist() == [True, True, False, False]
  assert bodies.asked == [1, 3, 0, 2]
  answers.contain(['lima'], [1])
  assert bodies.asked == [1, 3, 0, 2, 1]
  bodies.asked.clear()
  first = answers.spans(['paris'], [1, 0, 1])
  again = answers.spans(['paris'], [0, 1, 2])
  assert bodies.asked == [1, 0, 2]
  np.testing.assert_array_equal(first[0], again[1])


def test_caches_are_bounded_and_results_do_not_depend_on_it():
  small, bodies = make(max_pairs=3, max_span_pairs=2)
  large, _ = make()
  for patterns in (['paris'], ['old'], ['paris'], ['in']):
    for rows in ([0, 1], [2, 3, 4], [1, 4]):
      np.testing.assert_array_equal(
        small.contain(patterns, rows), large.contain(patterns, rows)
      )
      for one, other in zip(
        small.spans(patterns, rows), large.spans(patterns, rows)
      ):
        np.testing.assert_array_equal(one, other)
  assert len(bodies.asked) > 20


def test_a_broken_pattern_is_quoted():
  answers, _ = make()
  for function in (answers.contain, answers.spans):
    with pytest.raises(ValueError, match=r"not a regular expression .*'\(19'"):
      function(['ok', '(19'], [0])


_TEXTS = [
  'Łódź', 'K\u212a ſt ıİ', 'x\x1cy\x85z', 'a_b', '²½٣', 'e\u0301', 'a\nb',
  'a{,2}', 'aa', ':]', '\u2003', '[a]', "d'é 1", 'ab+', '',
]  # fmt: skip


@pytest.mark.filterwarnings('ignore:Possible nested set')
@pytest.mark.parametrize(
  'pattern',
  [
    r'\w\b', r'\W', r'[\w-]\s', r'[^\s\d]é?', r'\d', r'\D', r'\S', r'\s',
    'k', 's', 'i', '[^i]', '[h-l]', 'a{,2}', 'a{1,2}$', '[]:]', '[^]a]', r'\[',
    '[[:alpha:]]', r'\_', '(a)(?=b)', r'(a)\1', '(?i:a)', 'a++', '[\\b]', r'\Z',
    'ó', r'\x61', '(?:a)b', '(a|aa)+$', 'a{1001}|b', r'\u0061', r'[\]a]',
  ],
)  # fmt: skip
def test_linear_matching_misses_nothing(pattern):
  """What RE2 refuses is matched by Python alone."""
  matched = [
    [m.span() for m in re.finditer(pattern, text, FLAGS) if m[0].strip()]
    for text in _TEXTS
  ]
  may = regex_answers.may_match([pattern], _TEXTS)
  assert may[[bool(spans) for spans in matched]].all()
  answers, _ = make(_TEXTS)
  found = answers.contain([pattern], range(len(_TEXTS)))
  assert found.tolist() == [bool(spans) for spans in matched]
  for text, spans, got in zip(
    _TEXTS, matched, regex_answers.byte_spans([pattern], _TEXTS)
  ):
    raw = text.encode()
    assert [raw[i:j].decode() for i, j in got] == [text[i:j] for i, j in spans]


@pytest.mark.timeout(30)
def test_hard_patterns_end(monkeypatch):
  said = []
  monkeypatch.setattr(logging, 'warning', lambda *a: said.append(a[0] % a[1:]))
  evil = 'a' * 40 + 'b'
  answers, _ = make(['aaa', evil, 'x' * 3000])
  found = answers.contain(['(a+)+$', '.*x.*y'], [0, 1, 2])
  assert found.tolist() == [True, False, False]
  assert not said
  # Look-ahead, which RE2 refuses.
  pattern = ['(?=a)(a+)+$']
  assert answers.contain(pattern, [1, 0], 'who?').tolist() == [False, True]
  assert not answers.contain(pattern, [2], 'who?').any()
  assert [len(s) for s in answers.spans(pattern, [1, 0], 'who?')] == [0, 0]
  assert len(said) == 1 and "'who?'" in said[0] and '(?=a)' in said[0]


def test_curated_trec_as_before():
  """The first questions over blocks of Wikipedia, as Python alone has them."""
  folder = shared_data.path('qa')
  lines = (folder / 'curatedtrec.train.jsonl').read_text().splitlines()
  with gzip.open(folder / 'nq_gold_corpus.jsonl.gz', 'rt') as f:
    texts = [json.loads(line)['text'] for _, line in zip(range(200), f)]
  answers, _ = make(texts)
  hits = 0
  for line in lines[::15]:
    patterns = json.loads(line)['answer']
    spans = [
      {
        match.span()
        for pattern in patterns
        for match in re.finditer(pattern, text, FLAGS)
        if match.group().strip()
      }
      for text in texts
    ]
    found = answers.contain(patterns, range(len(texts)))
    assert found.tolist() == [bool(its) for its in spans], patterns
    for text, its, got in zip(
      texts, spans, regex_answers.byte_spans(patterns, texts)
    ):
      raw = text.encode()
      assert [raw[i:j].decode() for i, j in got] == [
        text[i:j] for i, j in sorted(its)
      ]
    hits += found.sum()
  assert hits > 100


def _is_plain(text):
  """Whether the original's tokenizer of blocks and ours agree on it.

  The original casefolds by NFKC, so that a superscript is a digit; takes
  control characters for spaces, no-break spaces and U+FFFD for letters; and
  has a word of more than 100 bytes unknown, where BERT has 200.
  """

  def folded(form, s):
    marked = unicodedata.normalize('NFD', unicodedata.normalize(form, s))
    return ''.join(c for c in marked if unicodedata.category(c) != 'Mn')

  return (
    all(
      folded('NFC', c.lower()) == folded('NFKC', c.casefold())
      and c != '\ufffd'
      and (c in ' \n\t' or unicodedata.category(c)[0] not in 'CZ')
      for c in text
    )
    and max(map(len, text.encode().split()), default=0) <= 100
  )


def _without_marks(text):
  return ''.join(c for c in text if unicodedata.category(c) != 'Mn')


def test_golden_maps_to_the_original_text():
  """The original maps wordpieces to words, ours to bytes within them."""
  folder = shared_data.path('goldens')
  tokenizer = BertTokenizer.from_file(
    folder / 'modules' / 'tiny' / 'bert' / 'assets' / 'vocab.txt'
  )
  cases = json.loads((folder / 'orqa_tokenize.json').read_text())
  tokens = tokenizer.tokenize_with_offsets([case['text'] for case in cases])
  compared = 0
  for case, ids, starts, limits in zip(
    cases, *(rows.to_list() for rows in tokens)
  ):
    if ids != case['wordpiece_ids']:
      assert not _is_plain(case['text']), case['text']
      continue
    compared += 1
    text = case['text'].encode()
    position, words = 0, []
    for word in case['orig_tokens']:
      first = text.index(word.encode(), position)
      position = first + len(word.encode())
      words.append((first, position))
    for word, start, limit in zip(case['token_map'], starts, limits):
      # An accent after a comma is a word of its own in the original.
      piece = _without_marks(text[start:limit].decode()).encode()
      first, end = words[word]
      assert first <= start and start + len(piece) <= end, case['text']
  assert compared > 200
