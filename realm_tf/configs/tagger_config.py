# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of training the tagger of named entities."""

import dataclasses

from realm_tf.configs.config import Config
from realm_tf.configs.training_config import WarmStartConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class WindowConfig(Config):
  """How texts are cut for the encoder.

  Attributes:
    max_length: Wordpieces of a window with [CLS] and [SEP]. Defaults to 128.
    overlap: Wordpieces that a window shares with the next. Defaults to 32.
    case_feature: Tell the model how a word is capitalized, which lower-case
      wordpieces do not show. Defaults to True.
  """

  max_length: int = 128
  overlap: int = 32
  case_feature: bool = True

  def __post_init__(self) -> None:
    super().__post_init__()
    if self.overlap < 0 or self.max_length < self.overlap + 3:
      raise ValueError(
        '`overlap` must be less than the wordpieces of a window without [CLS]'
        f' and [SEP]. Received: overlap={self.overlap},'
        f' max_length={self.max_length}'
      )


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaggerConfig(WarmStartConfig, WindowConfig):
  """Configuration of training the tagger of named entities.

  Attributes:
    train_files: CoNLL files, comma-separated globs.
    dev_files: CoNLL files to evaluate on. Defaults to a part of the training
      files that is held out.
    dev_share: Share of the training documents that is held out. Defaults to
      0.2.
    split_seed: Seed of the choice of the held-out documents. Defaults to 0.
    whole_documents: Train and evaluate on whole documents, since one sentence
      may tell what an entity in another is, rather than on single sentences.
      Defaults to True.
    swapped_copies: Copies of the training data with swapped names. Defaults to
      4.
    swap_rate: Share of the names of a copy that are swapped. Defaults to 0.5.
    mask_rate: Share of the wordpieces masked in training. Defaults to 0.1.
    train_word_embeddings: Train the word embeddings, too; with little data
      most of them learn nothing. Defaults to False.
  """

  train_files: str
  dev_files: str | None = None
  dev_share: float = 0.2
  split_seed: int = 0
  whole_documents: bool = True
  swapped_copies: int = 4
  swap_rate: float = 0.5
  mask_rate: float = 0.1
  train_word_embeddings: bool = False
  train_steps: int = 600
  batch_size: int = 12
  learning_rate: float = 3e-4
  eval_every: int = 100
  save_checkpoints_steps: int = 200
  log_every_steps: int = 50

  def __post_init__(self) -> None:
    super().__post_init__()
    self.check_at_least(0, 'swapped_copies')
    self.check_rate('swap_rate', 'mask_rate')
    if self.dev_files is None and not 0 < self.dev_share < 1:
      raise ValueError(
        f'`dev_share` must be between 0 and 1. Received: {self.dev_share}'
      )
