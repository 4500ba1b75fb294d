# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Maximum inner product search, exact or by ScaNN."""

import abc
import importlib
import threading
import uuid
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.index import search_ops
from realm_tf.index.search_ops import scann_is_installed

# Number of centers by which ScaNN quantizes.
_SCANN_MIN_ROWS = 16


class Searcher(abc.ABC):
  """Finds the rows with the highest inner product.

  Usable from several threads, eagerly and in `tf.function` and `tf.data`. A
  function that was traced with a searcher keeps it: search eagerly where the
  index is swapped.

  Attributes:
    num_rows: Number of rows.
    dim: Number of dimensions of a row.
    config: Configuration that it was built with.
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
      k: Number of rows per query; all of an index that has fewer.

    Returns:
      Rows int32 and scores float32, best first, `[batch, min(k, num_rows)]`.

    Raises:
      RuntimeError: The searcher was closed.
    """
    if self._closed.is_set():
      raise RuntimeError('this searcher was closed: it has no more rows')
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
    """Frees the memory; later searches fail. May be called again."""
    if not self._closed.is_set():
      self._closed.set()
      self._free()

  @abc.abstractmethod
  def tensors(self, embeddings: np.ndarray) -> dict[str, tf.Tensor]:
    """Returns all that is needed to make the searcher again.

    Args:
      embeddings: float32 `[rows, dim]` that it was built over.
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
    return search_ops.search_exact(self._embeddings, queries, k)

  def _free(self) -> None:
    # A search under way has its own reference.
    self._embeddings = tf.zeros([0, self.dim])


class NoVectors(Searcher):
  """Takes the place of a searcher in an index of words alone."""

  kind = 'lexical'

  def __init__(self, num_rows: int):
    super().__init__(num_rows, 0, SearcherConfig())

  def tensors(self, embeddings: np.ndarray) -> dict[str, tf.Tensor]:
    """Nothing."""
    del embeddings
    return {}

  def _search(
    self, queries: tf.Tensor, k: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor]:
    raise ValueError('this index has no vectors: `retrieval` must be lexical')

  def _free(self) -> None:
    pass


class ScannSearcher(Searcher):
  """Tree, asymmetric hashing and reordering, by ScaNN's TensorFlow ops."""

  kind = 'scann'

  def __init__(
    self, handle: tf.Tensor, plan: Any, dim: int, config: SearcherConfig
  ):
    """Wraps a handle, which `close` destroys.

    Args:
      handle: Handle of ScaNN's searcher.
      plan: int32 `[4]`: rows, leaves, leaves to search, rows to reorder.
      dim: Number of dimensions of a row.
      config: Configuration that it was built with.
    """
    self._handle = handle
    self._plan = tf.constant(plan, tf.int32)
    super().__init__(int(self._plan[0]), dim, config)

  @classmethod
  def build(
    cls, embeddings: np.ndarray, config: SearcherConfig
  ) -> 'ScannSearcher':
    """Builds from float32 `[rows, dim]`.

    Raises:
      ValueError: There are too few rows to train on.
    """
    ops = search_ops.scann_ops()
    rows, dim = embeddings.shape
    if min(rows, config.training_sample) < _SCANN_MIN_ROWS:
      raise ValueError(
        f'ScaNN learns from {_SCANN_MIN_ROWS} rows at least: search fewer'
        f' exactly (kind "exact"). Received: {rows} rows,'
        f' training_sample={config.training_sample}'
      )
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
        # In float, batches of more than 11 look into other leaves than
        # smaller ones: an answer would depend on its neighbours.
        quantize_centroids=True,
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
    handle = search_ops.scann_handle(tensors, f'realm_tf-{uuid.uuid4().hex}')
    return cls(handle, tensors['plan'], dim, config)

  def tensors(self, embeddings: np.ndarray) -> dict[str, tf.Tensor]:
    """Returns ScaNN's data, and how much of it a search looks at."""
    state = search_ops.scann_ops().scann_to_tensors(self._handle)
    tensors = dict(zip(search_ops.SCANN_STATE, state))
    if self.config.reorder_bfloat16:
      # ScaNN gives everything but the vectors it keeps in bfloat16.
      tensors['dataset'] = tf.cast(embeddings, tf.bfloat16)
    return {**tensors, 'plan': self._plan}

  def _search(
    self, queries: tf.Tensor, k: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor]:
    return search_ops.search_scann_traced(self._handle, self._plan, queries, k)

  def _free(self) -> None:
    tf.raw_ops.DestroyResourceOp(
      resource=self._handle, ignore_lookup_error=True
    )


def choose_kind(num_rows: int, config: SearcherConfig) -> str:
  """`exact` or `scann`: what `build_searcher` will build."""
  if config.searcher != 'auto':
    return config.searcher
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
    config: Configuration. Defaults to `SearcherConfig()`.

  Raises:
    search_ops.ScannMissingError: ScaNN was asked for and is not installed.
    ValueError: There are no rows, or too few for ScaNN, or not only finite
      numbers in them.
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
