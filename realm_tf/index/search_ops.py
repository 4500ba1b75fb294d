# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Top-k search as TensorFlow functions of data and queries.

All searchers of a process share these, so that loading another index traces
nothing and leaks nothing.
"""

import importlib
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

# Scores that exact search holds at a time: 64 MB.
_SCORES = 1 << 24
# Scores whose maximum is looked at first.
_GROUP = 64
SCANN_STATE = (
  'scann_config',
  'serialized_partitioner',
  'datapoint_to_token',
  'ah_codebook',
  'hashed_dataset',
  'int8_dataset',
  'int8_multipliers',
  'dp_norms',
  'dataset',
)


class ScannMissingError(ImportError):
  """An index needs ScaNN, which is not installed."""


def scann_ops() -> Any:
  """ScaNN's TensorFlow ops; importing it is what registers them.

  Raises:
    ScannMissingError: It is not installed, or made for another TensorFlow.
  """
  try:
    return importlib.import_module('scann.scann_ops.py.scann_ops')
  except (ImportError, OSError, tf.errors.NotFoundError) as e:
    raise ScannMissingError(
      'ScaNN cannot be imported: `pip install "scann[tf]==1.4.2"` (Linux on'
      ' x86-64 only, TensorFlow 2.20), or search exactly (kind "exact").'
      f' The error was: {e}'
    ) from e


def scann_is_installed() -> bool:
  """Whether ScaNN can be imported here."""
  try:
    scann_ops()
  except ScannMissingError:
    return False
  return True


def best_of(scores: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
  """`tf.math.top_k` of `[batch, n]`, faster for many columns and a small k.

  The k best are in the k groups with the highest maxima. Equal scores come in
  the order of their columns, as in `top_k`.
  """
  batch, n = tf.unstack(tf.shape(scores))
  groups = -(-n // _GROUP)

  def by_groups() -> tuple[tf.Tensor, tf.Tensor]:
    padded = tf.pad(
      scores,
      [[0, 0], [0, groups * _GROUP - n]],
      constant_values=scores.dtype.min,
    )
    grouped = tf.reshape(padded, [batch, groups, _GROUP])
    _, best = tf.math.top_k(tf.reduce_max(grouped, -1), k)
    best = tf.sort(best)
    columns = best[:, :, None] * _GROUP + tf.range(_GROUP)
    columns = tf.reshape(columns, [batch, k * _GROUP])
    candidates = tf.gather(grouped, best, batch_dims=1)
    values, where = tf.math.top_k(
      tf.reshape(candidates, [batch, k * _GROUP]), k
    )
    return values, tf.gather(columns, where, batch_dims=1)

  def directly() -> tuple[tf.Tensor, tf.Tensor]:
    values, columns = tf.math.top_k(scores, k)
    return values, columns

  return tf.cond(4 * k <= groups, by_groups, directly)


@tf.function(
  input_signature=[
    tf.TensorSpec([None, None], tf.float32),
    tf.TensorSpec([None, None], tf.float32),
    tf.TensorSpec([], tf.int32),
  ],
  autograph=False,
)
def search_exact(
  embeddings: tf.Tensor, queries: tf.Tensor, k: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
  """Rows int32 and scores `[batch, k]`; compares a chunk of rows at a time."""
  n = tf.shape(embeddings)[0]
  batch = tf.shape(queries)[0]
  size = tf.maximum(_SCORES // tf.maximum(batch, 1), 1)

  def step(
    start: tf.Tensor, rows: tf.Tensor, values: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    limit = tf.minimum(n - start, size) + start
    scores = tf.matmul(queries, embeddings[start:limit], transpose_b=True)
    new, columns = best_of(scores, tf.minimum(k, limit - start))
    # What was found before comes first, and so wins if scores are equal.
    values = tf.concat([values, new], 1)
    rows = tf.concat([rows, columns + start], 1)
    values, where = tf.math.top_k(values, tf.minimum(k, tf.shape(values)[1]))
    return limit, tf.gather(rows, where, batch_dims=1), values

  _, rows, values = tf.while_loop(
    lambda start, rows, values: start < n,
    step,
    (
      tf.constant(0),
      tf.zeros([batch, 0], tf.int32),
      tf.zeros([batch, 0], tf.float32),
    ),
    shape_invariants=(
      tf.TensorShape([]),
      tf.TensorShape([None, None]),
      tf.TensorShape([None, None]),
    ),
    parallel_iterations=1,
  )
  return rows, values


def scann_handle(
  tensors: Mapping[str, tf.Tensor], shared_name: str = ''
) -> tf.Tensor:
  """Makes ScaNN's searcher from its data.

  Args:
    tensors: What `ScannSearcher.tensors` returns.
    shared_name: Name under which TensorFlow keeps it; must be new when executed
      eagerly, since without one all calls return the handle of the first.
  """
  state = {name: tensors[name] for name in SCANN_STATE}
  dataset = state.pop('dataset')
  return scann_ops().tensors_to_scann(
    x=tf.cast(dataset, tf.float32), shared_name=shared_name, **state
  )


def search_scann(
  handle: tf.Tensor, plan: tf.Tensor, queries: tf.Tensor, k: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
  """Rows int32 and scores `[batch, k]`, in a graph.

  Args:
    handle: Handle of ScaNN's searcher.
    plan: int32 `[4]`: rows, leaves, leaves to search, rows to reorder.
    queries: float32 `[batch, dim]`.
    k: At most the number of rows.
  """
  ops = scann_ops()
  n, leaves, searched, reorder = tf.unstack(plan)
  # Leaves are of unequal size: look into twice those that k rows would fill.
  share = 2.0 * tf.cast(k, tf.float32) / tf.cast(n, tf.float32)
  wanted = tf.math.ceil(share * tf.cast(leaves, tf.float32))
  searched = tf.minimum(tf.maximum(searched, tf.cast(wanted, tf.int32)), leaves)

  def search(
    queries: tf.Tensor, leaves: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor]:
    rows, scores = ops.scann_search_batched(
      handle, queries, k, tf.maximum(k, reorder), leaves, True
    )
    return rows, scores

  rows, scores = search(queries, searched)
  # It gives fewer columns, or fills up with NaN, where the leaves held less.
  missing = k - tf.shape(rows)[1]
  incomplete = (missing > 0) | tf.reduce_any(tf.math.is_nan(scores), 1)

  def look_everywhere() -> tuple[tf.Tensor, tf.Tensor]:
    # What is found for a query does not depend on the others of its batch.
    which = tf.where(incomplete)
    more_rows, more_scores = search(tf.gather_nd(queries, which), leaves)
    fill = [[0, 0], [0, missing]]
    return (
      tf.tensor_scatter_nd_update(tf.pad(rows, fill), which, more_rows),
      tf.tensor_scatter_nd_update(tf.pad(scores, fill), which, more_scores),
    )

  return tf.cond(
    tf.reduce_any(incomplete), look_everywhere, lambda: (rows, scores)
  )


# Traced at the first search, when ScaNN's ops are there.
search_scann_traced = tf.function(
  search_scann,
  input_signature=[
    tf.TensorSpec([], tf.resource),
    tf.TensorSpec([4], tf.int32),
    tf.TensorSpec([None, None], tf.float32),
    tf.TensorSpec([], tf.int32),
  ],
  autograph=False,
)
