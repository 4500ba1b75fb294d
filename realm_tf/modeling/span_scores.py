# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Scores the spans of a text by a small network, and picks the best ones.

    score(s, e) = w . LayerNorm(relu(start_s + end_e)) + b

Computed literally, every span has its own hidden units, mean and variance, and
most of the time goes into passes over them. Here one width is computed at a
time, so that its hidden units stay in the cache. LayerNorm and w need only
three sums over the hidden units; the gradient recomputes the units.
"""

from collections.abc import Callable

import tensorflow as tf

NEVER = -1e9  # Score of a span that does not exist.


def _forward(
  starts: tf.Tensor,
  ends: tf.Tensor,
  gain: tf.Tensor,
  epsilon: float,
  max_width: int,
) -> tuple[tf.Tensor, Callable[..., tuple[tf.Tensor, ...]]]:
  """`gain . normalize(hidden)` of all spans, and its gradient.

  The texts are concatenated, since a slice of the first axis copies nothing.
  Spans that end in the next text are computed too, but get no gradient.

  Returns:
    Scores `[n, length, max_width]`, and a function that turns their gradient
    into the gradients of `starts`, `ends` and `gain`.
  """
  size = starts.shape[-1]
  shape = tf.shape(starts)
  n, length = tf.unstack(shape[:2])
  tokens, more = n * length, max_width - 1
  starts = tf.reshape(starts, [-1, size])  # [tokens, hidden]
  ends = tf.pad(tf.reshape(ends, [-1, size]), [[0, more], [0, 0]])

  def hidden_units(longer: int) -> tf.Tensor:
    """Hidden units of the spans of `longer + 1` tokens."""
    return tf.nn.relu(starts + ends[longer : longer + tokens])

  # One product gives both the weighted sum and the mean.
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
    # Derivative of the weighted sum, including that of the mean.
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
    starts: Contribution of each token to the hidden units of the spans that
      start there, float32 `[n, length, hidden]`.
    ends: Contribution of each token to the hidden units of the spans that end
      there, float32 `[n, length, hidden]`.
    gamma: Scale of the layer normalization, float32 `[hidden]`.
    beta: Offset of the layer normalization, float32 `[hidden]`.
    epsilon: Epsilon of the layer normalization.
    kernel: Output weights w, float32 `[hidden]`.
    bias: Output bias b, float32 scalar.
    max_width: Maximum number of tokens in a span.

  Returns:
    float32 `[n, length, max_width]`; `[:, s, w]` is the score of the span from
    s to s + w. Scores of spans that end beyond the text are meaningless.
  """

  @tf.custom_gradient
  def normalized(starts: tf.Tensor, ends: tf.Tensor, gain: tf.Tensor):
    return _forward(starts, ends, gain, epsilon, max_width)

  scores = normalized(starts, ends, gamma * kernel)
  return scores + (tf.tensordot(beta, kernel, 1) + bias)


def span_mask(
  lengths: tf.Tensor, length: tf.Tensor | int, max_width: int
) -> tf.Tensor:
  """Which spans end inside their text, bool `[..., length, max_width]`.

  Args:
    lengths: Number of tokens in each text, int32 `[...]`.
    length: Length that all texts are padded to.
    max_width: Maximum number of tokens in a span.
  """
  last = tf.range(length)[:, tf.newaxis] + tf.range(max_width)
  return last < lengths[..., tf.newaxis, tf.newaxis]


def is_gold(starts: tf.Tensor, ends: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
  """Which spans are among the given ones.

  Args:
    starts: First tokens, int32 `[batch, blocks, spans]`; -1 for none.
    ends: Last tokens, int32 `[batch, blocks, spans]`; -1 for none.
    scores: Scores `[batch, blocks, length, max_width]`, at most half of `NEVER`
      where there is no span. Such a place is never gold, and neither is a
      given span that is wider than `max_width`.

  Returns:
    bool, with the shape of `scores`.
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
  """Cuts the blocks' values out of those of packed rows.

  Args:
    values: Value of each wordpiece of a row, `[batch, blocks, row]`.
    block_mask: 1 at the wordpieces of the block, int32 `[batch, blocks, row]`.
    length: Length to pad to.

  Returns:
    `[batch, blocks, length]`, padded with the last value of each block.
  """
  first = tf.argmax(block_mask, -1, output_type=tf.int32)[..., tf.newaxis]
  size = tf.reduce_sum(block_mask, -1, keepdims=True)
  places = tf.minimum(tf.range(length), tf.maximum(size - 1, 0))
  return tf.gather(values, first + places, batch_dims=2)


def best_of_words(scores: tf.Tensor, words: tf.Tensor) -> tf.Tensor:
  """Keeps the best one of the spans that cover the same words.

  Args:
    scores: float32 `[batch, blocks, length, max_width]`.
    words: Number of the word that each token belongs to, in ascending order,
      int32 `[batch, blocks, length]`.

  Returns:
    The scores, with `NEVER` for the other spans.
  """
  shape = tf.shape(scores)
  rows, length, max_width = shape[0] * shape[1], shape[2], shape[3]
  flat = tf.reshape(scores, [-1])
  words = tf.reshape(words - words[..., :1], [rows, length])
  ends = tf.range(length)[:, tf.newaxis] + tf.range(max_width)
  last = tf.gather(words, tf.minimum(ends, length - 1), axis=1)
  first = words[..., tf.newaxis]
  # A span has no more words than tokens, so every pair of words has a key.
  row = tf.range(rows)[:, tf.newaxis, tf.newaxis]
  key = tf.reshape((row * length + first) * max_width + last - first, [-1])
  size = tf.size(flat)
  best = tf.gather(tf.math.unsorted_segment_max(flat, key, size), key)
  place = tf.range(size)
  # The first one of equal scores.
  kept = tf.math.unsorted_segment_min(
    tf.where(flat == best, place, size), key, size
  )
  kept = tf.reshape(place == tf.gather(kept, key), shape)
  return tf.where(kept, scores, NEVER)


def best_spans(
  scores: tf.Tensor, top_n: int, words: tf.Tensor | None = None
) -> dict[str, tf.Tensor]:
  """Finds the spans with the highest scores, best first.

  Args:
    scores: float32 `[batch, blocks, length, max_width]`, at most half of
      `NEVER` where there is no span.
    top_n: Number of spans per batch row.
    words: Words of the tokens (`best_of_words`); spans of the same words then
      count once. None compares wordpieces.

  Returns:
    `block`, `start` and `end`, int32 `[batch, top_n]`, and `score`; -1 and
    about `NEVER` where there are fewer spans.
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


def joint_scores(
  retriever_scores: tf.Tensor, reader_scores: tf.Tensor
) -> tf.Tensor:
  """Adds the score of its block to the score of every span.

  Args:
    retriever_scores: float32 `[batch, beam]`, of which the first `blocks` were
      read.
    reader_scores: float32 `[batch, blocks, length, max_width]`.
  """
  blocks = tf.shape(reader_scores)[1]
  of_blocks = retriever_scores[:, :blocks, tf.newaxis, tf.newaxis]
  return tf.maximum(reader_scores + of_blocks, NEVER)


def best_answers(
  retriever_scores: tf.Tensor,
  reader_scores: tf.Tensor,
  top_n: int,
  words: tf.Tensor | None = None,
  block_mask: tf.Tensor | None = None,
) -> dict[str, tf.Tensor]:
  """Finds the likeliest answers by retriever and reader together.

  Args:
    retriever_scores: Scores of the blocks read, float32 `[batch, blocks]`.
    reader_scores: What `SpanReader` returns for them, float32
      `[batch, blocks, starts, max_span_width]`.
    top_n: Number of answers per question.
    words: Number of the word that each wordpiece of the packed rows belongs to
      (`text.words.word_numbers`), int32 `[batch, blocks, length]`; spans of the
      same words then count once. None compares wordpieces.
    block_mask: Block mask of the packed rows, needed with `words`.

  Returns:
    A dict of `[batch, top_n]`, best first; -1 and `NEVER` where there are fewer
    spans:
      `block`, `start`, `end`: Block among those read, and first and last
        wordpiece in it, int32.
      `score`: Sum of both scores.
      `retriever_score`: Score of the block.
      `log_prob`: log p(block, span) among all spans read.
      `retriever_log_prob`: log p(block) among the blocks read.
      `reader_log_prob`: log p(span | block).
  """
  scores = joint_scores(retriever_scores, reader_scores)
  if words is not None:
    words = of_blocks(words, block_mask, tf.shape(scores)[2])
  found = best_spans(scores, top_n, words)
  there, score = found['block'] >= 0, found.pop('score')
  block = tf.maximum(found['block'], 0)

  def of_block(values: tf.Tensor) -> tf.Tensor:
    return tf.gather(values, block, batch_dims=1)

  retriever_score = of_block(retriever_scores)
  numbers = {
    'score': score,
    'retriever_score': retriever_score,
    'log_prob': score - tf.reduce_logsumexp(scores, [1, 2, 3])[:, tf.newaxis],
    'retriever_log_prob': of_block(tf.nn.log_softmax(retriever_scores)),
    'reader_log_prob': (
      score
      - retriever_score
      - of_block(tf.reduce_logsumexp(reader_scores, [2, 3]))
    ),
  }
  return {
    **found,
    **{name: tf.where(there, x, NEVER) for name, x in numbers.items()},
  }
