# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of a searcher."""

import dataclasses
import math
from typing import Literal

from realm_tf.configs.config import Config

SearcherKind = Literal['auto', 'exact', 'scann']


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearcherConfig(Config):
  """How an index is searched.

  Example:
    config = realm_tf.SearcherConfig(searcher='scann', leaves_to_search=200)

  Attributes:
    searcher: `exact` compares with every row; `scann` looks into the nearest
      leaves of a tree, scores with quantized vectors, and scores the best of
      these again; `auto` takes `exact` for fewer than `exact_below` rows or
      where ScaNN is not installed, else `scann`. Defaults to auto.
    exact_below: Number of rows from which `auto` takes `scann`. Defaults to
      20,000.
    num_leaves: Leaves of the tree. Defaults to the square root of the number
      of rows.
    leaves_to_search: Leaves searched per query. More leaves find more of the
      true neighbors and take longer: of 1,000 leaves, 25 find 93% and 100
      find 99% (clustered vectors, 1M rows). Defaults to a tenth of the leaves,
      at least 10.
    reorder: Rows scored again with their full vectors, at least as many as
      are returned. Defaults to 100.
    reorder_bfloat16: Keep the full vectors in bfloat16: half the memory, the
      same recall, and scores of three digits. Defaults to False.
    dimensions_per_block: Dimensions quantized together. Defaults to 2.
    anisotropic_threshold: Weight of the quantization error along a vector
      against the error across it. Defaults to 0.2.
    training_sample: Rows from which tree and quantization are learned.
      Defaults to 100,000.
  """

  searcher: SearcherKind = 'auto'
  exact_below: int = 20_000
  num_leaves: int | None = None
  leaves_to_search: int | None = None
  reorder: int = 100
  reorder_bfloat16: bool = False
  dimensions_per_block: int = 2
  anisotropic_threshold: float = 0.2
  training_sample: int = 100_000

  def __post_init__(self) -> None:
    super().__post_init__()
    self.check_at_least(
      1,
      'num_leaves',
      'leaves_to_search',
      'reorder',
      'dimensions_per_block',
      'training_sample',
    )

  def leaves(self, num_rows: int) -> tuple[int, int]:
    """Leaves of the tree over `num_rows` rows, and how many are searched."""
    total = self.num_leaves or max(1, round(math.sqrt(num_rows)))
    total = min(total, num_rows)
    searched = self.leaves_to_search or max(10, math.ceil(total / 10))
    return total, min(searched, total)
