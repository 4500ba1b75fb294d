# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds leaves and codes of new rows in an existing tree.

ScaNN's TensorFlow ops build, load and search; only its pybind module adds
rows. Both read the same parts. So a pybind searcher is made of the tree, the
codebook and a single row, takes the new rows, and what it returns for them is
appended to what the TensorFlow ops have for the old ones: the cost is that of
the new rows only, and the codes are those that a build with this tree would
have made.
"""

import importlib
import pathlib
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from realm_tf.index import search_ops
from realm_tf.io import atomic

_TREE = (
  ('scann_config', 'scann_config.pb', ''),
  ('ah_codebook', 'ah_codebook.pb', 'AH_CENTERS'),
  ('serialized_partitioner', 'serialized_partitioner.pb', 'PARTITIONER'),
)
_LEAVES, _CODES = 'datapoint_to_token.npy', 'hashed_dataset.npy'
_ASSETS = 'scann_assets.pbtxt'


def _write_parts(
  tensors: Mapping[str, tf.Tensor], directory: pathlib.Path
) -> str:
  """Writes tree, codebook and row 0; returns the list of them."""
  assets = []
  for name, file, kind in _TREE:
    (directory / file).write_bytes(tensors[name].numpy().item())
    if kind:
      assets.append((kind, file))
  row = tensors['dataset'][:1]
  if row.dtype == tf.bfloat16:
    vectors = 'BF16_DATASET_NPY', 'bfloat16_dataset.npy'
    values = row.numpy().view(np.int16)
  else:
    vectors, values = ('DATASET_NPY', 'dataset.npy'), row.numpy()
  for (kind, file), array in (
    (('TOKENIZATION_NPY', _LEAVES), tensors['datapoint_to_token'][:1].numpy()),
    (('AH_DATASET_NPY', _CODES), tensors['hashed_dataset'][:1].numpy()),
    (vectors, values),
  ):
    np.save(directory / file, array)
    assets.append((kind, file))
  text = '\n'.join(
    f'assets {{ asset_type: {kind} asset_path: "{file}" }}'
    for kind, file in assets
  )
  (directory / _ASSETS).write_text(text)
  return text


def encode(
  tensors: Mapping[str, tf.Tensor], vectors: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Finds leaf and code of new rows; changes nothing.

  Args:
    tensors: What `ScannSearcher.tensors` returns.
    vectors: float32 `[rows, dim]`.

  Returns:
    int32 `[rows]` and uint8 `[rows, bytes]`, to be appended to
    `datapoint_to_token` and `hashed_dataset`.

  Raises:
    search_ops.ScannMissingError: ScaNN is not installed.
  """
  search_ops.scann_ops()
  if not len(vectors):
    # ScaNN divides by their number, and the process ends.
    width = tensors['hashed_dataset'].shape[1]
    return np.zeros([0], np.int32), np.zeros([0, width], np.uint8)
  # Finds `scann_pybind`, which lies beside the path of packages.
  importlib.import_module('scann.scann_ops.py.scann_ops_pybind')
  pybind = importlib.import_module('scann_pybind')
  with atomic.scratch_directory() as directory:
    assets = _write_parts(tensors, directory)
    rows = pybind.ScannNumpy(str(directory), assets)
    # In one batch, as in a build: one by one some get another leaf.
    rows.upsert(
      [None] * len(vectors), np.ascontiguousarray(vectors), len(vectors)
    )
    (directory / 'new').mkdir()
    rows.serialize(str(directory / 'new'), True)
    leaves = np.load(directory / 'new' / _LEAVES)
    codes = np.load(directory / 'new' / _CODES)
  if not len(leaves) == len(codes) == len(vectors) + 1:
    raise RuntimeError(
      f'ScaNN took {len(leaves) - 1} and {len(codes) - 1} of'
      f' {len(vectors)} rows: another version of it than 1.4.2?'
    )
  return leaves[1:], codes[1:]
