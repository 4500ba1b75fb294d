# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import importlib
import tempfile

import numpy as np
import pytest

from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.index import scann_rows, search_ops, searcher
from tests.support import clustered

needs_scann = pytest.mark.skipif(
  not search_ops.scann_is_installed(), reason='ScaNN is not installed'
)
ROWS, DIM, LEAVES = 600, 8, 20


def vectors(seed, rows):
  return clustered.vectors(seed, rows, DIM, LEAVES)


@pytest.fixture(scope='module', params=[False, True])
def tensors(request):
  """Those of a searcher that keeps vectors in float32, or in bfloat16."""
  config = SearcherConfig(
    searcher='scann', num_leaves=LEAVES, reorder_bfloat16=request.param
  )
  built = searcher.build_searcher(vectors(1, ROWS), config)
  yield built.tensors(vectors(1, ROWS))
  built.close()


@needs_scann
def test_new_rows_lie_with_old_ones_that_are_like_them(tensors):
  old, new = vectors(1, ROWS), vectors(2, 100)
  leaves, codes = scann_rows.encode(tensors, new)
  assert (leaves.shape, leaves.dtype) == ((100,), np.int32)
  assert (codes.shape, codes.dtype) == ((100, DIM // 2), np.uint8)
  blocks = [slice(2 * n, 2 * n + 2) for n in range(DIM // 2)]
  for its, found, parts in (
    (tensors['datapoint_to_token'].numpy()[:, None], leaves[:, None], [...]),
    (tensors['hashed_dataset'].numpy(), codes, blocks),
  ):
    errors, of_others = [], []
    for n, dims in enumerate(parts):
      # A leaf or code stands for the mean of the old rows that have it.
      means = {i: old[its[:, n] == i][:, dims].mean(0) for i in set(its[:, n])}
      # ScaNN trains in threads and may leave one without any old row.
      known = [i in means for i in found[:, n]]
      assert np.mean(known) > 0.8
      meant = np.stack([means[i] for i in found[known, n]])
      errors.append((new[known][:, dims] - meant) ** 2)
      of_others.append((new[known][:, dims] - np.roll(meant, 1, 0)) ** 2)
    error, of_other = (np.concatenate(e).mean() for e in (errors, of_others))
    assert error < 0.6 * of_other


@needs_scann
def test_neither_order_nor_memory_layout_matters(tensors):
  new = vectors(2, 60)
  leaves, codes = scann_rows.encode(tensors, new)
  order = np.random.default_rng(0).permutation(60)
  for given, rows in (
    (new[order], order),
    (np.asfortranarray(new), np.arange(60)),
    (np.repeat(new, 2, 0)[::2], np.arange(60)),
    (np.concatenate([new, new]), np.tile(np.arange(60), 2)),
  ):
    its_leaves, its_codes = scann_rows.encode(tensors, given)
    np.testing.assert_array_equal(its_codes, codes[rows])
    assert np.mean(its_leaves == leaves[rows]) > 0.95
  alone = scann_rows.encode(tensors, new[:1])
  np.testing.assert_array_equal(alone[1], codes[:1])
  assert alone[0].shape == (1,) and 0 <= alone[0][0] < LEAVES


@needs_scann
def test_no_row_has_no_code(tensors):
  leaves, codes = scann_rows.encode(tensors, vectors(2, 0))
  assert (leaves.shape, leaves.dtype) == ((0,), np.int32)
  assert (codes.shape, codes.dtype) == ((0, DIM // 2), np.uint8)


@needs_scann
def test_it_changes_nothing_and_leaves_nothing(tensors, tmp_path, monkeypatch):
  monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))
  before = {name: tensor.numpy() for name, tensor in tensors.items()}
  scann_rows.encode(tensors, vectors(2, 5))
  # Vectors of other dimensions than the tree's.
  with pytest.raises(RuntimeError):
    scann_rows.encode(tensors, vectors(2, 5)[:, :3])
  for name, tensor in tensors.items():
    np.testing.assert_array_equal(tensor.numpy(), before[name])
  assert list(tmp_path.iterdir()) == []


def test_without_scann_it_says_what_to_install(monkeypatch):
  def missing(name, *args):
    raise ModuleNotFoundError(f"No module named '{name}'")

  monkeypatch.setattr(importlib, 'import_module', missing)
  with pytest.raises(search_ops.ScannMissingError, match='pip install'):
    scann_rows.encode({}, vectors(1, 1))
