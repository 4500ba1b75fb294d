# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of masked language modeling."""

import dataclasses
from typing import Literal

from realm_tf.configs.config import Config
from realm_tf.configs.training_config import WarmStartConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class PassageMaskingConfig(Config):
  """How passages, and pairs of a query and a passage, are masked.

  Attributes:
    max_length: Maximum wordpieces of an example. Defaults to 128.
    max_predictions: Maximum masked wordpieces of an example. Defaults to 20.
    mask_rate: Share of the wordpieces chosen besides the query's span; 80% of
      them become [MASK], 10% a random wordpiece, and 10% stay. Defaults to
      0.15 (BERT's).
    name_mask_rate: Mask rate of capitalized words and numbers, which are what
      tells one passage from another. Defaults to 0.3.
    empty_rate: Share of the pairs whose passage is left out, so that the
      reader learns to fill a blank without evidence. Defaults to 0.1.
  """

  max_length: int = 128
  max_predictions: int = 20
  mask_rate: float = 0.15
  name_mask_rate: float = 0.3
  empty_rate: float = 0.1

  def __post_init__(self) -> None:
    super().__post_init__()
    self.check_at_least(4, 'max_length')
    self.check_at_least(1, 'max_predictions')
    self.check_rate('mask_rate', 'name_mask_rate', 'empty_rate')


@dataclasses.dataclass(frozen=True, kw_only=True)
class MlmConfig(WarmStartConfig, PassageMaskingConfig):
  """Configuration of masked language modeling.

  Attributes:
    train_passages: JSONL files of passages, comma-separated globs.
    heldout_passages: JSONL files of passages to evaluate on. Defaults to none.
    strict: Refuse to start if any line is malformed, rather than skip it.
      Defaults to False.
    eval_batches: Batches per evaluation. Defaults to 10.
    weights_dtype: Type of the saved weights, `float32` or `float16`. Defaults
      to float32.
  """

  train_passages: str
  heldout_passages: str | None = None
  strict: bool = False
  bert: str = 'tiny'
  eval_batches: int = 10
  weights_dtype: Literal['float32', 'float16'] = 'float32'
  train_steps: int = 10_000
  batch_size: int = 64
  learning_rate: float = 1e-3

  def __post_init__(self) -> None:
    super().__post_init__()
    self.check_at_least(1, 'eval_batches')
