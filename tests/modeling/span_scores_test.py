# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from realm_tf.modeling import span_scores

NEVER = span_scores.NEVER
N, LENGTH, HIDDEN = 2, 7, 5


def make_inputs(length=LENGTH, seed=0):
  rng = np.random.default_rng(seed)
  draw = lambda *shape: tf.constant(rng.standard_normal(shape), tf.float32)  # noqa: E731
  return {
    'starts': draw(N, length, HIDDEN),
    'ends': draw(N, length, HIDDEN) + 0.3,
    'gamma': draw(HIDDEN),
    'beta': draw(HIDDEN),
    'kernel': draw(HIDDEN),
    'bias': draw(),
  }


def as_written(inputs, max_width):
  """Each span by itself, by Keras' LayerNormalization."""
  layer_norm = keras.layers.LayerNormalization(epsilon=1e-3)
  layer_norm.build([None, HIDDEN])
  starts, ends = inputs['starts'], inputs['ends']
  rows = []
  for s in range(starts.shape[1]):
    row = []
    for w in range(max_width):
      e = s + w
      if e >= starts.shape[1]:
        row.append(tf.zeros([N]))
        continue
      hidden = tf.nn.relu(starts[:, s] + ends[:, e])
      # The layer has its own weights; these stand in for them.
      normalized = (layer_norm(hidden)) * inputs['gamma'] + inputs['beta']
      row.append(
        tf.linalg.matvec(normalized, inputs['kernel']) + inputs['bias']
      )
    rows.append(tf.stack(row, 1))
  return tf.stack(rows, 1)


def inside(length, max_width):
  last = np.arange(length)[:, None] + np.arange(max_width)
  return (last < length).astype(np.float32)


def scored(inputs, max_width):
  return span_scores.span_scores(**inputs, epsilon=1e-3, max_width=max_width)


@pytest.mark.parametrize('length, max_width', [(7, 3), (7, 7), (4, 6), (1, 2)])
def test_equals_the_network_as_written(length, max_width):
  inputs = make_inputs(length)
  mask = inside(length, max_width)
  found = scored(inputs, max_width)
  assert found.shape == (N, length, max_width)
  np.testing.assert_allclose(
    found * mask, as_written(inputs, max_width) * mask, atol=1e-5
  )


@pytest.mark.parametrize('length, max_width', [(7, 3), (4, 6)])
def test_gradients_equal_those_of_the_network_as_written(length, max_width):
  inputs = make_inputs(length)
  rng = np.random.default_rng(1)
  weight = tf.constant(
    rng.standard_normal([N, length, max_width]) * inside(length, max_width),
    tf.float32,
  )
  gradients = []
  for function in (scored, as_written):
    with tf.GradientTape() as tape:
      tape.watch(inputs)
      loss = tf.reduce_sum(weight * function(inputs, max_width))
    gradients.append(tape.gradient(loss, inputs))
  for name in inputs:
    np.testing.assert_allclose(
      gradients[0][name], gradients[1][name], atol=2e-5, err_msg=name
    )


def test_units_that_are_all_zero_have_no_nan():
  inputs = make_inputs()
  inputs['starts'] -= 100.0
  with tf.GradientTape() as tape:
    tape.watch(inputs)
    loss = tf.reduce_sum(scored(inputs, 3))
  for name, gradient in tape.gradient(loss, inputs).items():
    assert np.isfinite(gradient).all(), name
  np.testing.assert_allclose(
    scored(inputs, 3),
    tf.fill(
      [N, LENGTH, 3],
      tf.tensordot(inputs['beta'], inputs['kernel'], 1) + inputs['bias'],
    ),
    atol=1e-5,
  )


def test_works_in_a_graph_of_unknown_length():
  traces = []

  @tf.function(
    input_signature=[tf.TensorSpec([None, None, HIDDEN], tf.float32)] * 2
  )
  def graph(starts, ends):
    traces.append(1)
    return scored({**make_inputs(), 'starts': starts, 'ends': ends}, 4)

  for length in (2, 5, 9):
    inputs = make_inputs(length, seed=length)
    same = {**make_inputs(), 'starts': inputs['starts'], 'ends': inputs['ends']}
    np.testing.assert_allclose(
      graph(inputs['starts'], inputs['ends']), scored(same, 4), atol=1e-6
    )
  assert len(traces) == 1


def test_mask_of_spans_that_end_inside():
  found = span_scores.span_mask(tf.constant([[3, 0, 1]]), 3, 2)
  assert found.numpy().astype(int).tolist() == [
    [[[1, 1], [1, 1], [1, 0]], [[0, 0]] * 3, [[1, 0], [0, 0], [0, 0]]]
  ]


def test_gold_spans_are_those_given_and_no_others():
  rng = np.random.default_rng(0)
  scores = rng.standard_normal([2, 3, 6, 4]).astype(np.float32)
  lengths = np.array([[6, 4, 2], [1, 0, 6]], np.int32)
  mask = span_scores.span_mask(tf.constant(lengths), 6, 4).numpy()
  scores[~mask] = NEVER
  # Some are twice there, some too wide, some beyond the end, some backwards.
  starts = rng.integers(-1, 8, [2, 3, 40]).astype(np.int32)
  ends = (starts + rng.integers(-1, 6, starts.shape)).astype(np.int32)
  ends[starts < 0] = -1
  expected = np.zeros(scores.shape, bool)
  for b, k, s, w in np.argwhere(mask):
    expected[b, k, s, w] = any(
      (s, s + w) == pair for pair in zip(starts[b, k], ends[b, k])
    )
  found = span_scores.is_gold(
    tf.constant(starts), tf.constant(ends), tf.constant(scores)
  )
  np.testing.assert_array_equal(found, expected)
  assert 10 < expected.sum() < mask.sum()


def test_no_gold_spans():
  nothing = tf.zeros([2, 3, 0], tf.int32)
  found = span_scores.is_gold(nothing, nothing, tf.zeros([2, 3, 4, 2]))
  assert found.shape == (2, 3, 4, 2) and not found.numpy().any()


def test_best_spans_equal_a_sort():
  rng = np.random.default_rng(0)
  scores = rng.standard_normal([2, 3, 6, 4]).astype(np.float32)
  found = span_scores.best_spans(tf.constant(scores), 5)
  for b in range(2):
    for rank, place in enumerate(np.argsort(-scores[b].ravel())[:5]):
      k, s, w = np.unravel_index(place, scores.shape[1:])
      assert [int(found[x][b, rank]) for x in ('block', 'start', 'end')] == [
        k,
        s,
        s + w,
      ]
      assert float(found['score'][b, rank]) == scores[b, k, s, w]


def test_fewer_spans_than_asked_for():
  scores = np.full([1, 1, 2, 2], NEVER, np.float32)
  scores[0, 0, 1, 0] = -3
  found = span_scores.best_spans(tf.constant(scores), 6)
  assert found['start'].numpy().tolist() == [[1, -1, -1, -1, -1, -1]]
  assert found['end'].numpy().tolist() == [[1, -1, -1, -1, -1, -1]]
  assert found['block'].numpy().tolist() == [[0, -1, -1, -1, -1, -1]]
  assert float(found['score'][0, 0]) == -3


def test_of_spans_of_the_same_words_the_best_is_left():
  rng = np.random.default_rng(3)
  batch, blocks, length, width, row = 2, 3, 6, 4, 11
  # Whole numbers, so that some are equal.
  scores = rng.integers(0, 9, [batch, blocks, length, width]).astype(np.float32)
  firsts = rng.integers(1, 5, [batch, blocks])
  sizes = np.array([[6, 4, 1], [0, 6, 5]])
  places = np.arange(row)
  mask = (places >= firsts[..., None]) & (places < (firsts + sizes)[..., None])
  begins = rng.integers(0, 2, [batch, blocks, row])
  numbers = np.cumsum(begins, -1).astype(np.int32)
  words = span_scores.of_blocks(
    tf.constant(numbers), tf.constant(mask.astype(np.int32)), length
  ).numpy()
  expected = np.full_like(scores, NEVER)
  merged = 0
  for b, k in np.ndindex(batch, blocks):
    its = numbers[b, k, firsts[b, k] : firsts[b, k] + sizes[b, k]]
    np.testing.assert_array_equal(words[b, k, : len(its)], its)
    best = {}
    for s, w in np.ndindex(length, width):
      if s + w >= len(its):
        scores[b, k, s, w] = NEVER
        continue
      place = best.setdefault((its[s], its[s + w]), (s, w))
      merged += place != (s, w)
      if scores[b, k, s, w] > scores[b, k][place]:
        best[its[s], its[s + w]] = (s, w)
    for s, w in best.values():
      expected[b, k, s, w] = scores[b, k, s, w]
  assert merged > 10
  found = span_scores.best_of_words(tf.constant(scores), tf.constant(words))
  np.testing.assert_array_equal(found, expected)
  best = span_scores.best_spans(tf.constant(scores), 5, tf.constant(words))
  np.testing.assert_array_equal(
    best['score'], -np.sort(-expected.reshape(batch, -1))[:, :5]
  )


def test_words_of_no_questions():
  empty = span_scores.best_spans(
    tf.zeros([0, 2, 3, 4]), 5, tf.zeros([0, 2, 3], tf.int32)
  )
  assert empty['score'].shape == (0, 5)
