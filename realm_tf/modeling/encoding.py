# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A faster forward pass of Model Garden's BERT, for some positions only.

REALM needs [CLS] of queries and documents, and the masked words of joint
inputs. The last layer computes these positions alone, which saves nearly half
of the work of a BERT of two layers; a mean needs all positions. Rows are sorted
by length into groups with separate padding; attention is computed by group, and
everything else over the wordpieces of all groups at once. Without dropout the
result equals `encoder(inputs)['sequence_output']` at the positions.
"""

from collections.abc import Mapping, Sequence

import tensorflow as tf
import tf_keras as keras
from official.nlp.modeling import networks

from realm_tf.modeling import fused

Inputs = Mapping[str, tf.Tensor]
_KEYS = ('input_word_ids', 'input_mask', 'input_type_ids')
_MASKED = -1e9


class Dropout:
  """Applies dropout in one forward pass.

  Args:
    seed: Seed of the pass, int `[2]`. None applies no dropout.
  """

  def __init__(self, seed: tf.Tensor | None):
    self._seed = seed
    self._count = 0

  def __call__(self, x: tf.Tensor, rate: float) -> tf.Tensor:
    """Drops a share `rate` of the elements and scales up the others."""
    if self._seed is None or not rate:
      return x
    self._count += 1
    return fused.drop(x, rate, self._seed + [0, self._count])


def trim(inputs: Inputs) -> dict[str, tf.Tensor]:
  """Cuts `[rows, length]` to the longest row, and to no less than 1."""
  mask = inputs['input_mask']
  length = tf.maximum(tf.reduce_max(_lengths(mask)), 1)
  return {key: inputs[key][..., :length] for key in _KEYS}


def _lengths(mask: tf.Tensor) -> tf.Tensor:
  return tf.reduce_max(mask * tf.range(1, tf.shape(mask)[-1] + 1), -1)


def _layer_norm(
  layer: keras.layers.LayerNormalization, x: tf.Tensor
) -> tf.Tensor:
  """Layer normalization in float32."""
  x = tf.cast(x, tf.float32)
  gamma, beta = (tf.cast(v, tf.float32) for v in (layer.gamma, layer.beta))
  return fused.normalize(x, layer.epsilon) * gamma + beta


def _dense(
  x: tf.Tensor, layers: Sequence[keras.layers.Layer], outputs: int
) -> tf.Tensor:
  """Applies dense layers of `outputs` units each to `x [n, in]`."""
  inputs = x.shape[-1]
  kernel = tf.concat(
    [tf.reshape(layer.kernel, [inputs, outputs]) for layer in layers], 1
  )
  bias = tf.concat([tf.reshape(layer.bias, [outputs]) for layer in layers], 0)
  return tf.nn.bias_add(
    tf.matmul(x, tf.cast(kernel, x.dtype)), tf.cast(bias, x.dtype)
  )


class _Group:
  """Rows with the same padded length."""

  def __init__(self, inputs: Inputs, positions: tf.Tensor | None):
    self.inputs = inputs
    mask = inputs['input_mask']
    self.rows, self.length = tf.unstack(tf.shape(mask))
    self.size = self.rows * self.length
    mask = tf.cast(mask, tf.float32)
    self.bias = ((1.0 - mask) * _MASKED)[:, None, None, :]
    self.wanted = 1 if positions is None else tf.shape(positions)[1]
    starts = self.length * tf.range(self.rows)[:, None]
    places = starts if positions is None else starts + positions
    self.places = tf.reshape(places, [-1])

  def heads(self, x: tf.Tensor, length: tf.Tensor, parts: int, heads: int):
    """`[rows * length, parts * hidden]` as `[rows, heads, length, size]`s."""
    size = x.shape[-1] // (parts * heads)
    x = tf.reshape(x, [self.rows, length, parts, heads, size])
    return tf.unstack(tf.transpose(x, [2, 0, 3, 1, 4]))


def _attend(
  group: _Group,
  query: tf.Tensor,
  key: tf.Tensor,
  value: tf.Tensor,
  rate: float,
  dropout: Dropout,
) -> tf.Tensor:
  """Attention within rows, of tensors `[rows, heads, length, size]`."""
  size = query.shape[-1]
  scores = tf.matmul(query * size**-0.5, key, transpose_b=True)
  probs = tf.nn.softmax(scores + tf.cast(group.bias, scores.dtype))
  context = tf.matmul(dropout(probs, rate), value)
  return tf.reshape(
    tf.transpose(context, [0, 2, 1, 3]), [-1, query.shape[1] * size]
  )


def _self_attention(
  layer: keras.layers.MultiHeadAttention,
  x: tf.Tensor,
  groups: Sequence[_Group],
  rate: float,
  dropout: Dropout,
  last: bool,
) -> tf.Tensor:
  """Self-attention of `[n, hidden]`; in the last layer, of wanted queries."""
  _, heads, size = layer._query_dense.kernel.shape
  hidden = heads * size
  sizes = tf.stack([group.size for group in groups])
  sources = [layer._key_dense, layer._value_dense]
  if last:
    queries = tf.split(
      _dense(_wanted(x, groups), [layer._query_dense], hidden),
      tf.stack([group.rows * group.wanted for group in groups]),
      num=len(groups),
    )
  else:
    sources = [layer._query_dense, *sources]
  projected = tf.split(_dense(x, sources, hidden), sizes, num=len(groups))
  contexts = []
  for i, group in enumerate(groups):
    parts = group.heads(projected[i], group.length, len(sources), heads)
    if last:
      parts = [*group.heads(queries[i], group.wanted, 1, heads), *parts]
    query, key, value = parts
    contexts.append(_attend(group, query, key, value, rate, dropout))
  context = tf.reshape(tf.concat(contexts, 0), [-1, hidden])
  return _dense(context, [layer._output_dense], x.shape[-1])


def _wanted(x: tf.Tensor, groups: Sequence[_Group]) -> tf.Tensor:
  """Values of `x [n, hidden]` at the wanted positions."""
  places, first = [], 0
  for group in groups:
    places.append(first + group.places)
    first += group.size
  return tf.gather(x, tf.concat(places, 0))


def _transform(
  block: keras.layers.Layer,
  x: tf.Tensor,
  groups: Sequence[_Group],
  dtype: tf.DType,
  dropout: Dropout,
  last: bool,
) -> tf.Tensor:
  """One transformer layer, float32 `[n, hidden]` in and out."""
  rate = block._output_dropout_rate
  attended = _self_attention(
    block._attention_layer,
    tf.cast(x, dtype),
    groups,
    block._attention_dropout_rate,
    dropout,
    last,
  )
  if last:
    x = _wanted(x, groups)
  # Model Garden uses attention's rate here; BERT does not.
  x += tf.cast(dropout(attended, rate), tf.float32)
  x = _layer_norm(block._attention_layer_norm, x)
  inner, outer = block._intermediate_dense, block._output_dense
  y = _dense(tf.cast(x, dtype), [inner], inner.kernel.shape[-1])
  y = fused.faster(block._inner_activation)(y)
  y = _dense(y, [outer], outer.kernel.shape[-1])
  y = tf.cast(dropout(y, rate), tf.float32)
  return _layer_norm(block._output_layer_norm, x + y)


def _embed(
  encoder: networks.BertEncoderV2,
  groups: Sequence[_Group],
  dropout: Dropout,
) -> tf.Tensor:
  """Embeddings of the wordpieces of all groups, `[n, hidden]`."""
  table = encoder.get_embedding_table()
  types = tf.cast(encoder._type_embedding_layer.embeddings, tf.float32)
  places = tf.cast(
    encoder._position_embedding_layer._position_embeddings, tf.float32
  )
  ids, of_types, of_places = [], [], []
  for group in groups:
    ids.append(tf.reshape(group.inputs['input_word_ids'], [-1]))
    of_types.append(tf.reshape(group.inputs['input_type_ids'], [-1]))
    of_places.append(tf.tile(places[: group.length], [group.rows, 1]))
  # A single lookup, because its gradient is as large as the vocabulary.
  x = tf.cast(tf.gather(table, tf.concat(ids, 0)), tf.float32)
  x += tf.matmul(tf.one_hot(tf.concat(of_types, 0), types.shape[0]), types)
  x += tf.concat(of_places, 0)
  x = _layer_norm(encoder._embedding_norm_layer, x)
  return dropout(x, encoder._embedding_dropout.rate)


def _mean(group: _Group, x: tf.Tensor) -> tf.Tensor:
  """Mean of `x [size, hidden]` over the wordpieces, `[rows, 1, hidden]`."""
  mask = tf.cast(group.inputs['input_mask'], tf.float32)
  count = tf.maximum(tf.reduce_sum(mask, 1, keepdims=True), 1.0)
  weights = (mask / count)[:, tf.newaxis]
  x = tf.reshape(x, [group.rows, group.length, x.shape[-1]])
  return tf.matmul(weights, x)


def _encode_groups(
  encoder: networks.BertEncoderV2,
  inputs: Sequence[Inputs],
  positions: Sequence[tf.Tensor] | None = None,
  *,
  mean: bool = False,
  seed: tf.Tensor | None = None,
) -> list[tf.Tensor]:
  """Runs `encode` on several batches; returns one result for each."""
  dtype = tf.as_dtype(encoder.compute_dtype)
  dropout = Dropout(seed)
  groups = [
    _Group(trim(its), None if positions is None else positions[i])
    for i, its in enumerate(inputs)
  ]
  x = _embed(encoder, groups, dropout)
  blocks = encoder.transformer_layers
  for block in blocks:
    last = block is blocks[-1] and not mean
    x = _transform(block, x, groups, dtype, dropout, last)
  if mean:
    parts = tf.split(x, tf.stack([g.size for g in groups]), num=len(groups))
    return [_mean(group, part) for group, part in zip(groups, parts)]
  parts = tf.split(
    x, tf.stack([g.rows * g.wanted for g in groups]), num=len(groups)
  )
  return [
    tf.reshape(part, [group.rows, group.wanted, x.shape[-1]])
    for part, group in zip(parts, groups)
  ]


def encode(
  encoder: networks.BertEncoderV2,
  inputs: Inputs,
  positions: tf.Tensor | None = None,
  *,
  mean: bool = False,
  seed: tf.Tensor | None = None,
  num_groups: int = 1,
) -> tf.Tensor:
  """Computes the encoder's output at some positions, or its mean.

  Args:
    encoder: The encoder; its own `call` is not used.
    inputs: BERT inputs, int32 `[rows, length]`, padded at the end.
    positions: Positions, int32 `[rows, wanted]`. Defaults to position 0, [CLS].
    mean: Whether to take the mean over all wordpieces of a row instead.
    seed: Seed of the dropout masks, int `[2]`. None applies no dropout.
    num_groups: Number of groups of similar length that rows are sorted into.

  Returns:
    float32 `[rows, wanted, hidden]`; with `mean`, `[rows, 1, hidden]`.
  """
  inputs = {key: inputs[key] for key in _KEYS}
  if num_groups == 1:
    given = None if positions is None else [positions]
    return _encode_groups(encoder, [inputs], given, mean=mean, seed=seed)[0]
  lengths = _lengths(inputs['input_mask'])
  rows = tf.size(lengths)
  order = tf.argsort(lengths, stable=True)
  limits = rows * tf.range(num_groups + 1) // num_groups
  parts = [order[limits[i] : limits[i + 1]] for i in range(num_groups)]
  outputs = _encode_groups(
    encoder,
    [{k: tf.gather(x, part) for k, x in inputs.items()} for part in parts],
    None if positions is None else [tf.gather(positions, p) for p in parts],
    mean=mean,
    seed=seed,
  )
  return tf.gather(tf.concat(outputs, 0), tf.math.invert_permutation(order))
