# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Maximum inner product search, exact or by ScaNN.

A searcher is data (a dict of tensors, what is saved) and a function of data and
queries. All searchers of a process share the traced functions, so that loading
another index neither traces nor leaves anything behind.
"""

import abc
import importlib
import threading
import uuid
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from realm_tf.index.config import SearcherConfig

# Scores that exact search holds at a time: 64 MB.
_SCORES = 1 << 24
# Scores whose maximum is looked at first.
_GROUP = 64
_SCANN_STATE = (
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


def _scann_ops() -> Any:
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
    _scann_ops()
  except ScannMissingError:
    return False
  return True


def _best_of(scores: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
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
    new, columns = _best_of(scores, tf.minimum(k, limit - start))
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
    tensors: As of `ScannSearcher.tensors`.
    shared_name: Under which TensorFlow keeps it. Executed eagerly it must be
      new: without one all calls give out the handle of the first.
  """
  state = {name: tensors[name] for name in _SCANN_STATE}
  dataset = state.pop('dataset')
  return _scann_ops().tensors_to_scann(
    x=tf.cast(dataset, tf.float32), shared_name=shared_name, **state
  )


def search_scann(
  handle: tf.Tensor, plan: tf.Tensor, queries: tf.Tensor, k: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
  """Rows int32 and scores `[batch, k]`, in a graph.

  Args:
    handle: Of ScaNN's searcher.
    plan: int32 `[4]`: rows, leaves, leaves to search, rows to reorder.
    queries: float32 `[batch, dim]`.
    k: At most the number of rows.
  """
  ops = _scann_ops()
  n, leaves, searched, reorder = tf.unstack(plan)
  # Leaves are of unequal size: look into twice those that k rows would fill.
  share = 2.0 * tf.cast(k, tf.float32) / tf.cast(n, tf.float32)
  wanted = tf.math.ceil(share * tf.cast(leaves, tf.float32))
  searched = tf.minimum(tf.maximum(searched, tf.cast(wanted, tf.int32)), leaves)

  def search(searched: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    rows, scores = ops.scann_search_batched(
      handle, queries, k, tf.maximum(k, reorder), searched, True
    )
    return rows, scores

  rows, scores = search(searched)
  # It gives fewer columns, or fills up with NaN, where the leaves held less.
  incomplete = tf.logical_or(
    tf.shape(rows)[1] < k, tf.reduce_any(tf.math.is_nan(scores))
  )
  return tf.cond(incomplete, lambda: search(leaves), lambda: (rows, scores))


# Traced at the first search, when ScaNN's ops are there.
_search_scann = tf.function(
  search_scann,
  input_signature=[
    tf.TensorSpec([], tf.resource),
    tf.TensorSpec([4], tf.int32),
    tf.TensorSpec([None, None], tf.float32),
    tf.TensorSpec([], tf.int32),
  ],
  autograph=False,
)


class Searcher(abc.ABC):
  """Finds the rows with the highest inner product.

  Usable from several threads, eagerly and in `tf.function` and `tf.data`. A
  function that was traced with it holds on to it: retrieve eagerly where the
  index is swapped.

  Attributes:
    num_rows: Number of rows.
    dim: Dimensions of a row.
    config: As given to `build_searcher`.
    kind: `exact` or `scann`.
  """

  kind: str

  def __init__(self, num_rows: int, dim: int, config: SearcherConfig):
    self.num_rows = num_rows
    self.dim = dim
    self.config = config
    self._closed = threading.Event()

  @property
  def is_exact(self) -> bool:
    """Whether the true neighbours are found, and all of them."""
    return self.kind == 'exact'

  def search(self, queries: Any, k: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Finds the best rows of each query.

    Args:
      queries: float32 `[batch, dim]`.
      k: How many; of an index with fewer rows, all are returned.

    Returns:
      Rows int32 and scores float32, best first, `[batch, min(k, num_rows)]`.

    Raises:
      RuntimeError: The searcher was closed.
    """
    if self._closed.is_set():
      raise RuntimeError('this searcher was closed: it has no rows any more')
    queries = tf.convert_to_tensor(queries, tf.float32)
    if queries.shape.rank != 2 or queries.shape[1] not in (None, self.dim):
      raise ValueError(
        f'queries must have shape [batch, {self.dim}]. '
        f'Received: {queries.shape}'
      )
    if not tf.is_tensor(k) and k < 1:
      raise ValueError(f'k must be at least 1. Received: {k}')
    k = tf.minimum(tf.cast(k, tf.int32), self.num_rows)
    try:
      return self._search(queries, k)
    except tf.errors.NotFoundError as e:
      if not self._closed.is_set():
        raise
      raise RuntimeError('this searcher was closed during the search') from e

  def close(self) -> None:
    """Frees the memory; searches from now on fail. May be called again."""
    if not self._closed.is_set():
      self._closed.set()
      self._free()

  @abc.abstractmethod
  def tensors(self, embeddings: np.ndarray) -> dict[str, tf.Tensor]:
    """Everything that it takes to make the searcher again.

    Args:
      embeddings: What it was built over.
    """

  @abc.abstractmethod
  def _search(
    self, queries: tf.Tensor, k: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor]: ...

  @abc.abstractmethod
  def _free(self) -> None: ...


class ExactSearcher(Searcher):
  """Compares with every row: `matmul` and `top_k`, a chunk at a time."""

  kind = 'exact'

  def __init__(self, embeddings: Any, config: SearcherConfig):
    self._embeddings = tf.convert_to_tensor(embeddings, tf.float32)
    rows, dim = self._embeddings.shape
    super().__init__(rows, dim, config)

  def tensors(self, embeddings: np.ndarray) -> dict[str, tf.Tensor]:
    """The embeddings."""
    del embeddings
    return {'embeddings': self._embeddings}

  def _search(
    self, queries: tf.Tensor, k: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor]:
    return search_exact(self._embeddings, queries, k)

  def _free(self) -> None:
    # A search under way has its own reference.
    self._embeddings = tf.zeros([0, self.dim])


class ScannSearcher(Searcher):
  """Tree, asymmetric hashing and reordering, by ScaNN's TensorFlow ops."""

  kind = 'scann'

  def __init__(
    self, handle: tf.Tensor, plan: Any, dim: int, config: SearcherConfig
  ):
    """Wraps a handle, which `close` destroys.

    Args:
      handle: ScaNN's searcher.
      plan: int32 `[4]`: rows, leaves, leaves to search, rows to reorder.
      dim: Dimensions of a row.
      config: What it was built by.
    """
    self._handle = handle
    self._plan = tf.constant(plan, tf.int32)
    super().__init__(int(self._plan[0]), dim, config)

  @classmethod
  def build(
    cls, embeddings: np.ndarray, config: SearcherConfig
  ) -> 'ScannSearcher':
    """Builds from float32 `[rows, dim]`."""
    ops = _scann_ops()
    rows, dim = embeddings.shape
    leaves, searched = config.leaves(rows)
    types = importlib.import_module(
      'scann.scann_ops.py.scann_builder'
    ).ReorderType
    built = (
      ops.builder(embeddings, 10, 'dot_product')
      .tree(
        num_leaves=leaves,
        num_leaves_to_search=searched,
        training_sample_size=min(rows, config.training_sample),
      )
      .score_ah(
        min(config.dimensions_per_block, dim),
        anisotropic_quantization_threshold=config.anisotropic_threshold,
        training_sample_size=min(rows, config.training_sample),
      )
      .reorder(
        config.reorder,
        quantize=types.BFLOAT16 if config.reorder_bfloat16 else types.FLOAT32,
      )
      .build()
    )
    plan = [rows, leaves, searched, config.reorder]
    return cls(built.searcher_handle, plan, dim, config)

  @classmethod
  def from_tensors(
    cls, tensors: Mapping[str, tf.Tensor], dim: int, config: SearcherConfig
  ) -> 'ScannSearcher':
    """Makes the searcher whose `tensors` these are."""
    handle = scann_handle(tensors, f'realm_tf-{uuid.uuid4().hex}')
    return cls(handle, tensors['plan'], dim, config)

  def tensors(self, embeddings: np.ndarray) -> dict[str, tf.Tensor]:
    """ScaNN's own data, and how much of it a search looks at."""
    state = _scann_ops().scann_to_tensors(self._handle)
    tensors = dict(zip(_SCANN_STATE, state))
    if self.config.reorder_bfloat16:
      # ScaNN gives everything but the vectors it keeps in bfloat16.
      tensors['dataset'] = tf.cast(embeddings, tf.bfloat16)
    return {**tensors, 'plan': self._plan}

  def _search(
    self, queries: tf.Tensor, k: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor]:
    return _search_scann(self._handle, self._plan, queries, k)

  def _free(self) -> None:
    tf.raw_ops.DestroyResourceOp(
      resource=self._handle, ignore_lookup_error=True
    )


def choose_kind(num_rows: int, config: SearcherConfig) -> str:
  """`exact` or `scann`: what `build_searcher` will build."""
  if config.kind != 'auto':
    return config.kind
  if num_rows < config.exact_below:
    return 'exact'
  if scann_is_installed():
    return 'scann'
  logging.warning(
    'ScaNN is not installed: %d rows are searched exactly, which takes longer'
    ' (`pip install "scann[tf]==1.4.2"`, Linux on x86-64)',
    num_rows,
  )
  return 'exact'


def build_searcher(
  embeddings: np.ndarray, config: SearcherConfig | None = None
) -> Searcher:
  """Builds a searcher over rows.

  Takes 2 s for 100,000 rows of 128, 20 s for a million on two cores.

  Args:
    embeddings: float32 `[rows, dim]`.
    config: How to search; None for the defaults.

  Raises:
    ScannMissingError: ScaNN was asked for and is not installed.
    ValueError: There are no rows, or not only finite numbers in them.
  """
  config = config or SearcherConfig()
  if embeddings.ndim != 2 or not embeddings.size:
    raise ValueError(
      'embeddings must have shape [rows, dim], with rows. '
      f'Received: {embeddings.shape}'
    )
  if embeddings.dtype != np.float32:
    raise ValueError(
      f'embeddings must be float32. Received: {embeddings.dtype}'
    )
  for start in range(0, len(embeddings), 1 << 16):
    finite = np.isfinite(embeddings[start : start + (1 << 16)]).all(1)
    if not finite.all():
      row = start + int(np.argmin(finite))
      raise ValueError(f'row {row} of the embeddings is not finite')
  if choose_kind(len(embeddings), config) == 'exact':
    return ExactSearcher(embeddings, config)
  return ScannSearcher.build(embeddings, config)
