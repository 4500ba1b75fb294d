# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of what is masked and of what the model is given."""

import dataclasses
from typing import Literal

from realm_tf.configs.config import Config


@dataclasses.dataclass(frozen=True, kw_only=True)
class MaskingConfig(Config):
  """How sentences are masked.

  Attributes:
    masking: `salient_span` masks one salient span of a sentence, whole, as
      REALM does. `random_tokens` and `random_spans` are the paper's ablations;
      they mask `mask_rate` of a sentence's wordpieces. Defaults to
      salient_span.
    max_masks: Maximum masked wordpieces. A longer span is never chosen.
      Defaults to 10.
    query_seq_len: Maximum wordpieces of a query with [CLS] and [SEP]. A span
      that reaches beyond is never chosen. Defaults to 96.
    mask_rate: Share of the wordpieces that the ablations mask. Defaults to
      0.15.
    mean_span_length: Mean of the geometric distribution of the lengths of
      `random_spans` (SpanBERT's is 5 before it is cut at 10). Defaults to 5.
  """

  masking: Literal['salient_span', 'random_tokens', 'random_spans'] = (
    'salient_span'
  )
  max_masks: int = 10
  query_seq_len: int = 96
  mask_rate: float = 0.15
  mean_span_length: float = 5.0

  def __post_init__(self) -> None:
    super().__post_init__()
    self.check_at_least(1, 'max_masks', 'mean_span_length')
    self.check_at_least(3, 'query_seq_len')
    if not 0 < self.mask_rate <= 1:
      raise ValueError(
        f'`mask_rate` must be above 0 and at most 1. Received: {self.mask_rate}'
      )

  @property
  def max_query_tokens(self) -> int:
    """Maximum wordpieces of a query without [CLS] and [SEP]."""
    return self.query_seq_len - 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class FeaturizationConfig(Config):
  """Lengths and numbers of the model's inputs in pre-training.

  Attributes:
    query_seq_len: Maximum wordpieces of `[CLS] x [SEP]`. Defaults to 96.
    candidate_seq_len: Maximum wordpieces of `[CLS] title [SEP] body [SEP]`. The
      joint input of query and document has at most the sum of the two.
      Defaults to 288.
    num_candidates: Documents per query, the null document included. Defaults
      to 8.
    max_masks: Maximum predicted wordpieces. Defaults to 10.
    fixed_length: Pad to these lengths rather than to the longest row, for
      TPUs. Defaults to False.
    separate_candidate_segments: Give the body of a document segment 1 and its
      title segment 0, rather than 0 to both. Defaults to True.
  """

  query_seq_len: int = 96
  candidate_seq_len: int = 288
  num_candidates: int = 8
  max_masks: int = 10
  fixed_length: bool = False
  separate_candidate_segments: bool = True

  def __post_init__(self) -> None:
    super().__post_init__()
    self.check_at_least(3, 'query_seq_len')
    self.check_at_least(4, 'candidate_seq_len')
    self.check_at_least(1, 'num_candidates', 'max_masks')

  @property
  def joint_seq_len(self) -> int:
    """Maximum wordpieces of `[CLS] x [SEP] body [SEP]`."""
    return self.query_seq_len + self.candidate_seq_len
