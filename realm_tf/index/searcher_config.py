# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How an index is searched."""

import dataclasses
import math

KINDS = ('auto', 'exact', 'scann')


@dataclasses.dataclass(frozen=True)
class SearcherConfig:
  """Settings of a searcher; None is decided by the number of rows.

  Attributes:
    kind: `exact` compares with every row; `scann` looks into the nearest
      leaves of a tree, scores by quantized vectors, and scores the best of
      these again; `auto` takes `exact` for fewer than `exact_below` rows or
      where ScaNN is not installed, else `scann`.
    exact_below: See `kind`.
    num_leaves: Leaves of the tree; None for the square root of the rows.
    leaves_to_search: Leaves a query looks into; None for a tenth, at least 10.
      More leaves find more of the true neighbours and take longer: of 1,000,
      25 find 93 %, 100 find 99 % (clustered vectors, 1M rows).
    reorder: Rows scored again with their full vectors, at least as many as
      are asked for.
    reorder_bfloat16: Keep the full vectors in bfloat16: half the memory, and
      the same recall. Scores then have three digits.
    dimensions_per_block: Dimensions quantized together.
    anisotropic_threshold: Of the quantization: weight of the error along a
      vector against that across it.
    training_sample: Rows from which tree and quantization are learned.
  """

  kind: str = 'auto'
  exact_below: int = 20_000
  num_leaves: int | None = None
  leaves_to_search: int | None = None
  reorder: int = 100
  reorder_bfloat16: bool = False
  dimensions_per_block: int = 2
  anisotropic_threshold: float = 0.2
  training_sample: int = 100_000

  def __post_init__(self):
    if self.kind not in KINDS:
      raise ValueError(f'kind must be one of {KINDS}. Received: {self.kind!r}')
    for field in ('num_leaves', 'leaves_to_search'):
      value = getattr(self, field)
      if value is not None and value < 1:
        raise ValueError(f'{field} must be positive. Received: {value}')
    for field in ('reorder', 'dimensions_per_block', 'training_sample'):
      if getattr(self, field) < 1:
        raise ValueError(
          f'{field} must be positive. Received: {getattr(self, field)}'
        )

  def leaves(self, num_rows: int) -> tuple[int, int]:
    """Leaves of the tree over so many rows, and how many are searched."""
    total = self.num_leaves or max(1, round(math.sqrt(num_rows)))
    total = min(total, num_rows)
    searched = self.leaves_to_search or max(10, math.ceil(total / 10))
    return total, min(searched, total)
