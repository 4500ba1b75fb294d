# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of updating a corpus and its index."""

import dataclasses

from realm_tf.configs.corpus_config import ReadingConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class UpdateConfig(ReadingConfig):
  """Configuration of updating a corpus and its index.

  Attributes:
    corpus_dir: Corpus to update; it is not changed.
    index_dir: Index of the corpus, or a directory of several, of which the
      newest is taken; it is not changed.
    output_dir: Directory for `corpus/` and `index/<step>/`.
    add: Documents to add: files, globs and directories, comma-separated.
    remove: Files that name the documents to remove, comma-separated.
    replace_titles: Remove the documents that have the title of a new one.
      Defaults to False.
    strict: Stop at a malformed line, or at a document to remove that does not
      exist. Defaults to False.
    retrain: Train the tree of a ScaNN index on all rows again. Defaults to
      False.
    overwrite: Replace the update in `output_dir`. Anything else there is not
      replaced, nor what holds `corpus_dir` or `index_dir`. Defaults to False.
    embedder: TF Hub module that made the index. Defaults to the one in the
      index.
    candidate_seq_len: Maximum wordpieces of a document. Defaults to that of the
      index, else 288.
    mixed_precision: Embed in bfloat16. Defaults to the precision of the index.
    progress: Show a progress bar. Defaults to True.
  """

  corpus_dir: str
  index_dir: str
  output_dir: str
  add: str = ''
  remove: str = ''
  replace_titles: bool = False
  strict: bool = False
  retrain: bool = False
  overwrite: bool = False
  embedder: str | None = None
  candidate_seq_len: int | None = None
  mixed_precision: bool | None = None
  progress: bool = True

  def __post_init__(self) -> None:
    super().__post_init__()
    if not self.add and not self.remove:
      raise ValueError('give `add` or `remove`, or both')
