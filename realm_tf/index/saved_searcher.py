# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Searchers in SavedModels.

The graph of a searcher does not depend on its data, so it is traced once per
process; after that only variables are written. They are restored directly,
since `tf.saved_model.load` would import the graph each time and keep a second
copy of the data.

Other programs load the SavedModel with `tf.saved_model.load(path)` and call
`.search(queries, k)`; they `import scann` first where `kind` is `scann`.
"""

import functools
import os
import pathlib
import uuid
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.index import search_ops
from realm_tf.index import searcher as searcher_lib
from realm_tf.io import faults, saved_models

_DTYPES = {
  'exact': {'embeddings': tf.float32},
  'scann': {
    'scann_config': tf.string,
    'serialized_partitioner': tf.string,
    'datapoint_to_token': tf.int32,
    'ah_codebook': tf.string,
    'hashed_dataset': tf.uint8,
    'int8_dataset': tf.int8,
    'int8_multipliers': tf.float32,
    'dp_norms': tf.float32,
    'dataset': tf.float32,
    'plan': tf.int32,
  },
}
_DTYPES['scann_bfloat16'] = {**_DTYPES['scann'], 'dataset': tf.bfloat16}


def _layout(kind: str, config: SearcherConfig) -> str:
  if kind == 'scann' and config.reorder_bfloat16:
    return 'scann_bfloat16'
  return kind


def _search(
  variables: Mapping[str, tf.Variable],
  shared_name: str,
  queries: tf.Tensor,
  k: tf.Tensor,
) -> dict[str, tf.Tensor]:
  data = {n: tf.convert_to_tensor(v) for n, v in variables.items()}
  if 'embeddings' in data:
    embeddings = tf.ensure_shape(data['embeddings'], [None, None])
    k = tf.clip_by_value(k, 1, tf.shape(embeddings)[0])
    rows, scores = search_ops.search_exact(embeddings, queries, k)
  else:
    handle = search_ops.scann_handle(data, shared_name)
    k = tf.clip_by_value(k, 1, data['plan'][0])
    rows, scores = search_ops.search_scann(handle, data['plan'], queries, k)
  shape = [None, None]
  return {
    'rows': tf.ensure_shape(rows, shape),
    'scores': tf.ensure_shape(scores, shape),
  }


class SearcherModule(tf.Module):
  """The data of a searcher as variables, and search over them in a graph.

  Attributes:
    search: Takes queries, float32 `[batch, dim]`, and k; returns `rows`, int32,
      and `scores`, float32, best first, `[batch, min(k, num_rows)]`.
  """

  def __init__(
    self,
    variables: Mapping[str, tf.Variable],
    *,
    dim: int | None = None,
    shared_name: str = '',
  ):
    """Wraps variables that hold what `Searcher.tensors` returns.

    Args:
      variables: Variables by name.
      dim: Number of dimensions of a query, if known.
      shared_name: Name under which TensorFlow keeps the copy that ScaNN makes
        of the data at the first search.
    """
    super().__init__(name='searcher')
    for name, variable in variables.items():
      setattr(self, name, variable)
    # A function of its own: it is in a graph once, however many call it. It
    # does not hold the module, so that the data is freed with the module.
    self.search = tf.function(
      saved_models.checked(
        functools.partial(_search, dict(variables), shared_name)
      ),
      input_signature=[
        tf.TensorSpec([None, dim], tf.float32, name='queries'),
        tf.TensorSpec([], tf.int32, name='k'),
      ],
      autograph=False,
    )

  @classmethod
  def of(
    cls, searcher: searcher_lib.Searcher, embeddings: np.ndarray
  ) -> 'SearcherModule':
    """Copies a searcher, to be part of a larger SavedModel.

    Args:
      searcher: Searcher of a whole index.
      embeddings: float32 `[rows, dim]` that it was built over.
    """
    tensors = searcher.tensors(embeddings)
    if 'dataset' in tensors:
      # Converted at each search, it would take longer than the search.
      tensors['dataset'] = tf.cast(tensors['dataset'], tf.float32)
    return cls(
      {
        name: tf.Variable(tensor, trainable=False, name=name)
        for name, tensor in tensors.items()
      },
      dim=searcher.dim,
      # All functions of a SavedModel share the copy, however often it is
      # loaded in a process.
      shared_name=f'realm_tf-serving-{uuid.uuid4().hex}',
    )

  def vectors(self, rows: tf.Tensor) -> tf.Tensor:
    """Looks up vectors of rows, float32 `[..., dim]`."""
    its = self.embeddings if hasattr(self, 'embeddings') else self.dataset
    return tf.cast(tf.gather(its, rows), tf.float32)


@functools.lru_cache
def _template(layout: str) -> tuple[dict[str, bytes], dict[str, tf.Tensor]]:
  """Returns files of the SavedModel, and tensors that are not variables."""
  variables = {}
  for name, dtype in _DTYPES[layout].items():
    # Their content does not matter, since they are not what is written.
    is_plan = name == 'plan'
    variables[name] = tf.Variable(
      tf.zeros([4] if is_plan else [1, 1], dtype),
      shape=tf.TensorShape([4] if is_plan else None),
      name=name,
    )
  module = SearcherModule(variables)
  files, tensors = saved_models.trace(
    module, {'serving_default': module.search}
  )
  return files, {k: x for k, x in tensors.items() if x is not None}


def save_searcher(
  searcher: searcher_lib.Searcher,
  directory: str | os.PathLike,
  embeddings: np.ndarray,
) -> None:
  """Writes a SavedModel to a new directory; not atomically.

  Args:
    searcher: Searcher to save.
    directory: Directory of the SavedModel.
    embeddings: float32 `[rows, dim]` that the searcher was built over.
  """
  files, others = _template(_layout(searcher.kind, searcher.config))
  variables = {
    name + saved_models.VALUE: tensor
    for name, tensor in searcher.tensors(embeddings).items()
  }
  saved_models.write(pathlib.Path(directory), files, {**variables, **others})


def load_searcher(
  directory: str | os.PathLike,
  *,
  kind: str,
  dim: int,
  config: SearcherConfig,
) -> searcher_lib.Searcher:
  """Reads what `save_searcher` wrote.

  Args:
    directory: Directory of the SavedModel.
    kind: Kind of the saved searcher, `exact` or `scann`.
    dim: Number of dimensions of a row.
    config: Configuration of the saved searcher.

  Raises:
    ValueError: A file is damaged, or of another searcher.
  """
  if kind not in ('exact', 'scann'):
    raise ValueError(f'{directory}: no kind of searcher: {kind!r}')
  dtypes = _DTYPES[_layout(kind, config)]
  with faults.naming(directory):
    values = tf.raw_ops.RestoreV2(
      prefix=os.path.join(directory, 'variables', 'variables'),
      tensor_names=[name + saved_models.VALUE for name in dtypes],
      shape_and_slices=[''] * len(dtypes),
      dtypes=list(dtypes.values()),
    )
    tensors = dict(zip(dtypes, values))
    if kind == 'exact':
      return searcher_lib.ExactSearcher(tensors['embeddings'], config)
    return searcher_lib.ScannSearcher.from_tensors(tensors, dim, config)
