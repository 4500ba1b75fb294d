# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads questions along with blocks, and scores the spans of the blocks."""

import tensorflow as tf
import tf_keras as keras

from realm_tf.bert.bert_config import BertConfig
from realm_tf.modeling import encoding, span_scores
from realm_tf.modeling.base_layers import BertLayer, serializable

_EPSILON = 1e-3  # Of the original's layer normalization of hidden units.
_STDDEV = 0.02
# Blocks differ in length; as there are few of them, more groups save nothing.
_NUM_GROUPS = 2


def _flatten(x: tf.Tensor) -> tf.Tensor:
  """`[batch, blocks, length]` as `[batch * blocks, length]`."""
  return tf.reshape(x, [-1, tf.shape(x)[-1]])


@serializable
class SpanReader(BertLayer, keras.layers.Layer):
  """BERT over `[CLS] question [SEP] block body [SEP]`, and scores of spans.

  All spans of the block with at most `max_span_width` wordpieces are scored by
  an MLP over the contextual embeddings of their first and last wordpieces.
  Question and padding cost nothing in BERT's last layer and in the MLP.

  Example:
    >>> config = BertConfig.preset('tiny', vocab_size=100)
    >>> reader = SpanReader(config, max_span_width=3)
    >>> ids = tf.constant([[[2, 7, 3, 8, 9, 3], [2, 7, 3, 5, 3, 0]]])
    >>> joint = {
    ...   'input_word_ids': ids,
    ...   'input_mask': tf.cast(ids > 0, tf.int32),
    ...   'input_type_ids': tf.zeros_like(ids),
    ... }
    >>> block = tf.constant([[[0, 0, 0, 1, 1, 0], [0, 0, 0, 1, 0, 0]]])
    >>> scores = reader(joint, block)
    >>> scores.shape  # Batch, blocks, first wordpieces, widths.
    TensorShape([1, 2, 2, 3])
    >>> span_scores.best_spans(scores, top_n=3)['start'].shape
    TensorShape([1, 3])

  Attributes:
    bert_config: Sizes of the encoder.
    max_span_width: Maximum number of wordpieces in a span.
    span_hidden_size: Number of hidden units of the MLP.
    encoder: Model Garden's BERT.
    projection: Maps the embedding of a wordpiece to its contributions to the
      hidden units as the first and as the last wordpiece of a span.
    layer_norm: Normalizes the hidden units.
    score: Maps the hidden units to the score.
  """

  def __init__(
    self,
    bert_config: BertConfig,
    *,
    max_span_width: int = 10,
    span_hidden_size: int = 256,
    seed: int = 0,
    encoder_dtype: str | None = None,
    name: str = 'span_reader',
  ):
    """Makes a reader with random weights.

    Args:
      bert_config: Sizes and dropout rates of the encoder.
      max_span_width: Maximum number of wordpieces in a span.
      span_hidden_size: Number of hidden units of the MLP.
      seed: Seed of weights and dropout.
      encoder_dtype: Precision policy of the encoder, such as `mixed_bfloat16`.
        Defaults to Keras's global policy.
      name: Name of the layer and prefix of its variables.
    """
    for size, what in (
      (max_span_width, 'max_span_width'),
      (span_hidden_size, 'span_hidden_size'),
    ):
      if size < 1:
        raise ValueError(f'`{what}` must be positive. Received: {size}')
    super().__init__(name=name, dtype=tf.float32)
    self.max_span_width = max_span_width
    self.span_hidden_size = span_hidden_size
    self.generator = tf.random.Generator.from_seed(seed, alg='philox')
    with tf.name_scope(name):
      self._make_bert(bert_config, seed, encoder_dtype)

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
    # The optimizer recognizes what does not decay by these names.
    for layer, inputs in (
      (self.projection, bert_config.hidden_size),
      (self.layer_norm, span_hidden_size),
      (self.score, span_hidden_size),
    ):
      with tf.name_scope(f'{name}/{layer.name}'):
        layer.build([None, inputs])
    self.built = True

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
    # Splitting the output instead of the kernel would copy it.
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
      joint: BERT inputs, int32 `[batch, blocks, length]`; other keys are
        ignored.
      block_mask: 1 at the wordpieces of the block, which are contiguous, int32
        `[batch, blocks, length]`.
      training: Whether to apply dropout.
      blocks_at_once: Number of blocks of the whole batch to read at a time, to
        save memory; not for training. Defaults to 0, which reads all at once.

    Returns:
      float32 `[batch, blocks, starts, max_span_width]`, with as many starts as
      the longest block has wordpieces. `[:, :, s, w]` is the score of the span
      from wordpiece s to s + w of the block, or `span_scores.NEVER` if that
      ends beyond the block.
    """
    if training and blocks_at_once:
      raise ValueError('`blocks_at_once` is not for training')
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
