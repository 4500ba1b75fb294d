# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A searcher without some rows and with new ones, from one that is there.

Kept rows move up in their order; new ones follow. The old searcher is not
changed and may be searched meanwhile. No tree is trained again, and no row is
quantized again.
"""

import numpy as np
import tensorflow as tf

from realm_tf.index import scann_rows, searcher
from realm_tf.index.searcher import NoVectors, ScannSearcher, Searcher


def updated_embeddings(
  embeddings: np.ndarray, kept: np.ndarray, added: np.ndarray
) -> np.ndarray:
  """Copies rows `kept`, int `[n]`, and then `added` into memory."""
  result = np.empty([len(kept) + len(added), embeddings.shape[1]], np.float32)
  np.take(embeddings, kept, axis=0, out=result[: len(kept)])
  result[len(kept) :] = added
  return result


def _append_rows(
  tensor: tf.Tensor, kept: np.ndarray, added: np.ndarray
) -> tf.Tensor:
  return tf.concat([tf.gather(tensor, kept), added], 0)


def updated_searcher(
  old: Searcher,
  old_embeddings: np.ndarray,
  embeddings: np.ndarray,
  kept: np.ndarray,
) -> Searcher:
  """Makes a searcher of rows that are kept and rows that are new.

  An exact one that grows beyond `SearcherConfig.exact_below` becomes one of
  ScaNN, as a build would make it. One of ScaNN stays one.

  Args:
    old: Stays open and as it is.
    old_embeddings: float32 `[rows, dim]`, what it is over.
    embeddings: float32 `[new_rows, dim]`, of `updated_embeddings`.
    kept: int64, rows of the old one, rising: the first rows of the new one.

  Raises:
    ValueError: There is no row, or not only finite numbers in the new ones.
  """
  added = embeddings[len(kept) :]
  if not len(embeddings):
    raise ValueError('no row would be left in the index')
  if added.size and not np.isfinite(added).all():
    raise ValueError('a new row of the embeddings is not finite')
  if isinstance(old, NoVectors):
    return NoVectors(len(embeddings))
  if not isinstance(old, ScannSearcher):
    return searcher.build_searcher(embeddings, old.config)
  tensors = old.tensors(old_embeddings)
  leaves, codes = scann_rows.encode(tensors, added)
  _, num_leaves, searched, reorder = tensors['plan'].numpy()
  dataset = tensors['dataset']
  tensors.update(
    datapoint_to_token=_append_rows(
      tensors['datapoint_to_token'], kept, leaves
    ),
    hashed_dataset=_append_rows(tensors['hashed_dataset'], kept, codes),
    dataset=tf.cast(embeddings, dataset.dtype),
    plan=tf.constant([len(embeddings), num_leaves, searched, reorder]),
  )
  return ScannSearcher.from_tensors(tensors, old.dim, old.config)
