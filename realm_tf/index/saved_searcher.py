# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Searchers as SavedModels.

The graph of a searcher does not depend on what it searches, so it is traced
once in a process; after that only variables are written. Reading restores
these directly: `tf.saved_model.load` would import the graph each time, and keep
a second copy of everything.

Other programs load it with `tf.saved_model.load(path)` and call
`.search(queries, k)`; where `kind` is `scann`, they `import scann` before.
"""

import functools
import os
import pathlib
import tempfile
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf.index import search_ops
from realm_tf.index import searcher as searcher_lib
from realm_tf.index.searcher_config import SearcherConfig

_VALUE = '/.ATTRIBUTES/VARIABLE_VALUE'
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


class _SearcherModule(tf.Module):
  """The data of a searcher as variables, and `search` over them."""

  def __init__(self, layout: str):
    super().__init__()
    for name, dtype in _DTYPES[layout].items():
      # Written from tensors, never from these: their content is no matter.
      initial = tf.zeros([4] if name == 'plan' else [1, 1], dtype)
      shape = [4] if name == 'plan' else None
      setattr(
        self, name, tf.Variable(initial, shape=tf.TensorShape(shape), name=name)
      )
    self._names = tuple(_DTYPES[layout])
    search = self._search_exact if layout == 'exact' else self._search_scann
    self.search = tf.function(
      search,
      input_signature=[
        tf.TensorSpec([None, None], tf.float32, name='queries'),
        tf.TensorSpec([], tf.int32, name='k'),
      ],
      autograph=False,
    )

  def _search_exact(self, queries: tf.Tensor, k: tf.Tensor) -> dict[str, Any]:
    embeddings = tf.ensure_shape(self.embeddings, [None, None])
    k = tf.minimum(k, tf.shape(embeddings)[0])
    rows, scores = search_ops.search_exact(embeddings, queries, k)
    return {'rows': rows, 'scores': scores}

  def _search_scann(self, queries: tf.Tensor, k: tf.Tensor) -> dict[str, Any]:
    tensors = {
      name: tf.convert_to_tensor(getattr(self, name)) for name in self._names
    }
    handle = search_ops.scann_handle(tensors)
    k = tf.minimum(k, tensors['plan'][0])
    rows, scores = search_ops.search_scann(handle, tensors['plan'], queries, k)
    return {'rows': rows, 'scores': scores}


@functools.lru_cache
def _template(layout: str) -> tuple[dict[str, bytes], tf.Tensor]:
  """Files of the SavedModel without its variables, and their object graph."""
  module = _SearcherModule(layout)
  with tempfile.TemporaryDirectory(prefix='realm_tf-searcher-') as directory:
    tf.saved_model.save(
      module, directory, signatures={'serving_default': module.search}
    )
    root = pathlib.Path(directory)
    reader = tf.train.load_checkpoint(str(root / 'variables' / 'variables'))
    graph = tf.constant(reader.get_tensor('_CHECKPOINTABLE_OBJECT_GRAPH'))
    files = {
      str(path.relative_to(root)): path.read_bytes()
      for path in root.rglob('*')
      # The fingerprint has a hash of the weights, which would be wrong.
      if path.is_file()
      and path.parent.name != 'variables'
      and path.name != 'fingerprint.pb'
    }
  return files, graph


def _prefix(directory: str | os.PathLike) -> str:
  return os.path.join(directory, 'variables', 'variables')


def save_searcher(
  searcher: searcher_lib.Searcher,
  directory: str | os.PathLike,
  embeddings: np.ndarray,
) -> None:
  """Writes a SavedModel into a directory, which is made.

  Not atomic: `versions.publish_index` is.

  Args:
    searcher: What is saved.
    directory: The SavedModel's.
    embeddings: float32 `[rows, dim]`, what the searcher was built over.
  """
  files, graph = _template(_layout(searcher.kind, searcher.config))
  root = pathlib.Path(directory)
  for name, content in files.items():
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(content)
  (root / 'variables').mkdir(parents=True, exist_ok=True)
  tensors = {
    name + _VALUE: tensor
    for name, tensor in searcher.tensors(embeddings).items()
  }
  tensors['_CHECKPOINTABLE_OBJECT_GRAPH'] = graph
  tf.raw_ops.SaveV2(
    prefix=_prefix(root),
    tensor_names=list(tensors),
    shape_and_slices=[''] * len(tensors),
    tensors=list(tensors.values()),
  )


def load_searcher(
  directory: str | os.PathLike,
  *,
  kind: str,
  dim: int,
  config: SearcherConfig,
) -> searcher_lib.Searcher:
  """Reads what `save_searcher` wrote.

  Args:
    directory: The SavedModel's.
    kind: `exact` or `scann`, as of the searcher written.
    dim: The same.
    config: The same.
  """
  dtypes = _DTYPES[_layout(kind, config)]
  values = tf.raw_ops.RestoreV2(
    prefix=_prefix(directory),
    tensor_names=[name + _VALUE for name in dtypes],
    shape_and_slices=[''] * len(dtypes),
    dtypes=list(dtypes.values()),
  )
  tensors = dict(zip(dtypes, values))
  if kind == 'exact':
    return searcher_lib.ExactSearcher(tensors['embeddings'], config)
  return searcher_lib.ScannSearcher.from_tensors(tensors, dim, config)
