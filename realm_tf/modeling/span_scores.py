# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Scores all spans of a text by a small network over their two ends.

    score(s, e) = w . LayerNorm(relu(start_s + end_e)) + b

Done as written, each span has hidden units, a mean, a variance and so on, and
most of the time goes into passes over them. Here spans of one width are done
at a time, so that their hidden units stay in the cache. LayerNorm and w need
only three sums over them, and of these the gradient needs no more: hidden
units are computed again for it, not kept.
"""

from collections.abc import Callable

import tensorflow as tf

NEVER = -1e9  # The score of what is no span.


def _forward(
  starts: tf.Tensor,
  ends: tf.Tensor,
  gain: tf.Tensor,
  epsilon: float,
  max_width: int,
) -> tuple[tf.Tensor, Callable[..., tuple[tf.Tensor, ...]]]:
  """`gain . normalize(hidden)` of all spans, and its gradient.

  The texts are put one behind the other: a slice of the first axis is no copy.
  Spans that end in the next text are computed along; nothing flows back to
  them.

  Returns:
    `[n, length, max_width]`, and a function from the gradient of that to those
    of `starts`, `ends` and `gain`.
  """
  size = starts.shape[-1]
  shape = tf.shape(starts)
  n, length = tf.unstack(shape[:2])
  tokens, more = n * length, max_width - 1
  starts = tf.reshape(starts, [-1, size])  # [tokens, hidden]
  ends = tf.pad(tf.reshape(ends, [-1, size]), [[0, more], [0, 0]])

  def hidden_units(longer: int) -> tf.Tensor:
    """Of the spans whose last token is `longer` behind the first."""
    return tf.nn.relu(starts + ends[longer : longer + tokens])

  # One multiplication gives the weighted sum and the mean.
  sums = tf.stack([gain, tf.fill([size], 1.0 / size)], 1)
  total = tf.reduce_sum(gain)
  scores, kept = [], []
  for longer in range(max_width):
    hidden = hidden_units(longer)
    weighted, mean = tf.unstack(tf.matmul(hidden, sums), axis=1)
    square = tf.reduce_sum(tf.square(hidden), 1) / size
    variance = tf.maximum(square - tf.square(mean), 0.0)
    scale = tf.math.rsqrt(variance + epsilon)
    centered = weighted - mean * total
    kept.append((mean, scale, centered))
    scores.append(centered * scale)

  def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
    ends_inside = span_mask(length, length, max_width)
    upstream = tf.where(ends_inside, upstream, 0.0)
    to_starts, to_ends, to_gain = [], [], []
    # How the weighted sum moves with the hidden units, their mean moving too.
    along = tf.stack([gain - total / size, tf.ones_like(gain)])
    for longer, (mean, scale, centered) in enumerate(kept):
      hidden = hidden_units(longer)
      direct = tf.reshape(upstream[:, :, longer], [-1]) * scale
      by_scale = -direct * centered * tf.square(scale) / size
      moved = tf.matmul(tf.stack([direct, -by_scale * mean], 1), along)
      moved += by_scale[:, tf.newaxis] * hidden
      moved = tf.raw_ops.ReluGrad(gradients=moved, features=hidden)
      to_starts.append(moved)
      to_ends.append(tf.pad(moved, [[longer, more - longer], [0, 0]]))
      to_gain.append(
        tf.linalg.matvec(hidden, direct, transpose_a=True)
        - tf.reduce_sum(direct * mean)
      )
    return (
      tf.reshape(tf.add_n(to_starts), shape),
      tf.reshape(tf.add_n(to_ends)[:tokens], shape),
      tf.add_n(to_gain),
    )

  scored = tf.reshape(tf.stack(scores, 1), [n, length, max_width])
  return scored, gradient


def span_scores(
  starts: tf.Tensor,
  ends: tf.Tensor,
  *,
  gamma: tf.Tensor,
  beta: tf.Tensor,
  epsilon: float,
  kernel: tf.Tensor,
  bias: tf.Tensor,
  max_width: int,
) -> tf.Tensor:
  """Scores all spans of at most `max_width` tokens.

  Args:
    starts: float32 `[n, length, hidden]`, what each token gives to the hidden
      units of spans that begin there.
    ends: float32 `[n, length, hidden]`, the same of spans that end there.
    gamma: float32 `[hidden]` of the LayerNorm.
    beta: float32 `[hidden]` of the LayerNorm.
    epsilon: Of the LayerNorm.
    kernel: float32 `[hidden]`, the output's weights w.
    bias: float32 scalar, the output's b.
    max_width: Tokens of a span at most.

  Returns:
    float32 `[n, length, max_width]`; at `[:, s, w]` the score of the span from
    s to s + w. For spans beyond the end it means nothing.
  """

  @tf.custom_gradient
  def normalized(starts: tf.Tensor, ends: tf.Tensor, gain: tf.Tensor):
    return _forward(starts, ends, gain, epsilon, max_width)

  scores = normalized(starts, ends, gamma * kernel)
  return scores + (tf.tensordot(beta, kernel, 1) + bias)


def span_mask(
  lengths: tf.Tensor, length: tf.Tensor | int, max_width: int
) -> tf.Tensor:
  """Which spans end inside, bool `[..., length, max_width]`.

  Args:
    lengths: int32 `[...]`, tokens of each text.
    length: int32 scalar, that all are padded to.
    max_width: Tokens of a span at most.
  """
  last = tf.range(length)[:, tf.newaxis] + tf.range(max_width)
  return last < lengths[..., tf.newaxis, tf.newaxis]


def is_gold(starts: tf.Tensor, ends: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
  """Which spans are among those given.

  Args:
    starts: int32 `[batch, blocks, spans]`, first tokens; -1 for none.
    ends: int32 `[batch, blocks, spans]`, last tokens; -1 for none.
    scores: `[batch, blocks, length, max_width]`, at most half of `NEVER` for
      what is no span. That never is gold, nor is a span that is too wide.

  Returns:
    bool, of the shape of `scores`.
  """
  shape = tf.shape(scores)
  length, max_width = shape[2], shape[3]
  wider = ends - starts
  valid = (starts >= 0) & (starts < length) & (wider >= 0) & (wider < max_width)
  texts = tf.reshape(tf.range(shape[0] * shape[1]), [shape[0], shape[1], 1])
  places = (texts * length + starts) * max_width + wider
  counts = tf.math.unsorted_segment_sum(
    tf.cast(valid, tf.int32), tf.where(valid, places, -1), tf.size(scores)
  )
  return (tf.reshape(counts, shape) > 0) & (scores > NEVER / 2)


def of_blocks(
  values: tf.Tensor, block_mask: tf.Tensor, length: tf.Tensor | int
) -> tf.Tensor:
  """Values `[batch, blocks, row]` of packed rows at the blocks in them.

  Args:
    values: Of each wordpiece of a row.
    block_mask: int32 `[batch, blocks, row]`, 1 at the block.
    length: int32 scalar.

  Returns:
    `[batch, blocks, length]`; behind the end of a block its last value.
  """
  first = tf.argmax(block_mask, -1, output_type=tf.int32)[..., tf.newaxis]
  size = tf.reduce_sum(block_mask, -1, keepdims=True)
  places = tf.minimum(tf.range(length), tf.maximum(size - 1, 0))
  return tf.gather(values, first + places, batch_dims=2)


def best_of_words(scores: tf.Tensor, words: tf.Tensor) -> tf.Tensor:
  """Leaves one of the spans that are the same words: that of highest score.

  Args:
    scores: float32 `[batch, blocks, length, max_width]`.
    words: int32 `[batch, blocks, length]`, which word each token is of, counted
      from the first to the last.

  Returns:
    The scores, `NEVER` for the others.
  """
  shape = tf.shape(scores)
  rows, length, max_width = shape[0] * shape[1], shape[2], shape[3]
  flat = tf.reshape(scores, [-1])
  words = tf.reshape(words - words[..., :1], [rows, length])
  ends = tf.range(length)[:, tf.newaxis] + tf.range(max_width)
  last = tf.gather(words, tf.minimum(ends, length - 1), axis=1)
  first = words[..., tf.newaxis]
  # A span has no more words than tokens, so there is a place for each.
  row = tf.range(rows)[:, tf.newaxis, tf.newaxis]
  key = tf.reshape((row * length + first) * max_width + last - first, [-1])
  size = tf.size(flat)
  best = tf.gather(tf.math.unsorted_segment_max(flat, key, size), key)
  place = tf.range(size)
  # Of equal scores the first one.
  kept = tf.math.unsorted_segment_min(
    tf.where(flat == best, place, size), key, size
  )
  kept = tf.reshape(place == tf.gather(kept, key), shape)
  return tf.where(kept, scores, NEVER)


def best_spans(
  scores: tf.Tensor, top_n: int, words: tf.Tensor | None = None
) -> dict[str, tf.Tensor]:
  """The spans with the highest scores, best first.

  Args:
    scores: float32 `[batch, blocks, length, max_width]`, at most half of
      `NEVER` for what is no span.
    top_n: How many of each batch row.
    words: See `best_of_words`; None lets spans be parts of the same words.

  Returns:
    `block`, `start` and `end`, int32 `[batch, top_n]`, and `score`; where there
    are fewer spans -1, and `NEVER` or so.
  """
  if words is not None:
    scores = best_of_words(scores, words)
  shape = tf.shape(scores)
  flat = tf.reshape(scores, [shape[0], -1])
  missing = tf.maximum(top_n - tf.shape(flat)[1], 0)
  flat = tf.pad(flat, [[0, 0], [0, missing]], constant_values=NEVER)
  score, place = tf.math.top_k(flat, top_n)
  start = place // shape[3] % shape[2]
  found = {
    'block': place // (shape[2] * shape[3]),
    'start': start,
    'end': start + place % shape[3],
  }
  there = score > NEVER / 2
  return {
    **{key: tf.where(there, value, -1) for key, value in found.items()},
    'score': score,
  }
