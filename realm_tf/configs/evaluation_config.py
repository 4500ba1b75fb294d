# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of evaluating question answering."""

import dataclasses

from realm_tf.configs.config import Config


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluationConfig(Config):
  """What is measured.

  Attributes:
    depth: Blocks retrieved for recall, at most those of the corpus. Defaults
      to 5000.
    reader_beam: Blocks read. Defaults to 5.
    spans: Candidate answers for the reader's oracle. Defaults to 5.
    batch_size: Questions per batch. Defaults to 8.
    blocks_at_once: Blocks read at a time, to save memory; 0 reads all at once.
      Defaults to 0.
    retrieve_only: Measure retrieval, read nothing. Defaults to False.
    closed_book: Retrieve nothing, read the null document: what is right
      without any document. It has no span that a reader of spans could copy.
      Defaults to False.
    progress: Show a progress bar. Defaults to True.
  """

  depth: int = 5000
  reader_beam: int = 5
  spans: int = 5
  batch_size: int = 8
  blocks_at_once: int = 0
  retrieve_only: bool = False
  closed_book: bool = False
  progress: bool = True

  def __post_init__(self) -> None:
    super().__post_init__()
    self.check_at_least(1, 'depth', 'reader_beam', 'spans', 'batch_size')
    if self.retrieve_only and self.closed_book:
      raise ValueError('`retrieve_only` and `closed_book` exclude each other')
