# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import tensorflow as tf

from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.index import search_ops
from realm_tf.index.searcher import build_searcher
from tests.support import clustered


@pytest.mark.parametrize('scores_at_a_time', [1, 700, 9 * 256, 1 << 24])
def test_exact_is_the_same_in_chunks(monkeypatch, scores_at_a_time):
  monkeypatch.setattr(search_ops, '_SCORES', scores_at_a_time)
  embeddings = clustered.vectors(1, 300)
  queries = clustered.vectors(2, 9)
  rows, scores = search_ops.search_exact.python_function(
    tf.constant(embeddings), tf.constant(queries), tf.constant(20)
  )
  np.testing.assert_array_equal(
    rows, clustered.best_rows(embeddings, queries, 20)
  )
  assert scores.shape == (9, 20)


@pytest.mark.skipif(
  not search_ops.scann_is_installed(), reason='ScaNN is not installed'
)
def test_handles_of_one_name_are_one_and_of_two_names_two():
  # Why `scann_handle` needs a name: TensorFlow shares what has none.
  queries = tf.constant(clustered.vectors(2, 5))
  tensors, plans = [], []
  for seed in (1, 5):
    embeddings = clustered.vectors(seed, 2000)
    built = build_searcher(embeddings, SearcherConfig(searcher='scann'))
    tensors.append(built.tensors(embeddings))
    plans.append(tensors[-1]['plan'])

  def search(*names):
    handles = [search_ops.scann_handle(t, n) for t, n in zip(tensors, names)]
    found = [
      search_ops.search_scann(h, p, queries, tf.constant(3))[0].numpy()
      for h, p in zip(handles, plans)
    ]
    for handle in handles:
      tf.raw_ops.DestroyResourceOp(resource=handle, ignore_lookup_error=True)
    return found

  same = search('one', 'one')
  np.testing.assert_array_equal(*same)
  first, second = search('two', 'three')
  np.testing.assert_array_equal(first, same[0])
  assert (first != second).mean() > 0.5
