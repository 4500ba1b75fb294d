# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import json
import random

import pytest
import tensorflow as tf

from realm_tf.text import packing
from tests.support import shared_data

_SPECIAL = packing.SpecialIds(cls=2, sep=3, mask=4, pad=0)
_KEYS = ['input_mask', 'input_type_ids', 'input_word_ids']


def _ragged(rows):
  return tf.ragged.constant(rows, tf.int32, ragged_rank=1)


def _padded(rows, types, length, pad):
  length = length or max(map(len, rows))
  return {
    'input_word_ids': [row + [pad] * (length - len(row)) for row in rows],
    'input_mask': [[1] * len(r) + [0] * (length - len(r)) for r in rows],
    'input_type_ids': [row + [0] * (length - len(row)) for row in types],
  }


def _query_in_python(queries, max_length, fixed_length, special=_SPECIAL):
  rows = [
    [special.cls, *query[: max_length - 2], special.sep] for query in queries
  ]
  types = [[0] * len(row) for row in rows]
  length = max_length if fixed_length else None
  return _padded(rows, types, length, special.pad)


def _pair_in_python(
  firsts, seconds, max_length, fixed_length, special=_SPECIAL
):
  rows, types = [], []
  for first, second in zip(firsts, seconds):
    first, second = list(first), list(second)
    while len(first) + len(second) > max_length - 3:
      (second or first).pop()
    rows.append([special.cls, *first, special.sep, *second, special.sep])
    types.append([0] * (len(first) + 2) + [1] * (len(second) + 1))
  length = max_length if fixed_length else None
  return _padded(rows, types, length, special.pad)


def _random_rows(rng, count, longest):
  return [
    [rng.randrange(5, 99) for _ in range(rng.randrange(longest + 1))]
    for _ in range(count)
  ]


def _check(packed, expected):
  assert sorted(packed) == _KEYS
  for name in _KEYS:
    assert packed[name].dtype == tf.int32
    assert packed[name].numpy().tolist() == expected[name], name


@pytest.mark.parametrize('fixed_length', [False, True])
@pytest.mark.parametrize('max_length', [2, 3, 5, 9, 30])
def test_queries_are_packed_as_in_python(max_length, fixed_length):
  rng = random.Random(max_length)
  queries = [[], *_random_rows(rng, 30, 12), [5] * 12]
  got = packing.pack_query(
    _ragged(queries),
    special=_SPECIAL,
    max_length=max_length,
    fixed_length=fixed_length,
  )
  _check(got, _query_in_python(queries, max_length, fixed_length))


@pytest.mark.parametrize('pack', [packing.pack_document, packing.pack_joint])
@pytest.mark.parametrize('fixed_length', [False, True])
@pytest.mark.parametrize('max_length', [3, 4, 6, 9, 16, 40])
def test_pairs_are_packed_as_in_python(pack, max_length, fixed_length):
  rng = random.Random(max_length)
  firsts = [[], [], [5] * 12, [5] * 12, *_random_rows(rng, 30, 12)]
  seconds = [[], [6] * 12, [], [6] * 12, *_random_rows(rng, 30, 12)]
  got = pack(
    _ragged(firsts),
    _ragged(seconds),
    special=_SPECIAL,
    max_length=max_length,
    fixed_length=fixed_length,
  )
  _check(got, _pair_in_python(firsts, seconds, max_length, fixed_length))


def test_the_body_is_cut_before_the_title():
  def pack(max_length):
    packed = packing.pack_document(
      _ragged([[11, 12, 13]]),
      _ragged([[21, 22]]),
      special=_SPECIAL,
      max_length=max_length,
    )
    return packed['input_word_ids'].numpy().tolist()

  assert pack(8) == [[2, 11, 12, 13, 3, 21, 22, 3]]
  assert pack(7) == [[2, 11, 12, 13, 3, 21, 3]]
  assert pack(6) == [[2, 11, 12, 13, 3, 3]]
  assert pack(5) == [[2, 11, 12, 3, 3]]
  assert pack(3) == [[2, 3, 3]]


def test_rows_of_nothing():
  nothing = _ragged([[], []])
  got = packing.pack_query(nothing, special=_SPECIAL, max_length=9)
  _check(got, _query_in_python([[], []], 9, False))
  got = packing.pack_joint(nothing, nothing, special=_SPECIAL, max_length=9)
  _check(got, _pair_in_python([[], []], [[], []], 9, False))


@pytest.mark.parametrize('fixed_length', [False, True])
def test_a_batch_of_no_rows_is_packed(fixed_length):
  none = _ragged([])
  arguments = {
    'special': _SPECIAL,
    'max_length': 9,
    'fixed_length': fixed_length,
  }
  for packed in (
    packing.pack_query(none, **arguments),
    packing.pack_document(none, none, **arguments),
  ):
    assert sorted(packed) == _KEYS
    for value in packed.values():
      assert value.dtype == tf.int32
      assert value.shape[0] == 0
      assert not fixed_length or value.shape[1] == 9


def test_padding_is_the_vocabularys():
  special = packing.SpecialIds(cls=101, sep=102, mask=103, pad=7)
  queries = [[11], [11, 12, 13]]
  got = packing.pack_query(_ragged(queries), special=special, max_length=9)
  _check(got, _query_in_python(queries, 9, False, special))
  assert got['input_word_ids'].numpy()[0].tolist() == [101, 11, 102, 7, 7]
  bodies = [[21], []]
  got = packing.pack_joint(
    _ragged(queries), _ragged(bodies), special=special, max_length=9
  )
  _check(got, _pair_in_python(queries, bodies, 9, False, special))


def test_a_fixed_length_is_known_in_a_graph():
  ragged = tf.RaggedTensorSpec([None, None], tf.int32, ragged_rank=1)

  @tf.function(input_signature=[ragged, ragged])
  def pack(firsts, seconds):
    packed = packing.pack_document(
      firsts, seconds, special=_SPECIAL, max_length=9, fixed_length=True
    )
    assert all(value.shape[1] == 9 for value in packed.values())
    return packed

  firsts, seconds = [[11, 12], []], [[21], [22] * 20]
  _check(
    pack(_ragged(firsts), _ragged(seconds)),
    _pair_in_python(firsts, seconds, 9, True),
  )


def test_int64_row_splits_are_as_good_as_int32():
  queries, bodies = [[11, 12], []], [[21] * 9, [22]]
  for dtype in (tf.int32, tf.int64):
    got = packing.pack_joint(
      _ragged(queries).with_row_splits_dtype(dtype),
      _ragged(bodies).with_row_splits_dtype(dtype),
      special=_SPECIAL,
      max_length=8,
    )
    _check(got, _pair_in_python(queries, bodies, 8, False))


def test_a_length_without_room_for_the_special_ids_is_refused():
  rows = _ragged([[11]])
  with pytest.raises(ValueError, match='at least 2. Received: 1'):
    packing.pack_query(rows, special=_SPECIAL, max_length=1)
  for pack in (packing.pack_document, packing.pack_joint):
    with pytest.raises(ValueError, match='at least 3. Received: 2'):
      pack(rows, rows, special=_SPECIAL, max_length=2)


@pytest.mark.parametrize('fixed_length', [False, True])
@pytest.mark.parametrize('max_length', [3, 4, 6, 9, 16, 40])
def test_readers_know_where_the_block_is(max_length, fixed_length):
  rng = random.Random(max_length)
  questions = [[], [], [5] * 12, [5] * 12, *_random_rows(rng, 30, 12)]
  blocks = [[], [6] * 12, [], [6] * 12, *_random_rows(rng, 30, 12)]
  got = packing.pack_reader(
    _ragged(questions),
    _ragged(blocks),
    special=_SPECIAL,
    max_length=max_length,
    fixed_length=fixed_length,
  )
  mask, positions = got.pop('block_mask'), got.pop('block_positions')
  _check(got, _pair_in_python(questions, blocks, max_length, fixed_length))
  assert mask.dtype == positions.dtype == tf.int32
  ids, length = got['input_word_ids'].numpy(), got['input_mask'].shape[1]
  for row, (question, block) in enumerate(zip(questions, blocks)):
    first = min(len(question), max_length - 3) + 2
    size = min(len(block), max_length - 1 - first)
    expected = [-1] * first + list(range(size))
    expected += [-1] * (length - len(expected))
    assert positions.numpy()[row].tolist() == expected
    assert mask.numpy()[row].tolist() == [int(p >= 0) for p in expected]
    assert ids[row, first : first + size].tolist() == block[:size]


def test_a_fixed_length_for_readers_is_known_in_a_graph():
  ragged = tf.RaggedTensorSpec([None, None], tf.int32, ragged_rank=1)

  @tf.function(input_signature=[ragged, ragged])
  def pack(questions, blocks):
    packed = packing.pack_reader(
      questions, blocks, special=_SPECIAL, max_length=9, fixed_length=True
    )
    assert all(value.shape[1] == 9 for value in packed.values())
    return packed

  got = pack(_ragged([[11]]), _ragged([[21, 22]]))
  assert got['block_positions'].numpy().tolist() == [
    [-1, -1, -1, 0, 1, -1, -1, -1, -1]
  ]


def test_readers_are_given_what_the_originals_op_gives():
  path = shared_data.path('goldens', 'orqa_ops.json')
  for case in json.loads(path.read_text())['reader_inputs']:
    inputs, expected = case['inputs'], case['outputs']
    blocks = [
      ids[:size]
      for ids, size in zip(inputs['block_token_ids'], inputs['block_lengths'])
    ]
    special = packing.SpecialIds(
      cls=inputs['cls_token_id'], sep=inputs['sep_token_id'], mask=-1, pad=0
    )
    got = packing.pack_reader(
      _ragged([inputs['question_token_ids']] * len(blocks)),
      _ragged(blocks),
      special=special,
      max_length=inputs['max_sequence_len'],
      fixed_length=True,
    )
    for ours, theirs in (
      ('input_word_ids', 'token_ids'),
      ('input_mask', 'mask'),
      ('input_type_ids', 'segment_ids'),
      ('block_mask', 'block_mask'),
    ):
      assert got[ours].numpy().tolist() == expected[theirs], case['name']
    # The original carries a number of each wordpiece along, ours its place.
    token_map = [
      [-1 if p < 0 else inputs['block_token_map'][row][p] for p in positions]
      for row, positions in enumerate(got['block_positions'].numpy())
    ]
    assert token_map == expected['token_map'], case['name']
