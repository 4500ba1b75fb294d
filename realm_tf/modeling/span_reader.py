# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads questions along with blocks, and scores the spans of the blocks."""

import tensorflow as tf
import tf_keras as keras

from realm_tf.bert import encoder as encoder_lib
from realm_tf.bert.bert_config import BertConfig
from realm_tf.bert.weights import Bert
from realm_tf.modeling import encoding, span_scores

_EPSILON = 1e-3  # Of the original's LayerNorm over the hidden units of spans.
_STDDEV = 0.02
# Blocks differ in length; with few of them more groups save nothing.
_NUM_GROUPS = 2


def _flatten(x: tf.Tensor) -> tf.Tensor:
  """`[batch, blocks, length]` as `[batch * blocks, length]`."""
  return tf.reshape(x, [-1, tf.shape(x)[-1]])


class SpanReader(keras.layers.Layer):
  """BERT over `[CLS] question [SEP] block body [SEP]`, and scores of spans.

  All spans of the block with at most `max_span_width` wordpieces are scored by
  an MLP over the contextual embeddings of their first and last wordpieces.
  Question and padding cost nothing in BERT's last layer and in the MLP.

  Example:
    packed = packing.pack_reader(questions, bodies, ...)  # [batch * 5, length]
    joint = {key: tf.reshape(x, [batch, 5, -1]) for key, x in packed.items()}
    reader = SpanReader(BertConfig.preset('tiny'))
    logits = reader(joint, joint['block_mask'])
    reader.decode(logits, top_n=3)['start']  # [batch, 3], in the block

  Attributes:
    bert_config: Sizes of the encoder.
    max_span_width: Wordpieces of a span at most.
    span_hidden_size: Hidden units of the MLP.
    encoder: Model Garden's BERT.
    projection: From an embedding to what it gives to the hidden units as the
      first wordpiece of a span, and to what it gives as the last.
    layer_norm: Of the hidden units.
    score: From the hidden units to the score.
  """

  def __init__(
    self,
    bert_config: BertConfig,
    *,
    max_span_width: int = 10,
    span_hidden_size: int = 256,
    seed: int = 0,
    name: str = 'span_reader',
  ):
    """Makes a reader with random weights.

    Args:
      bert_config: Sizes of the encoder, and the rates of dropout.
      max_span_width: Wordpieces of a span at most.
      span_hidden_size: Hidden units of the MLP.
      seed: Of weights and dropout.
      name: Of the layer; the prefix of its variables.
    """
    for size, what in (
      (max_span_width, 'max_span_width'),
      (span_hidden_size, 'span_hidden_size'),
    ):
      if size < 1:
        raise ValueError(f'{what} must be positive. Received: {size}')
    super().__init__(name=name, dtype=tf.float32)
    self.bert_config = bert_config
    self.max_span_width = max_span_width
    self.span_hidden_size = span_hidden_size
    self.generator = tf.random.Generator.from_seed(seed, alg='philox')
    with tf.name_scope(name):
      self.encoder = encoder_lib.build_encoder(bert_config, seed=seed)

    def dense(size: int, stream: int, name: str) -> keras.layers.Dense:
      return keras.layers.Dense(
        size,
        kernel_initializer=keras.initializers.TruncatedNormal(
          stddev=_STDDEV, seed=2 * seed + stream
        ),
        name=name,
        dtype=tf.float32,
      )

    self.projection = dense(2 * span_hidden_size, 0, 'projection')
    self.layer_norm = keras.layers.LayerNormalization(
      epsilon=_EPSILON, name='layer_norm', dtype=tf.float32
    )
    self.score = dense(1, 1, 'score')
    # The optimizer knows by their names what does not decay.
    for layer, inputs in (
      (self.projection, bert_config.hidden_size),
      (self.layer_norm, span_hidden_size),
      (self.score, span_hidden_size),
    ):
      with tf.name_scope(f'{name}/{layer.name}'):
        layer.build([None, inputs])
    self.built = True

  @property
  def used_variables(self) -> list[tf.Variable]:
    """The trainable variables but the pooler's, which nothing reads."""
    unused = {v.ref() for v in self.encoder.pooler_layer.variables}
    return [v for v in self.trainable_variables if v.ref() not in unused]

  def init_from_bert(self, bert: Bert) -> None:
    """Sets the encoder's weights to those of `bert`; the MLP stays."""
    mine, its = self.encoder.weights, bert.encoder.weights
    shapes = [tuple(v.shape) for v in mine], [tuple(v.shape) for v in its]
    if shapes[0] != shapes[1]:
      raise ValueError(
        f'a reader of {self.bert_config} cannot start from a BERT of'
        f' {bert.config}'
      )
    for variable, value in zip(mine, its):
      variable.assign(value)

  def _rows(
    self,
    inputs: encoding.Inputs,
    positions: tf.Tensor,
    seed: tf.Tensor | None,
  ) -> tf.Tensor:
    """Scores `[rows, starts, widths]` of rows, at `positions`."""
    hidden = encoding.encode(
      self.encoder, inputs, positions, seed=seed, num_groups=_NUM_GROUPS
    )
    # Kernels are split, not what comes out: that would be copied.
    shape = tf.shape(hidden)
    flat = tf.reshape(hidden, [-1, hidden.shape[-1]])
    starts, ends = (
      tf.reshape(
        tf.nn.bias_add(tf.matmul(flat, kernel), bias),
        [shape[0], shape[1], self.span_hidden_size],
      )
      for kernel, bias in zip(
        tf.split(self.projection.kernel, 2, 1),
        tf.split(self.projection.bias, 2),
      )
    )
    return span_scores.span_scores(
      starts,
      ends,
      gamma=self.layer_norm.gamma,
      beta=self.layer_norm.beta,
      epsilon=_EPSILON,
      kernel=self.score.kernel[:, 0],
      bias=self.score.bias[0],
      max_width=self.max_span_width,
    )

  def _in_chunks(
    self,
    inputs: encoding.Inputs,
    positions: tf.Tensor,
    lengths: tf.Tensor,
    at_once: int,
  ) -> tf.Tensor:
    """Scores `at_once` rows at a time, rows of similar length together."""
    rows, starts = tf.unstack(tf.shape(positions))
    order = tf.argsort(tf.reduce_sum(inputs['input_mask'], -1), stable=True)
    steps = tf.maximum(-(-rows // at_once), 1)

    def read(i: tf.Tensor, done: tf.TensorArray) -> tuple:
      which = order[i * at_once : (i + 1) * at_once]
      longest = tf.maximum(tf.reduce_max(tf.gather(lengths, which)), 1)
      scores = self._rows(
        {key: tf.gather(x, which) for key, x in inputs.items()},
        tf.gather(positions, which)[:, :longest],
        None,
      )
      scores = tf.pad(scores, [[0, 0], [0, starts - longest], [0, 0]])
      return i + 1, done.write(i, scores)

    done = tf.TensorArray(
      tf.float32,
      steps,
      infer_shape=False,
      element_shape=[None, None, self.max_span_width],
    )
    _, done = tf.while_loop(
      lambda i, _: i < steps, read, (0, done), parallel_iterations=1
    )
    return tf.gather(done.concat(), tf.math.invert_permutation(order))

  def call(
    self,
    joint: encoding.Inputs,
    block_mask: tf.Tensor,
    training: bool = False,
    blocks_at_once: int = 0,
  ) -> tf.Tensor:
    """Scores all spans of all blocks.

    Args:
      joint: BERT inputs, int32 `[batch, blocks, length]`; other keys are not
        looked at.
      block_mask: int32 `[batch, blocks, length]`, 1 at the wordpieces of the
        block, which stand one behind the other.
      training: Whether to drop out.
      blocks_at_once: Read so many blocks at a time, of the whole batch, to
        save memory; not in training. 0 reads all.

    Returns:
      float32 `[batch, blocks, starts, max_span_width]`. At `[:, :, s, w]` is
      the span from wordpiece s to s + w of the block; where that ends beyond
      the block the score is `span_scores.NEVER`. There are as many starts as
      wordpieces in the longest block.
    """
    if training and blocks_at_once:
      raise ValueError('blocks_at_once is not for training')
    inputs = {
      key: _flatten(joint[key])
      for key in ('input_word_ids', 'input_mask', 'input_type_ids')
    }
    mask = _flatten(block_mask)  # [rows, length]
    lengths = tf.reduce_sum(mask, -1)
    starts = tf.maximum(tf.reduce_max(lengths), 1)
    first = tf.argmax(mask, -1, output_type=tf.int32)
    last = tf.maximum(first + lengths - 1, 0)
    positions = tf.minimum(
      first[:, tf.newaxis] + tf.range(starts), last[:, tf.newaxis]
    )
    if blocks_at_once:
      scores = self._in_chunks(inputs, positions, lengths, blocks_at_once)
    else:
      seed = self.generator.make_seeds(1)[:, 0] if training else None
      scores = self._rows(inputs, positions, seed)
    inside = span_scores.span_mask(lengths, starts, self.max_span_width)
    scores = tf.where(inside, scores, span_scores.NEVER)
    shape = tf.shape(block_mask)
    return tf.reshape(scores, [shape[0], shape[1], starts, self.max_span_width])
