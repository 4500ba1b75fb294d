# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Questions and their answers as wordpieces, tokenized once for all epochs."""

from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from realm_tf.questions.answers import normalize
from realm_tf.questions.qa_datasets import QaExample
from realm_tf.text.tokenizer import BertTokenizer

_AT_ONCE = 10_000


def tokenize_texts(
  texts: Sequence[str], tokenizer: BertTokenizer
) -> tf.RaggedTensor:
  """Returns ids int32 `[texts, (tokens)]`; batches save memory."""
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
    """Tokenizes questions and answers, except regular expressions.

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
    comparable = [bool(normalize(a)) for its in literal for a in its]
    # All unknown words have one id, and would match one another.
    kept = ~tf.reduce_any(ids == tokenizer.unk_id, 1) & (ids.row_lengths() > 0)
    kept &= tf.constant(comparable, tf.bool)
    self._answer_ids = tf.ragged.boolean_mask(ids, kept)
    question = np.repeat(np.arange(len(literal)), [len(a) for a in literal])
    counts = np.bincount(question[kept.numpy()], minlength=len(literal))
    self._answer_splits = np.concatenate([[0], np.cumsum(counts)])

  def __len__(self) -> int:
    return len(self.examples)

  def answer_ids(self, row: int) -> tf.RaggedTensor:
    """Returns the answers of a question, ragged int32 `[answers, (tokens)]`.

    Regular expressions are left out, and so are answers without a wordpiece or
    with an unknown word, or empty after normalization: they match nowhere.
    """
    first, limit = self._answer_splits[row : row + 2]
    return self._answer_ids[first:limit]


def shuffled_rows(
  num_rows: int, batch_size: int, *, seed: int, start_batch: int = 0
) -> Iterator[np.ndarray]:
  """Yields the rows of batches, epoch after epoch, without end.

  Each epoch has a different order. A batch may reach into the next epoch, so
  that every row is used equally often.

  Args:
    num_rows: Number of rows of the dataset, at least 1.
    batch_size: Number of rows of a batch.
    seed: Seed of the order.
    start_batch: Number of batches to skip, which takes no time.

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
    places = range(position, position + batch_size)
    rows = [order(place // num_rows)[place % num_rows] for place in places]
    position += batch_size
    yield np.array(rows, np.int64)


def ordered_rows(num_rows: int, batch_size: int) -> Iterator[np.ndarray]:
  """Yields all rows once, in order; the last batch may be smaller."""
  for start in range(0, num_rows, batch_size):
    yield np.arange(start, min(start + batch_size, num_rows), dtype=np.int64)
