# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of conversions."""

import dataclasses
from collections.abc import Sequence
from typing import Literal

from realm_tf.configs.config import Config
from realm_tf.configs.qa_formats import QaFormat


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConversionConfig(Config):
  """Configuration of a conversion of models, a corpus or questions.

  Attributes:
    sources: Files, directories, globs or addresses, separated by commas.
    output_dir: Directory to be made.
    vocab_file: Vocabulary. Defaults to the one in or beside the sources, if
      they are models.
    lower_case: Whether the vocabulary is uncased. Defaults to what the sources
      say, else to what the vocabulary looks like.
    corpus_dir: Models: corpus of the block embeddings. Defaults to none: no
      index is made.
    retriever: Models: module that an ORQA fine-tuning started its retriever
      from. Defaults to the one that `params.json` names, if it exists.
    step: Models: training step of the export. Defaults to what the sources
      say, else 0.
    accept_differences: Models: go on where block_emb is not what the embedder
      makes of the corpus (the index then belongs to no embedder), and where
      the output layer of a BERT is not its word embeddings (which then replace
      it). Defaults to False.
    searcher: Models: searcher of the index. Defaults to auto.
    to_format: Format of a corpus for the original's programs; needed if the
      source is a corpus of this package.
    num_shards: Files of the format realm. Defaults to 50.
    name: Questions: beginning of the names of both files.
    format: Questions: format of the files. Defaults to auto: detected
      per file.
    is_regex: Questions: answers are regular expressions (CuratedTREC).
      Defaults to False.
    strict: Questions: stop at the first malformed line. Defaults to False.
  """

  sources: Sequence[str]
  output_dir: str
  vocab_file: str | None = None
  lower_case: bool | None = None
  corpus_dir: str | None = None
  retriever: str | None = None
  step: int | None = None
  accept_differences: bool = False
  searcher: Literal['auto', 'exact', 'scann'] = 'auto'
  to_format: Literal['realm', 'orqa'] | None = None
  num_shards: int = 50
  name: str | None = None
  format: QaFormat = 'auto'
  is_regex: bool = False
  strict: bool = False

  def __post_init__(self) -> None:
    super().__post_init__()
    self.check_at_least(0, 'step')
    self.check_at_least(1, 'num_shards')
