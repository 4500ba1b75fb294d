# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""BM25 as TensorFlow functions of an index and questions, strings in.

All lexical indexes of a process share these. Core ops only: a SavedModel with
them loads without this package. A question costs what the postings of its words
do, and one number for each document.
"""

from typing import NamedTuple

import tensorflow as tf

from realm_tf.index import search_ops

# What is no part of a word: all but Python's `\w`.
_NO_WORD = r'[^\p{L}\p{N}_]+'
NO_HASH = (1 << 63) - 1  # Hashes of words are smaller.


class Postings(NamedTuple):
  """The score of each stem in each document that has it, stem by stem.

  Attributes:
    hashes: Hashes of words, ascending, then `NO_HASH`; int64 `[words + 1]`.
    stems: The stem of each word, int32 `[words + 1]`.
    starts: First posting of each stem, then the number of postings; int32 or
      int64 `[stems + 1]`.
    rows: Documents of the postings, ascending for a stem, then a 0; int32
      `[postings + 1]`.
    scores: BM25 of the postings, then a 0; float32 `[postings + 1]`.
  """

  hashes: tf.Tensor
  stems: tf.Tensor
  starts: tf.Tensor
  rows: tf.Tensor
  scores: tf.Tensor


def hash_words(words: tf.Tensor) -> tf.Tensor:
  """Returns int64 hashes of strings, below `NO_HASH`."""
  return tf.strings.to_hash_bucket_fast(words, NO_HASH)


def stems_of(postings: Postings, questions: tf.Tensor) -> tf.RaggedTensor:
  """Returns the stems of the words of questions, int32 `[batch, (words)]`.

  A word that no document has is left out, a repeated one stays.

  Args:
    postings: The index.
    questions: UTF-8 strings `[batch]`.
  """
  text = tf.strings.lower(questions, 'utf-8')
  words = tf.strings.split(tf.strings.regex_replace(text, _NO_WORD, ' '))
  hashes = hash_words(words.values)
  at = tf.searchsorted(postings.hashes, hashes)
  known = tf.gather(postings.hashes, at) == hashes
  return tf.ragged.boolean_mask(
    words.with_values(tf.gather(postings.stems, at)), words.with_values(known)
  )


@tf.function(reduce_retracing=True, autograph=False)
def search(
  postings: Postings,
  num_rows: tf.Tensor,
  questions: tf.Tensor,
  k: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
  """Finds the documents with the highest BM25.

  Args:
    postings: The index.
    num_rows: Number of documents, int32.
    questions: UTF-8 strings `[batch]`.
    k: Number of documents per question, int32, at most `num_rows`.

  Returns:
    Rows int32 and scores float32, best first, `[batch, k]`. Of equal scores the
    smaller row is first, also where no word is found and all scores are 0.
  """
  stems = stems_of(postings, questions)

  def step(
    number: tf.Tensor, rows: tf.Tensor, scores: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    its = stems[number]
    places = tf.ragged.range(
      tf.gather(postings.starts, its), tf.gather(postings.starts, its + 1)
    ).values
    sums = tf.math.unsorted_segment_sum(
      tf.gather(postings.scores, places),
      tf.gather(postings.rows, places),
      num_rows,
    )
    best, found = search_ops.best_of(sums[tf.newaxis], k)
    return (
      number + 1,
      tf.concat([rows, found], 0),
      tf.concat([scores, best], 0),
    )

  # One at a time: the sums of all documents are in memory.
  shape = tf.TensorShape([None, None])
  _, rows, scores = tf.while_loop(
    lambda number, *_: number < tf.size(questions),
    step,
    [0, tf.zeros([0, k], tf.int32), tf.zeros([0, k])],
    shape_invariants=[tf.TensorShape([]), shape, shape],
    parallel_iterations=1,
  )
  return rows, scores


@tf.function(reduce_retracing=True, autograph=False)
def score(
  postings: Postings, questions: tf.Tensor, rows: tf.Tensor
) -> tf.Tensor:
  """Returns BM25 of documents, float32 `[batch, n]`.

  Args:
    postings: The index.
    questions: UTF-8 strings `[batch]`.
    rows: Documents, int32 `[batch, n]`; -1, the null document, has 0.
  """
  stems = stems_of(postings, questions)
  question = stems.value_rowids()
  wanted = tf.gather(rows, question)  # [words, n]

  def every(starts: tf.Tensor) -> tf.Tensor:
    return tf.broadcast_to(starts[:, None], tf.shape(wanted))

  low = every(tf.gather(postings.starts, stems.values))
  limit = every(tf.gather(postings.starts, stems.values + 1))

  def halve(low: tf.Tensor, high: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    middle = low + (high - low) // 2
    smaller = tf.gather(postings.rows, middle) < wanted
    return (
      tf.where((low < high) & smaller, middle + 1, low),
      tf.where(smaller, high, middle),
    )

  low, _ = tf.while_loop(
    lambda low, high: tf.reduce_any(low < high), halve, [low, limit]
  )
  found = (low < limit) & (tf.gather(postings.rows, low) == wanted)
  return tf.math.unsorted_segment_sum(
    tf.where(found, tf.gather(postings.scores, low), 0.0),
    question,
    tf.shape(rows)[0],
  )
