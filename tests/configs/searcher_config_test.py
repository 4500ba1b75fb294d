# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

from realm_tf.configs.searcher_config import SearcherConfig


def test_tree_grows_with_the_square_root():
  config = SearcherConfig()
  assert config.leaves(1_000_000) == (1000, 100)
  assert config.leaves(100_000) == (316, 32)
  assert config.leaves(2_500) == (50, 10)
  assert config.leaves(9) == (3, 3)
  assert config.leaves(1) == (1, 1)


def test_given_leaves_are_taken_but_never_more_than_there_are():
  config = SearcherConfig(num_leaves=40, leaves_to_search=70)
  assert config.leaves(1000) == (40, 40)
  assert config.leaves(30) == (30, 30)
