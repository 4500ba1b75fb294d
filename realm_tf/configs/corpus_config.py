# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configurations of corpora: how text is read and written."""

import dataclasses
import typing
from collections.abc import Sequence
from typing import Literal

from realm_tf.configs.config import Config

# jsonl: A JSON object per line, with title and text (or body).
# wikiextractor: <doc ... title="..."> ... </doc>
# mediawiki: <mediawiki> <page> ...: the dump itself.
# dpr: psgs_w100.tsv: id, text, title.
# text: A file per document, whose name is the title.
# blocks: Block records, such as the original's docs.tfr.gz-*.
# corpus: Directory of a corpus.
CorpusFormat = Literal[
  'auto',
  'jsonl',
  'wikiextractor',
  'mediawiki',
  'dpr',
  'text',
  'blocks',
  'corpus',
]
CORPUS_FORMATS = typing.get_args(CorpusFormat)[1:]
# Below this a title and a handful of words no longer fit.
MIN_BLOCK_LENGTH = 16


@dataclasses.dataclass(frozen=True, kw_only=True)
class JobConfig(Config):
  """How a job reads input files and writes its output.

  Attributes:
    input: Files, globs, directories or corpora to read.
    output_dir: Directory of the output.
    format: Format of the input. Defaults to auto: detected per file.
    records_per_shard: Input records per part of the output, rounded to batches
      of 512; what an interrupted run loses at most. Defaults to 50,000.
    num_processes: Processes; 0 uses one per core, or one in all if the input
      is small. Defaults to 0.
    strict: Stop at the first malformed record. Defaults to False: it is
      reported with file and line, counted and skipped.
    overwrite: Replace an earlier output in `output_dir`. Defaults to False.
    progress: Show a progress bar. Defaults to True.
  """

  input: str | Sequence[str]
  output_dir: str
  format: CorpusFormat = 'auto'
  records_per_shard: int = 50_000
  num_processes: int = 0
  strict: bool = False
  overwrite: bool = False
  progress: bool = True

  def __post_init__(self) -> None:
    super().__post_init__()
    self.check_at_least(1, 'records_per_shard')
    self.check_at_least(0, 'num_processes')


@dataclasses.dataclass(frozen=True, kw_only=True)
class CorpusConfig(JobConfig):
  """Configuration of building a knowledge corpus.

  Example:
    config = realm_tf.CorpusConfig(
      input='wiki.jsonl', output_dir='out/new', bert='BERT'
    )

  Attributes:
    bert: Weights of a BERT, such as their directory, of which the corpus gets
      the vocabulary. Defaults to none: without `vocab_file`, words are counted
      instead of wordpieces, and documents can be found by words alone (BM25).
    vocab_file: Vocabulary, one wordpiece per line. Defaults to that of `bert`.
    lower_case: Whether the vocabulary is uncased. Defaults to what `bert` says,
      else True.
    max_block_length: Maximum wordpieces of a block, `[CLS] title [SEP] body
      [SEP]`. Defaults to 288.
  """

  bert: str | None = None
  vocab_file: str | None = None
  lower_case: bool | None = None
  max_block_length: int = 288

  def __post_init__(self) -> None:
    super().__post_init__()
    self.check_at_least(MIN_BLOCK_LENGTH, 'max_block_length')
