# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Questions by the block that they were asked about."""

import hashlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf.corpus.corpus import Corpus
from realm_tf.questions import gold_blocks
from realm_tf.questions.qa_datasets import QaExample
from realm_tf.questions.questions import tokenize_texts
from realm_tf.text.tokenizer import BertTokenizer


class BlockQuestions:
  """Wordpieces of the questions of each block.

  Attributes:
    num_questions: Those whose block is known.
  """

  def __init__(self, ids: tf.RaggedTensor, rows: np.ndarray, num_blocks: int):
    """Sorts questions by their block.

    Args:
      ids: Ragged int32 `[questions, (tokens)]`.
      rows: int64 `[questions]`, the block of each; -1 for none.
      num_blocks: Number of blocks of the corpus.
    """
    order = np.argsort(rows, kind='stable')
    order = order[np.searchsorted(rows[order], 0) :]
    self.num_questions = len(order)
    self._order = order
    # Block b has the questions order[limits[b]:limits[b + 1]].
    self._limits = np.searchsorted(rows[order], np.arange(num_blocks + 1))
    self._values = ids.values.numpy()
    splits = ids.row_splits.numpy()
    self._splits = np.append(splits, splits[-1])  # So that there is one.

  @property
  def fingerprint(self) -> str:
    """Fingerprint of the questions whose block is known, and their blocks."""
    digest = hashlib.blake2b(digest_size=8)
    ids, splits = self.gather(self._order)
    for array, dtype in ((self._limits, '<i8'), (splits, '<i8'), (ids, '<i4')):
      digest.update(array.astype(dtype).tobytes())
    return digest.hexdigest()

  def draw(self, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One question of each of `rows`, int64; -1 where a block has none."""
    first = self._limits[rows]
    counts = self._limits[rows + 1] - first
    chosen = first + (rng.random(len(rows)) * counts).astype(np.int64)
    padded = np.append(self._order, -1)
    return np.where(counts > 0, padded[chosen], -1)

  def gather(self, questions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Wordpieces of questions, int32 and flat, and row splits, int64.

    A question -1 has none.
    """
    there = np.maximum(questions, 0)
    lengths = self._splits[there + 1] - self._splits[there]
    lengths = np.where(questions >= 0, lengths, 0)
    splits = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    places = np.arange(splits[-1]) + np.repeat(
      self._splits[there] - splits[:-1], lengths
    )
    return self._values[places].astype(np.int32), splits


def find_blocks(
  examples: Sequence[QaExample], corpus: Corpus, tokenizer: BertTokenizer
) -> BlockQuestions:
  """Returns questions by their gold block.

  Raises:
    CorpusError: No question names a paragraph of the corpus.
  """
  rows = gold_blocks.gold_rows(examples, corpus, required=True)
  assert rows is not None
  ids = tokenize_texts([e.question for e in examples], tokenizer)
  return BlockQuestions(ids, rows, len(corpus))
