# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of making text searchable in one go."""

import dataclasses

from realm_tf.configs.corpus_config import MIN_BLOCK_LENGTH, JobConfig
from realm_tf.configs.embedder_config import EmbedderStartConfig
from realm_tf.configs.searcher_config import SearcherConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class IndexTextConfig(JobConfig, SearcherConfig, EmbedderStartConfig):
  """Configuration of making text searchable in one go.

  Example:
    config = realm_tf.IndexTextConfig(input='wiki.jsonl', output_dir='out/mine')

  Attributes:
    output_dir: Directory that gets `corpus/` and `index/`.
    encoder: What to embed with: an encoder that others published, such as a
      directory of sentence-transformers, or a TF Hub module of an embedder.
      Defaults to none: documents are found by their words alone (BM25).
    max_block_length: Maximum wordpieces of a block; without an encoder, words.
      Defaults to what the encoder reads, but at most 288.
    mixed_precision: Embed in bfloat16. Defaults to False.
  """

  encoder: str | None = None
  max_block_length: int | None = None
  mixed_precision: bool = False

  def __post_init__(self) -> None:
    super().__post_init__()
    self.check_at_least(MIN_BLOCK_LENGTH, 'max_block_length')
    if self.encoder is None and self.changes:
      raise ValueError(f'`{self.changes[0]}` needs an `encoder`')
