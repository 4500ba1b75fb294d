# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configurations of corpora: how text is read and written."""

import dataclasses
from collections.abc import Sequence
from typing import Literal

from realm_tf.configs.config import Config

# jsonl: A JSON object per line, with text, and perhaps title and id: of any of
#   the names that BEIR, KILT, Pyserini, MS MARCO, SQuAD's rows and others use.
# json: An array of such objects, or SQuAD's files.
# csv, tsv: Columns by their header; tsv also without one: id, text, title (DPR)
#   or id, text (ColBERT).
# parquet: Columns by name.
# wikiextractor: <doc ... title="..."> ... </doc>
# mediawiki: <mediawiki> <page> ...: the dump itself.
# text: A file per document, whose name is the title.
# blocks: Block records, such as the original's docs.tfr.gz-*.
# corpus: Directory of a corpus.
CorpusFormat = Literal[
  'auto',
  'jsonl',
  'json',
  'csv',
  'tsv',
  'parquet',
  'wikiextractor',
  'mediawiki',
  'text',
  'blocks',
  'corpus',
]
# Below this a title and a handful of words no longer fit.
MIN_BLOCK_LENGTH = 16


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReadingConfig(Config):
  """How documents are read from files.

  Attributes:
    format: Format of the input. Defaults to auto: detected per file.
    title_field: Field or column with the title; a dot leads into an object, as
      in `meta.title`. Defaults to the usual names.
    text_field: Field or column with the text. Defaults to the usual names.
    id_field: Field or column with the id. Defaults to the usual names.
    strict: Stop at the first malformed record. Defaults to False: it is
      reported with file and line, counted and skipped.
    accept_damaged: Use what comes before the damage in a file that is cut off
      or cannot be read further. Defaults to False: it is an error.
  """

  format: CorpusFormat = 'auto'
  title_field: str | None = None
  text_field: str | None = None
  id_field: str | None = None
  strict: bool = False
  accept_damaged: bool = False

  @property
  def fields(self) -> dict[str, str]:
    """The names of fields that were given, by what they are for."""
    names = ('title_field', 'text_field', 'id_field')
    return {n: getattr(self, n) for n in names if getattr(self, n) is not None}


@dataclasses.dataclass(frozen=True, kw_only=True)
class JobConfig(ReadingConfig):
  """How a job reads input files and writes its output.

  Attributes:
    input: Files, globs, directories or corpora to read.
    output_dir: Directory of the output.
    records_per_shard: Input records per part of the output, rounded to batches
      of 512; what an interrupted run loses at most. Defaults to 50,000.
    num_processes: Processes; 0 uses one per core, or one in all if the input
      is small. Defaults to 0.
    overwrite: Replace an earlier output in `output_dir`. Defaults to False.
    progress: Show a progress bar. Defaults to True.
  """

  input: str | Sequence[str]
  output_dir: str
  records_per_shard: int = 50_000
  num_processes: int = 0
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
