# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import tensorflow as tf

from realm_tf.bert.weights import load_bert
from realm_tf.modeling import span_scores
from realm_tf.modeling.span_reader import SpanReader
from realm_tf.text import packing
from tests.modeling.encoding_test import CONFIG

QUESTIONS = [3, 5]  # Wordpieces.
BLOCKS = [[9, 4, 0], [2, 13, 6]]


def make_joint(questions=QUESTIONS, blocks=BLOCKS, seed=0, fixed_length=False):
  rng = np.random.default_rng(seed)
  draw = lambda size: rng.integers(5, 50, size).tolist()  # noqa: E731
  rows = [
    (question, draw(size))
    for question, its in zip(map(draw, questions), blocks)
    for size in its
  ]
  packed = packing.pack_reader(
    *(tf.ragged.constant(x, tf.int32, ragged_rank=1) for x in zip(*rows)),
    special=packing.SpecialIds(cls=2, sep=3, mask=4, pad=0),
    max_length=24,
    fixed_length=fixed_length,
  )
  shape = [len(blocks), len(blocks[0]), -1]
  return {key: tf.reshape(x, shape) for key, x in packed.items()}


JOINT = make_joint()


def read(reader, joint, **options):
  return reader(joint, joint['block_mask'], **options)


@pytest.fixture(scope='module')
def reader():
  reader = SpanReader(CONFIG, max_span_width=3, span_hidden_size=6)
  rng = np.random.default_rng(1)
  for variable in reader.variables:
    variable.assign_add(0.1 * rng.standard_normal(variable.shape))
  return reader


def expected_scores(reader, joint):
  """By Keras' layers and the definition, span by span, in NumPy."""
  batch, blocks, _ = joint['input_mask'].shape
  longest = int(joint['block_mask'].numpy().sum(-1).max())
  scores = np.full([batch, blocks, longest, 3], span_scores.NEVER, np.float32)
  for b, k in np.ndindex(batch, blocks):
    inputs = {
      key: joint[key][b, k][None]
      for key in ('input_word_ids', 'input_mask', 'input_type_ids')
    }
    hidden = reader.encoder(inputs)['sequence_output'][0]
    places = np.flatnonzero(joint['block_mask'][b, k])
    kernel, bias = reader.projection.kernel, reader.projection.bias
    for s in range(len(places)):
      for w in range(min(3, len(places) - s)):
        start, end = hidden[places[s]], hidden[places[s + w]]
        units = (
          tf.linalg.matvec(kernel[:, :6], start, transpose_a=True)
          + tf.linalg.matvec(kernel[:, 6:], end, transpose_a=True)
          + bias[:6]
          + bias[6:]
        )
        units = reader.layer_norm(tf.nn.relu(units)[None])
        scores[b, k, s, w] = float(reader.score(units)[0, 0])
  return scores


def test_scores_of_all_spans(reader):
  found = read(reader, JOINT)
  assert found.shape == (2, 3, 13, 3)
  np.testing.assert_allclose(found, expected_scores(reader, JOINT), atol=1e-4)


def test_padding_does_not_matter(reader):
  wide = make_joint(fixed_length=True)
  assert wide['input_mask'].shape[-1] > JOINT['input_mask'].shape[-1]
  np.testing.assert_allclose(read(reader, wide), read(reader, JOINT), atol=1e-5)


@pytest.mark.parametrize('blocks_at_once', [1, 2, 4, 6, 50])
def test_blocks_can_be_read_some_at_a_time(reader, blocks_at_once):
  np.testing.assert_allclose(
    read(reader, JOINT, blocks_at_once=blocks_at_once),
    read(reader, JOINT),
    atol=1e-5,
  )
  with pytest.raises(ValueError, match='not for training'):
    read(reader, JOINT, training=True, blocks_at_once=blocks_at_once)


def test_rows_of_similar_length_are_read_together(reader, monkeypatch):
  seen = []
  read_rows = SpanReader._rows

  def noted(self, inputs, positions, seed):
    seen.append(tf.reduce_sum(inputs['input_mask'], -1).numpy().tolist())
    return read_rows(self, inputs, positions, seed)

  monkeypatch.setattr(SpanReader, '_rows', noted)
  read(reader, JOINT, blocks_at_once=4)
  lengths = np.sort(tf.reduce_sum(JOINT['input_mask'], -1).numpy().ravel())
  assert seen == [lengths[:4].tolist(), lengths[4:].tolist()]


def test_empty_blocks_have_no_spans(reader):
  joint = make_joint([3], [[0, 0]])
  found = read(reader, joint)
  assert (found.numpy() == span_scores.NEVER).all()
  best = span_scores.best_spans(found, 2)
  assert best['start'].numpy().tolist() == [[-1, -1]]


def test_decodes_over_all_blocks(reader):
  scores = read(reader, JOINT).numpy()
  best = {
    key: x.numpy() for key, x in span_scores.best_spans(scores, 4).items()
  }
  for b in range(2):
    np.testing.assert_allclose(
      best['score'][b], np.sort(scores[b].ravel())[::-1][:4]
    )
    for k, s, e, score in zip(*(best[x][b] for x in best)):
      assert scores[b, k, s, e - s] == score


def test_dropout_is_for_training(reader):
  one, other = (read(reader, JOINT, training=True) for _ in range(2))
  assert np.abs(one - other).max() > 1e-3
  np.testing.assert_array_equal(read(reader, JOINT), read(reader, JOINT))


def test_used_variables_are_those_that_get_a_gradient(reader):
  with tf.GradientTape() as tape:
    loss = tf.reduce_sum(read(reader, JOINT))
  gradients = tape.gradient(loss, reader.trainable_variables)
  used = [
    v.name
    for v, g in zip(reader.trainable_variables, gradients)
    if g is not None
  ]
  assert used == [v.name for v in reader.used_variables]
  assert len(used) == len(reader.trainable_variables) - 2


def test_new_weights():
  reader = SpanReader(CONFIG, span_hidden_size=128, seed=3)
  same = SpanReader(CONFIG, span_hidden_size=128, seed=3)
  other = SpanReader(CONFIG, span_hidden_size=128, seed=4)
  for layer in ('projection', 'score'):
    kernel = getattr(reader, layer).kernel.numpy()
    # A truncated normal has its own standard deviation after it was cut.
    assert 0.012 < kernel.std() < 0.026 and np.abs(kernel).max() < 0.05
    np.testing.assert_array_equal(kernel, getattr(same, layer).kernel)
    assert np.abs(kernel - getattr(other, layer).kernel).max() > 0
    assert not getattr(reader, layer).bias.numpy().any()
  assert not np.isin(reader.score.kernel, reader.projection.kernel).any()


def test_what_must_not_decay_is_known_by_its_name(reader):
  names = {v.name for v in reader.variables}
  assert {
    'span_reader/projection/kernel:0',
    'span_reader/layer_norm/gamma:0',
    'span_reader/layer_norm/beta:0',
    'span_reader/score/bias:0',
  } < names


def test_starts_from_bert():
  bert = load_bert('tiny', vocab_size=50, seed=5)
  reader = SpanReader(bert.config, max_span_width=3, span_hidden_size=6)
  before = reader.projection.kernel.numpy()
  reader.init_from_bert(bert)
  for mine, its in zip(reader.encoder.weights, bert.encoder.weights):
    np.testing.assert_array_equal(mine, its)
  np.testing.assert_array_equal(reader.projection.kernel, before)
  with pytest.raises(ValueError, match='cannot start from a BERT of'):
    SpanReader(CONFIG).init_from_bert(bert)


@pytest.mark.parametrize('name', ['max_span_width', 'span_hidden_size'])
def test_sizes_must_be_positive(name):
  with pytest.raises(
    ValueError, match=f'`{name}` must be positive. Received: 0'
  ):
    SpanReader(CONFIG, **{name: 0})


def test_one_trace_serves_all_lengths(reader):
  traces = []

  @tf.function(reduce_retracing=True)
  def scores(joint):
    traces.append(1)
    return read(reader, joint)

  for blocks in ([[9, 4]], [[3, 3]], [[12, 1]], [[0, 7]]):
    joint = make_joint([3], blocks)
    np.testing.assert_allclose(scores(joint), read(reader, joint), atol=1e-5)
  assert len(traces) <= 2
