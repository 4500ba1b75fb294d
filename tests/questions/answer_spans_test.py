# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import json
import time

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.questions import answer_spans
from realm_tf.text.tokenizer import BertTokenizer
from tests.support import shared_data, small_world


def ragged_answers(answers):
  return tf.ragged.constant(answers, tf.int32, ragged_rank=2)


def spans_in_python(block, answers):
  return [
    (i, i + len(answer) - 1)
    for answer in answers
    if answer
    for i in range(len(block) - len(answer) + 1)
    if block[i : i + len(answer)] == answer
  ]


def unpadded(starts, ends):
  """Lists of pairs, after a check that all padding follows them."""
  result = []
  for row in zip(starts.tolist(), ends.tolist()):
    pairs = list(zip(*row))
    real = [p for p in pairs if p != (-1, -1)]
    assert pairs[: len(real)] == real
    result.append(real)
  return result


def random_world(seed, batch=20, k=3):
  rng = np.random.default_rng(seed)

  def draw(longest):
    return rng.integers(0, 3, rng.integers(0, longest + 1)).tolist()

  answers = [[draw(3) for _ in range(rng.integers(0, 4))] for _ in range(batch)]
  return [draw(15) for _ in range(batch * k)], answers


@pytest.mark.parametrize('splits', [tf.int32, tf.int64])
@pytest.mark.parametrize('seed', [0, 1, 2])
def test_spans_equal_a_search_one_by_one(seed, splits):
  blocks, answers = random_world(seed)
  starts, ends = answer_spans.gold_spans(
    small_world.ragged(blocks).with_row_splits_dtype(splits),
    ragged_answers(answers).with_row_splits_dtype(splits),
  )
  assert starts.dtype == ends.dtype == tf.int32
  expected = [spans_in_python(b, answers[i // 3]) for i, b in enumerate(blocks)]
  assert unpadded(starts.numpy(), ends.numpy()) == expected
  assert starts.shape[1] == max(map(len, expected))
  assert sum(map(len, expected)) > 50


def test_spans_in_a_graph_of_unknown_sizes():
  @tf.function(
    input_signature=[
      tf.RaggedTensorSpec([None, None], tf.int32),
      tf.RaggedTensorSpec([None, None, None], tf.int32),
    ]
  )
  def found(blocks, answers):
    return answer_spans.gold_spans(blocks, answers)

  for seed in (3, 4):
    blocks, answers = random_world(seed)
    for got, expected in zip(
      found(small_world.ragged(blocks), ragged_answers(answers)),
      answer_spans.gold_spans(
        small_world.ragged(blocks), ragged_answers(answers)
      ),
    ):
      np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(
  'blocks, answers',
  [
    ([[], [1]], [[[1, 2]], [[]]]),
    ([[1], [2]], [[], []]),
    ([[1, 2]], [[[3]]]),
    ([], []),
  ],
)
def test_no_spans(blocks, answers):
  starts, ends = answer_spans.gold_spans(
    small_world.ragged(blocks), ragged_answers(answers)
  )
  assert starts.shape == ends.shape == (len(blocks), 0)


def test_padding_equals_that_of_gold_spans():
  blocks, answers = random_world(5)
  starts, ends = answer_spans.gold_spans(
    small_world.ragged(blocks), ragged_answers(answers)
  )
  spans = [
    np.array(row, np.int32).reshape(-1, 2)
    for row in unpadded(starts.numpy(), ends.numpy())
  ]
  for got, expected in zip(answer_spans.pad_spans(spans), (starts, ends)):
    assert got.dtype == np.int32
    np.testing.assert_array_equal(got, expected)
  for got in answer_spans.pad_spans([np.zeros([0, 2], np.int32)] * 3):
    assert got.shape == (3, 0)


@pytest.mark.parametrize('dtype', [np.uint16, np.int32])
@pytest.mark.parametrize('seed', [0, 1, 2])
def test_blocks_with_an_answer_equal_a_search_one_by_one(seed, dtype):
  blocks, answers = random_world(seed, batch=30)
  values = np.array(sum(blocks, []), dtype)
  splits = np.cumsum([0, *map(len, blocks)])
  results = []
  for its in answers:
    got = answer_spans.contains_any(values, splits, its)
    expected = [bool(spans_in_python(b, its)) for b in blocks]
    assert got.tolist() == expected
    results += expected
  assert 0.1 < np.mean(results) < 0.9


def test_answers_do_not_reach_across_blocks():
  got = answer_spans.contains_any([4, 1, 2, 1, 2], [0, 0, 2, 3, 5, 5], [[1, 2]])
  assert got.tolist() == [False, False, False, True, False]


def test_wordpieces_beyond_the_type_of_the_blocks():
  values = np.array([1, 2], np.uint16)
  got = answer_spans.contains_any(values, [0, 2], [[65536 + 1], [-1, 2]])
  assert got.tolist() == [False]


def test_no_blocks_and_no_answers():
  assert answer_spans.contains_any([], [0], [[1]]).shape == (0,)
  assert answer_spans.contains_any([], [0, 0], [[1]]).tolist() == [False]
  assert answer_spans.contains_any([1], [0, 1], []).tolist() == [False]


def test_a_beam_of_thousands_is_searched_at_once():
  """5,000 blocks of 200 wordpieces: some milliseconds, not seconds."""
  rng = np.random.default_rng(0)
  values = rng.zipf(1.3, 1_000_000).astype(np.uint16)
  splits = np.arange(0, 1_000_001, 200)
  answers = [values[i : i + 3] for i in (199, 400, 77_777)]
  began = time.perf_counter()
  got = answer_spans.contains_any(values, splits, answers)
  assert time.perf_counter() - began < 1
  assert got[2] and got[77_777 // 200]


# What follows compares with the original's own results.


def test_golden_spans():
  path = shared_data.path('goldens', 'orqa_ops.json')
  for case in json.loads(path.read_text())['reader_inputs']:
    inputs, expected = case['inputs'], case['outputs']
    first = len(inputs['question_token_ids']) + 2
    room = inputs['max_sequence_len'] - first - 1
    # What is cut off is no answer.
    blocks = [
      ids[: min(size, room)]
      for ids, size in zip(inputs['block_token_ids'], inputs['block_lengths'])
    ]
    answers = [
      ids[:size]
      for ids, size in zip(inputs['answer_token_ids'], inputs['answer_lengths'])
    ]
    starts, ends = (
      np.where(x < 0, -1, x + first).tolist()
      for x in answer_spans.gold_spans(
        small_world.ragged(blocks), ragged_answers([answers])
      )
    )
    if case['name'] == 'empty_answer':
      # The original has it before every wordpiece, from s to s - 1.
      assert expected['gold_starts'] == [[3, 4]]
      assert starts == ends == [[]]
      continue
    assert starts == expected['gold_starts'], case['name']
    assert ends == expected['gold_ends'], case['name']


def test_golden_has_answer():
  """The original compares bytes for the retriever, wordpieces for the reader.

  Ours compares wordpieces for both, which do not know case and accents. On
  bytes it is the original's rule, but that an empty answer stands nowhere.
  """
  folder = shared_data.path('goldens')
  tokenizer = BertTokenizer.from_file(
    folder / 'modules' / 'tiny' / 'bert' / 'assets' / 'vocab.txt'
  )
  cases = json.loads((folder / 'orqa_ops.json').read_text())['has_answer']
  differences = {}
  for case in cases:
    blocks = [b.encode() for b in case['blocks']]
    answers = [a.encode() for a in case['answers']]
    on_bytes = answer_spans.contains_any(
      np.frombuffer(b''.join(blocks), np.uint8),
      np.cumsum([0, *map(len, blocks)]),
      [list(a) for a in answers],
    ).tolist()
    assert on_bytes == (case['result'] if any(answers) else [False, False])
    ids = tokenizer.tokenize(blocks)
    on_ids = answer_spans.contains_any(
      ids.values.numpy(),
      ids.row_splits.numpy(),
      tokenizer.tokenize(answers).to_list(),
    ).tolist()
    if on_ids != case['result']:
      differences[' '.join(case['answers'])] = on_ids
  assert differences == {
    'hij': [False, False],  # Inside of a wordpiece.
    'Café x': [True, True],
    'Obama': [True, True],
    '': [False, False],
    'é': [True, True],
  }
