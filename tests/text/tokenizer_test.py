# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import functools
import json
import pathlib
import random
import unicodedata

import pytest
import tensorflow as tf

from realm_tf.text.tokenizer import BertTokenizer
from tests.support import ranks, shared_data
from tests.support.full_tokenizer import FullTokenizer, basic_tokenizer

_TESTDATA = pathlib.Path(__file__).resolve().parents[2] / 'testdata'
_SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']
_CHUNK = 20_000

# What a tokenizer stumbles over, a pool of characters each.
_POOLS = {
  'composed and decomposed accents': (
    'eéèe\u0301\u0300aåa\u030aßẞİiıIŁłÖö ñn\u0303 xdzŽž\u0338\u0327'
  ),
  'sigmas': ("ΑΣσςαΊ\u0301\u0345Σ '’.:·-\u00ad\u200d\x07Σab中Σ1_\u0308ʰⓈ"),
  'scripts without spaces': (
    '中国東京㐀\U00020000豈ab1 カが\u3099か한글\u1112\u1161\u11abไทย'
  ),
  'emoji': '😀👩\u200d🔬👍🏽🇫🇷\ufe0f❤ ab#1\u20e3',
  'controls': (
    'ab\x00\x01\x07\x1b\x1c\x1d\x85\u200b\u200c\u200d\ufeff\u2060\ufffd'
    '\ue000\U000f0000\u0378\t\n\r \x0b\x0c'
  ),
  'whitespace': (
    'ab \t\n\r\u00a0\u1680\u2000\u2003\u2028\u2029\u202f\u205f\u3000\x85\x0b'
  ),
  'punctuation': 'ab!$+<=>^`|~«»—…‐‘’“”¡¿§¶#@_[]{}()\\/™©®°',
  'marks with a width': (
    'a\u302e\u302f\U0001d165\U0001d16d\u0301\u0903\u0488\u20dd'
    'क\u093c\u093f\u0bc6\u0bbe \u0b95'
  ),
}
_POOLS['all of them'] = ''.join(_POOLS.values())


def _vocab_file(name: str) -> pathlib.Path:
  if name == 'small world':
    return _TESTDATA / 'vocab.txt'
  return shared_data.path('weights', 'bert_tiny_mlm', 'vocab.txt')


@functools.cache
def _ours(vocab_file: pathlib.Path, lower_case: bool) -> BertTokenizer:
  return BertTokenizer.from_file(vocab_file, lower_case=lower_case)


@functools.cache
def _reference(vocab_file: pathlib.Path, lower_case: bool) -> FullTokenizer:
  return FullTokenizer(vocab_file, lower_case)


@pytest.fixture(params=['small world', 'BERT'])
def vocab_file(request):
  return _vocab_file(request.param)


@pytest.fixture(params=[True, False], ids=['uncased', 'cased'])
def lower_case(request):
  return request.param


def _random_texts(pool: str, count: int) -> list[str]:
  rng = random.Random(pool)
  return [
    ''.join(rng.choices(pool, k=rng.randrange(1, 14))) for _ in range(count)
  ]


def _text_of(point: int) -> str:
  return f'a{chr(point)}b {chr(point)}'


@functools.cache
def _words_of_code_points(lower_case: bool) -> list[tuple[int, list[str]]]:
  """Every assigned code point but the private ones, some others, and words."""
  points = [
    point
    for point in range(0x110000)
    if unicodedata.category(chr(point)) not in ('Cn', 'Co', 'Cs')
    # Thousands of them, all the same: a few hundred do.
    or (point % 1009 == 0 and not 0xD800 <= point < 0xE000)
  ]
  tokenize = basic_tokenizer(lower_case).tokenize
  return [(point, tokenize(_text_of(point))) for point in points]


def test_every_code_point_is_as_in_berts_own_tokenizer(vocab_file, lower_case):
  ours = _ours(vocab_file, lower_case)
  reference = _reference(vocab_file, lower_case)
  cases = _words_of_code_points(lower_case)
  assert len(cases) > 140_000
  for start in range(0, len(cases), _CHUNK):
    chunk = cases[start : start + _CHUNK]
    texts = tf.constant([_text_of(point) for point, _ in chunk])
    expected = [reference.ids_of_words(words) for _, words in chunk]
    for got in (ours.tokenize(texts), ours.tokenize_with_offsets(texts).ids):
      got = got.to_list()
      if got != expected:
        different = [
          hex(point)
          for (point, _), mine, its in zip(chunk, got, expected)
          if mine != its
        ]
        pytest.fail(f'{len(different)} differ, such as {different[:10]}')


@pytest.mark.parametrize('pool', _POOLS)
def test_random_strings_are_as_in_berts_own_tokenizer(
  vocab_file, lower_case, pool
):
  texts = _random_texts(_POOLS[pool], 1000)
  ours = _ours(vocab_file, lower_case)
  got = ours.tokenize(tf.constant(texts)).to_list()
  with_offsets = ours.tokenize_with_offsets(tf.constant(texts)).ids.to_list()
  reference = _reference(vocab_file, lower_case)
  for text, mine, mine_too in zip(texts, got, with_offsets):
    expected = reference.ids(text)
    assert (mine, mine_too) == (expected, expected), ascii(text)


@pytest.mark.parametrize(
  'text',
  [
    'Beyoncé Knowles, Dvořák and Ångström',
    'Beyonce\u0301 Dvor\u030ca\u0301k A\u030angstro\u0308m',
    'İstanbul, ΟΔΥΣΣΕΥΣ Σ. Α.Σ. ΑΣ’Α Α\u0301Σ',
    'straße STRASSE ﬁne ½ ² Ⅷ ℃ ǅ ſ',
    '東京 is北京 and 한국어 日本語のテキスト',
    '👩\u200d🔬 👍🏽 🇫🇷 ok😀ok',
    'a\u200bb c\u200dd \ufeffe f\u00adg',
    'bell\x07 esc\x1b[0m nul\x00nul \x7f',
    ' \t\n leading, and\u00a0\u2003trailing \r\n ',
    "don't (stop) e-mail@example.com 3.14 $5 C++ #1 [MASK] [UNK] ##s ##",
    'x' * 200,
    'x' * 201,
    'é' * 100,
    'pneumonoultramicroscopicsilicovolcanoconiosis',
    'the ' * 1000,
    '',
    ' ',
    '\x00',
    '\u0301',
    '\U000f0000\U0010ffff\ue000',
  ],
)
def test_special_strings_are_as_in_berts_own_tokenizer(
  vocab_file, lower_case, text
):
  ours = _ours(vocab_file, lower_case)
  expected = _reference(vocab_file, lower_case).ids(text)
  assert ours.tokenize([text]).to_list() == [expected]
  assert ours.tokenize_with_offsets([text]).ids.to_list() == [expected]


def test_a_long_word_is_measured_in_bytes(tmp_path):
  # BERT's limit of 200 is one of characters; that of tf-text's
  # FastWordpieceTokenizer is one of bytes.
  path = tmp_path / 'vocab.txt'
  path.write_text('\n'.join([*_SPECIAL, 'я', '##я']))
  ours, reference = _ours(path, True), _reference(path, True)
  for count in (1, 100):
    word = 'я' * count
    assert ours.tokenize([word]).to_list() == [reference.ids(word)]
  # Accents that are deleted do not count.
  word = 'я\u0301' * 100
  assert ours.tokenize([word]).to_list() == [reference.ids(word)]
  word = 'я' * 101
  assert reference.ids(word) == [5] + [6] * 100
  assert ours.tokenize([word]).to_list() == [[ours.unk_id]]
  assert ours.tokenize_with_offsets([word]).ids.to_list() == [[ours.unk_id]]


def test_invalid_bytes_are_ignored(lower_case):
  ours = _ours(_vocab_file('small world'), lower_case)
  texts = [b'r\xffiver \xc3', b'\xe4\xb8', b'a \xed\xa0\x80 river\xf8']
  expected = ours.tokenize(['river', '', 'a river']).to_list()
  assert ours.tokenize(texts).to_list() == expected
  got = ours.tokenize_with_offsets(texts)
  assert got.ids.to_list() == expected
  assert got.starts.to_list() == [[0], [], [0, 6]]
  assert [row[-1:] for row in got.limits.to_list()] == [[6], [], [11]]


def _expected_characters(reference: FullTokenizer, text: str) -> list[str]:
  """What each token stands for: its own characters, or [UNK]'s word."""
  shown = []
  for word in reference.words(text):
    pieces = reference.pieces(word)
    if pieces == ['[UNK]']:
      shown.append(word)
    else:
      shown += [piece.removeprefix('##') for piece in pieces]
  return shown


def _check_offsets(ours: BertTokenizer, reference: FullTokenizer, texts):
  got = ours.tokenize_with_offsets(tf.constant(texts))
  assert got.ids.dtype == got.starts.dtype == got.limits.dtype == tf.int32
  for text, starts, limits in zip(
    texts, got.starts.to_list(), got.limits.to_list()
  ):
    characters = _expected_characters(reference, text)
    assert len(starts) == len(limits) == len(characters)
    assert starts == sorted(starts) and limits == sorted(limits)
    data = text.encode()
    for i, (start, limit) in enumerate(zip(starts, limits)):
      assert 0 <= start < limit <= len(data), ascii(text)
      # Would raise at a byte within a character.
      covered = data[start:limit].decode()
      normal = ''.join(reference.words(covered)).replace('ς', 'σ')
      expected = characters[i].replace('ς', 'σ')
      shares = starts[i + 1 : i + 2] < [limit] and i + 1 < len(starts)
      shares |= i > 0 and limits[i - 1] > start
      if shares:
        # One character gives two tokens (Hangul, two-part vowels).
        assert expected in normal, (ascii(text), i)
      else:
        assert normal == expected, (ascii(text), i)


@pytest.mark.parametrize('pool', _POOLS)
def test_bytes_of_a_token_are_its_characters(vocab_file, lower_case, pool):
  _check_offsets(
    _ours(vocab_file, lower_case),
    _reference(vocab_file, lower_case),
    _random_texts(_POOLS[pool], 300),
  )


@pytest.mark.parametrize(
  'text, expected',
  [
    # An accent belongs to its letter, in one character or in two.
    ('é, e', [(0, 2), (2, 3), (4, 5)]),
    ('e\u0301, e', [(0, 3), (3, 4), (5, 6)]),
    ('\u0301e', [(2, 3)]),
    # A word that the vocabulary has not is covered whole.
    ('a 👩\u200d🔬 e', [(0, 1), (2, 13), (14, 15)]),
    ('a ไทย\u0e31.', [(0, 1), (2, 14), (14, 15)]),
    ('東京', [(0, 3), (3, 6)]),
    # What is deleted inside is covered, around it is not.
    ('\u200ba\u200b e\u0001e ', [(3, 4), (8, 9), (10, 11)]),
    ('İ', [(0, 2)]),
    ('', []),
    (' \t ', []),
  ],
)
def test_bytes_of_tokens(tmp_path, text, expected):
  path = tmp_path / 'vocab.txt'
  path.write_text('\n'.join([*_SPECIAL, *'aei.,', '##e']))
  got = BertTokenizer.from_file(path).tokenize_with_offsets(['e', text, 'a'])
  pairs = list(zip(got.starts.to_list(), got.limits.to_list()))
  assert pairs[0] == pairs[2] == ([0], [1])
  assert list(zip(*pairs[1])) == expected


@functools.cache
def _goldens() -> list[dict]:
  path = shared_data.path('goldens', 'tokenizer.json')
  return json.loads(path.read_text())


# U+4DBF became a character with Unicode 13; the original was run with
# Unicode 11, for which it is none and thus deleted.
_NEWER_THAN_THE_GOLDENS = '㐀\u4dbf'


@pytest.mark.parametrize('key', ['ids', 'ids_cased'])
def test_ids_are_those_of_the_original(key):
  goldens = _goldens()
  ours = _ours(_vocab_file('BERT'), key == 'ids')
  texts = [golden['text'] for golden in goldens]
  got = ours.tokenize(texts).to_list()
  with_offsets = ours.tokenize_with_offsets(texts).ids.to_list()
  assert got == with_offsets
  different = [
    golden['text'] for golden, ids in zip(goldens, got) if golden[key] != ids
  ]
  assert set(different) <= {_NEWER_THAN_THE_GOLDENS}


def test_bytes_are_those_of_the_original():
  goldens = [g for g in _goldens() if g['token_bytes'] is not None]
  assert len(goldens) > 150
  ours = _ours(_vocab_file('BERT'), True)
  got = ours.tokenize_with_offsets([golden['text'] for golden in goldens])
  for golden, starts, limits in zip(
    goldens, got.starts.to_list(), got.limits.to_list()
  ):
    pairs = [list(pair) for pair in zip(starts, limits)]
    assert pairs == golden['token_bytes'], ascii(golden['text'])


def test_bytes_are_sound_where_the_original_cannot_align():
  texts = [g['text'] for g in _goldens() if g['token_bytes'] is None]
  assert len(texts) > 50
  vocab_file = _vocab_file('BERT')
  _check_offsets(_ours(vocab_file, True), _reference(vocab_file, True), texts)


def test_works_in_a_graph_and_in_tf_data():
  ours = _ours(_vocab_file('small world'), True)
  texts = ['The capital of Peru is Lima.', '', 'ΣΑΣ é']
  expected = ours.tokenize_with_offsets(texts)
  signature = [tf.TensorSpec([None], tf.string)]
  in_graph = tf.function(ours.tokenize_with_offsets, signature)(
    tf.constant(texts)
  )
  in_dataset = next(
    iter(
      tf.data.Dataset.from_tensor_slices(texts)
      .batch(3)
      .map(ours.tokenize_with_offsets)
    )
  )
  for got in (in_graph, in_dataset):
    for mine, its in zip(got, expected):
      assert mine.to_list() == its.to_list()
  ids = tf.function(ours.tokenize, signature)(tf.constant(texts))
  assert ids.to_list() == expected.ids.to_list()


def test_an_empty_batch_has_no_rows():
  ours = _ours(_vocab_file('small world'), True)
  nothing = tf.constant([], tf.string)
  assert ours.tokenize(nothing).to_list() == []
  got = ours.tokenize_with_offsets(nothing)
  assert [part.to_list() for part in got] == [[], [], []]


def test_a_wrong_rank_is_an_error_in_a_saved_model(tmp_path):
  module = BertTokenizer([*_SPECIAL, 'a'])
  functions = {
    'tokenize': lambda texts: module.tokenize(texts).to_tensor(),
    'offsets': lambda texts: module.tokenize_with_offsets(texts).starts.values,
  }
  spec = tf.TensorSpec([None], tf.string, name='texts')
  signatures = {
    name: tf.function(function, input_signature=[spec], autograph=False)
    for name, function in functions.items()
  }
  module.functions = signatures
  tf.saved_model.save(module, str(tmp_path), signatures)
  ranks.check_ranks(tf.saved_model.load(str(tmp_path)))


def test_fingerprint_tells_vocabularies_and_case_apart():
  vocab = [*_SPECIAL, 'a', 'b']
  fingerprints = {
    BertTokenizer(vocab).fingerprint,
    BertTokenizer(vocab, lower_case=False).fingerprint,
    BertTokenizer([*vocab, 'c']).fingerprint,
    BertTokenizer([*_SPECIAL, 'b', 'a']).fingerprint,
    BertTokenizer([*_SPECIAL, 'ab']).fingerprint,
  }
  assert len(fingerprints) == 5
  assert BertTokenizer(list(vocab)).fingerprint in fingerprints


def test_a_saved_vocabulary_is_read_back(tmp_path):
  ours = BertTokenizer([*_SPECIAL, 'a', '##é', '東', '\u2028'])
  ours.save_vocab(tmp_path / 'vocab.txt')
  again = BertTokenizer.from_file(tmp_path / 'vocab.txt')
  assert again.vocab == ours.vocab
  assert again.fingerprint == ours.fingerprint
  windows = '\r\n'.join(ours.vocab) + '\r\n'
  (tmp_path / 'windows.txt').write_text(windows, newline='')
  assert BertTokenizer.from_file(tmp_path / 'windows.txt').vocab == ours.vocab


@pytest.mark.parametrize(
  'vocab, message',
  [
    ([*_SPECIAL, 'a', 'a'], "has 'a' more than once"),
    (_SPECIAL[:-1], r'has no \[MASK\]'),
    ([], r'has no \[PAD\]'),
  ],
)
def test_a_vocabulary_that_cannot_be_is_refused(tmp_path, vocab, message):
  path = tmp_path / 'vocab.txt'
  path.write_text('\n'.join(vocab))
  with pytest.raises(ValueError, match=f'vocab.txt: .*{message}'):
    BertTokenizer.from_file(path)


def test_special_ids_and_words_of_ids():
  ours = BertTokenizer([*_SPECIAL, 'river', '##s', 'of'])
  assert ours.vocab_size == 8
  special = ours.special
  assert (special.pad, special.cls, special.sep, special.mask) == (0, 2, 3, 4)
  assert ours.tokens([5, 6, 4]) == ['river', '##s', '[MASK]']
  ids = ours.tokenize(['Rivers of River', ''])
  assert ours.detokenize(ids) == ['rivers of river', '']
  assert ours.detokenize(ids.to_list()) == ['rivers of river', '']
