# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configurations of embedding a corpus and of building its index."""

import dataclasses
from typing import Literal

from realm_tf.configs.config import Config
from realm_tf.configs.embedder_config import EmbedderStartConfig
from realm_tf.configs.searcher_config import SearcherConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class EmbeddingConfig(Config):
  """How a corpus is embedded.

  Attributes:
    candidate_seq_len: Maximum wordpieces of a document with [CLS] and [SEP],
      as in training. Defaults to 288.
    batch_tokens: Maximum wordpieces of a batch, padding included. Defaults to
      8192.
    sort_window: Documents sorted by length together, so that the documents of
      a batch have similar lengths. Defaults to 65536.
    fixed_length: Pad all batches to `candidate_seq_len`, for TPUs. Defaults to
      False.
    save_seconds: Seconds between records of the progress, from which a stopped
      embedding resumes. Defaults to 30.
    separate_candidate_segments: Give the body of a document segment 1 and its
      title segment 0, as in training. Defaults to True.
  """

  candidate_seq_len: int = 288
  batch_tokens: int = 8192
  sort_window: int = 1 << 16
  fixed_length: bool = False
  save_seconds: float = 30.0
  separate_candidate_segments: bool = True

  def __post_init__(self) -> None:
    super().__post_init__()
    # [CLS], and a [SEP] after title and body.
    self.check_at_least(3, 'candidate_seq_len')
    self.check_at_least(1, 'batch_tokens', 'sort_window')


@dataclasses.dataclass(frozen=True, kw_only=True)
class IndexConfig(SearcherConfig, EmbedderStartConfig):
  """Configuration of building the index of a corpus.

  Example:
    config = realm_tf.IndexConfig(
      corpus_dir='out/corpus', index_dir='out/new_index'
    )

  Attributes:
    corpus_dir: Corpus to search.
    retrieval: What documents are found by: vectors (`dense`), the words that
      they share with a question (`lexical`, BM25, for which nothing is
      embedded), or both (`hybrid`). Defaults to dense.
    candidate_seq_len: Maximum wordpieces of a document with [CLS] and [SEP].
      Defaults to what the embedder says.
    index_dir: Directory in which index versions are published.
    mixed_precision: Embed in bfloat16. Defaults to False.
    progress: Show a progress bar. Defaults to True.
  """

  corpus_dir: str
  index_dir: str
  retrieval: Literal['dense', 'lexical', 'hybrid'] = 'dense'
  candidate_seq_len: int | None = None
  mixed_precision: bool = False
  progress: bool = True

  def __post_init__(self) -> None:
    super().__post_init__()
    self.check_at_least(3, 'candidate_seq_len')
