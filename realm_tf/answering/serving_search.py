# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A searcher as part of a larger SavedModel."""

import uuid

import numpy as np
import tensorflow as tf

from realm_tf.index import search_ops
from realm_tf.index.searcher import Searcher


class ServedSearcher(tf.Module):
  """The data of a searcher as variables, and search over them in a graph.

  ScaNN's own copy of its data is made at the first search. All functions of
  the SavedModel, loaded once or more often in a process, have it in common; it
  is freed when the process ends.

  Attributes:
    kind: `exact` or `scann`.
    num_rows: Number of rows.
    search: float32 queries [batch, dim] and k -> rows int32 and scores float32,
      best first, [batch, min(k, num_rows)].
  """

  def __init__(self, searcher: Searcher, embeddings: np.ndarray):
    """Copies a searcher, which stays open.

    Args:
      searcher: Of a whole index.
      embeddings: float32 [rows, dim], what it was built over.
    """
    super().__init__(name='searcher')
    self.kind = searcher.kind
    self.num_rows = searcher.num_rows
    self._shared_name = f'realm_tf-serving-{uuid.uuid4().hex}'
    tensors = searcher.tensors(embeddings)
    if 'dataset' in tensors:
      # Converted at each search, it would take longer than the search.
      tensors['dataset'] = tf.cast(tensors['dataset'], tf.float32)
    self.data = {
      name: tf.Variable(tensor, trainable=False, name=name)
      for name, tensor in tensors.items()
    }
    # In the graph only once, however many functions call it.
    self.search = tf.function(
      self._search,
      input_signature=[
        tf.TensorSpec([None, searcher.dim], tf.float32, name='queries'),
        tf.TensorSpec([], tf.int32, name='k'),
      ],
      autograph=False,
    )

  def _search(
    self, queries: tf.Tensor, k: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor]:
    k = tf.clip_by_value(k, 1, self.num_rows)
    data = {name: tf.convert_to_tensor(v) for name, v in self.data.items()}
    if self.kind == 'exact':
      rows, scores = search_ops.search_exact(data['embeddings'], queries, k)
    else:
      handle = search_ops.scann_handle(data, self._shared_name)
      rows, scores = search_ops.search_scann(handle, data['plan'], queries, k)
    shape = [None, None]
    return tf.ensure_shape(rows, shape), tf.ensure_shape(scores, shape)
