# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Questions and their answers as wordpieces, tokenized once for all epochs."""

from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from realm_tf.questions import answer_spans
from realm_tf.questions.qa_datasets import QaExample
from realm_tf.text.tokenizer import BertTokenizer

_AT_ONCE = 10_000


def tokenize_texts(
  texts: Sequence[str], tokenizer: BertTokenizer
) -> tf.RaggedTensor:
  """Ids int32 `[texts, (tokens)]`, made in batches to save memory."""
  parts = [
    tf.cast(tokenizer.tokenize(tf.constant(texts[i : i + _AT_ONCE])), tf.int32)
    for i in range(0, len(texts), _AT_ONCE)
  ]
  if not parts:
    return tf.RaggedTensor.from_row_splits(
      tf.zeros([0], tf.int32), tf.zeros([1], tf.int64)
    )
  return tf.concat(parts, 0)


class Questions:
  """A dataset in memory.

  Attributes:
    examples: The questions as they were read.
    ids: Wordpieces of the questions, ragged int32 `[questions, (tokens)]`.
  """

  def __init__(self, examples: Sequence[QaExample], tokenizer: BertTokenizer):
    """Tokenizes questions and answers (not regular expressions).

    Raises:
      ValueError: There is no question.
    """
    if not examples:
      raise ValueError('there is no question')
    self.examples = list(examples)
    self.ids = tokenize_texts([e.question for e in examples], tokenizer)
    literal = [() if e.is_regex else e.answers for e in examples]
    ids = tokenize_texts(
      [answer for answers in literal for answer in answers], tokenizer
    )
    rows = tf.RaggedTensor.from_row_lengths(
      ids, np.array([len(answers) for answers in literal], np.int64)
    )
    # All unknown words have one id: they would match one another.
    ids = answer_spans.without_unknown(
      rows, tokenizer.vocab.index('[UNK]')
    ).values
    kept = ids.row_lengths() > 0
    self._answer_ids = tf.ragged.boolean_mask(ids, kept)
    counts = tf.math.unsorted_segment_sum(
      tf.cast(kept, tf.int64), rows.value_rowids(), len(literal)
    )
    self._answer_splits = np.concatenate([[0], np.cumsum(counts)])

  def __len__(self) -> int:
    return len(self.examples)

  def answer_ids(self, row: int) -> tf.RaggedTensor:
    """The answers of a question, ragged int32 `[answers, (tokens)]`.

    None for a question whose answers are regular expressions. An answer that
    has no wordpiece, or a word that the vocabulary lacks, stands nowhere, and
    is left out.
    """
    first, limit = self._answer_splits[row : row + 2]
    return self._answer_ids[first:limit]


def shuffled_rows(
  num_rows: int, batch_size: int, *, seed: int, start_batch: int = 0
) -> Iterator[np.ndarray]:
  """Rows of one batch after the other, epoch after epoch, without end.

  Each epoch has another order. A batch may reach into the next epoch, so that
  every row is used equally often.

  Args:
    num_rows: Rows of the dataset, at least 1.
    batch_size: Rows of a batch.
    seed: Of the order.
    start_batch: Batches to pass over, which takes no time.

  Yields:
    int64 `[batch_size]`.
  """
  orders: dict[int, np.ndarray] = {}

  def order(epoch: int) -> np.ndarray:
    if epoch not in orders:
      orders.clear()
      orders[epoch] = np.random.default_rng([seed, epoch]).permutation(num_rows)
    return orders[epoch]

  position = start_batch * batch_size
  while True:
    rows = []
    for place in range(position, position + batch_size):
      rows.append(order(place // num_rows)[place % num_rows])
    position += batch_size
    yield np.array(rows, np.int64)


def ordered_rows(num_rows: int, batch_size: int) -> Iterator[np.ndarray]:
  """All rows once, in their order; the last batch may be smaller."""
  for start in range(0, num_rows, batch_size):
    yield np.arange(start, min(start + batch_size, num_rows), dtype=np.int64)
