# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The inverse cloze task: find the block that a sentence was taken from.

Known questions about a block can take the place of the sentence; dense passage
retrieval (Karpukhin et al. 2020) uses questions only.
"""

import functools
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf.corpus.corpus import Corpus
from realm_tf.io import compatibility
from realm_tf.questions.block_questions import BlockQuestions
from realm_tf.spans import span_records
from realm_tf.text import packing
from realm_tf.text import sentences as sentences_lib
from realm_tf.text.tokenizer import BertTokenizer

# Attempts to replace a block of one sentence, which cannot be masked.
_REDRAWS = 20
# Random streams of one seed.
_ORDER, _BLOCKS, _SENTENCES, _QUESTIONS = range(4)


def _sentences(body: str) -> list[bytes]:
  return [s.encode() for s in sentences_lib.split_sentences(body)]


class _Sampler:
  """Draws the blocks of batch n and which of them are masked."""

  def __init__(
    self,
    documents: Corpus,
    batch_size: int,
    seed: int,
    mask_rate: float,
    questions: BlockQuestions | None,
    question_rate: float,
  ):
    self._documents = documents
    self._batch_size = batch_size
    self._seed = seed
    self._mask_rate = mask_rate
    self._questions = questions
    self._question_rate = question_rate
    # A batch can lie in two epochs.
    self._epoch = functools.lru_cache(maxsize=2)(self._order)

  def _order(self, epoch: int) -> np.ndarray:
    rng = np.random.default_rng([self._seed, _ORDER, epoch])
    return rng.permutation(len(self._documents))

  def _rows(self, number: int) -> np.ndarray:
    size = len(self._documents)
    places = np.arange(
      number * self._batch_size, (number + 1) * self._batch_size
    )
    epochs, places = np.divmod(places, size)
    rows = np.empty(self._batch_size, np.int64)
    for epoch in np.unique(epochs).tolist():
      here = epochs == epoch
      rows[here] = self._epoch(epoch)[places[here]]
    return rows

  def sample(self, number: np.ndarray) -> tuple[np.ndarray, ...]:
    """Draws batch `number`.

    Returns:
      Title wordpieces (flat int32, row splits int64), sentences of the bodies
      (flat strings, row splits int64), bool [batch]: whether to remove the
      query from its block, and wordpieces of the questions that replace the
      sentence (flat int32, row splits int64), empty where none does.
    """
    batch = int(number)
    rng = np.random.default_rng([self._seed, _BLOCKS, batch])
    rows = self._rows(batch)
    masked = rng.random(self._batch_size) < self._mask_rate
    question_ids, question_splits = self._draw_questions(rows, batch)
    masked &= np.diff(question_splits) == 0
    found = [_sentences(body) for body in self._documents.bodies(rows)]
    for i in np.flatnonzero(masked).tolist():
      for row in rng.integers(len(self._documents), size=_REDRAWS).tolist():
        if len(found[i]) > 1:
          break
        if row in rows:
          continue
        other = _sentences(self._documents.bodies([row])[0])
        if len(other) > 1:
          rows[i], found[i] = row, other
    titles, _ = self._documents.gather(rows)
    flat = np.array([s for body in found for s in body], object)
    splits = np.cumsum([0, *map(len, found)], dtype=np.int64)
    return (
      titles.values.numpy(),
      titles.row_splits.numpy(),
      flat,
      splits,
      masked,
      question_ids,
      question_splits,
    )

  def _draw_questions(
    self, rows: np.ndarray, batch: int
  ) -> tuple[np.ndarray, np.ndarray]:
    if self._questions is None:
      return np.zeros(0, np.int32), np.zeros(len(rows) + 1, np.int64)
    rng = np.random.default_rng([self._seed, _QUESTIONS, batch])
    asked = rng.random(len(rows)) < self._question_rate
    drawn = self._questions.draw(rows, rng)
    return self._questions.gather(np.where(asked, drawn, -1))


def ict_dataset(
  corpus: Corpus,
  tokenizer: BertTokenizer | None = None,
  *,
  batch_size: int,
  seed: int = 0,
  start_batch: int = 0,
  query_seq_len: int = 64,
  candidate_seq_len: int = 288,
  mask_rate: float = 0.9,
  questions: BlockQuestions | None = None,
  question_rate: float = 0.5,
  repeat: bool = True,
  fixed_length: bool = False,
) -> tf.data.Dataset:
  """Batches of sentences and their blocks; an epoch has each block once.

  A random sentence of the block is the query, and with probability `mask_rate`
  it is removed from the block. A block of one sentence is then replaced by
  another block (the original skips it).

  Batch n depends on the arguments alone, so a run can start at any batch.

  Example:
    corpus = realm_tf.Corpus.open('out/corpus')
    config = realm_tf.BertConfig.preset('tiny', vocab_size=corpus.vocab_size)
    model = realm_tf.ICTModel(realm_tf.Embedder(config))
    model.compile('adam')
    model.fit(realm_tf.ict_dataset(corpus, batch_size=8), steps_per_epoch=3)

  Args:
    corpus: The blocks.
    tokenizer: Defaults to the tokenizer of the corpus.
    batch_size: Number of sentences, and of blocks, in a batch.
    seed: Seed of the order, the sentences and the masks. Defaults to 0.
    start_batch: Number of the first batch.
    query_seq_len: Maximum wordpieces of `[CLS] sentence [SEP]`.
    candidate_seq_len: Maximum wordpieces of `[CLS] title [SEP] body [SEP]`.
    mask_rate: Probability that the sentence is removed from its block.
    questions: Questions about blocks, if any are known.
    question_rate: Probability that the query is a question, if the block has
      any; nothing is removed then.
    repeat: Whether to repeat forever. Otherwise a last batch that is not full
      is dropped.
    fixed_length: Pad to these lengths and not to the longest row (TPU).

  Returns:
    A dataset of dicts: `query` and `document`, BERT's inputs int32
    [batch, length], and `is_masked` bool [batch].
  """
  if tokenizer is None:
    tokenizer = corpus.tokenizer
  if not 1 <= batch_size <= max(1, len(corpus)):
    raise ValueError(
      'batch_size must be from 1 to the number of blocks, '
      f'{len(corpus)}. Received: {batch_size}'
    )
  compatibility.check(
    compatibility.Part('the tokenizer', vocabulary=tokenizer.fingerprint),
    compatibility.Part(
      str(corpus.directory), vocabulary=corpus.vocab_fingerprint
    ),
  )
  sampler = _Sampler(
    corpus, batch_size, seed, mask_rate, questions, question_rate
  )
  ragged = (tf.int32, tf.int64)
  types = (*ragged, tf.string, tf.int64, tf.bool, *ragged)
  limit = tf.int64.max if repeat else len(corpus) // batch_size
  numbers = tf.data.Dataset.range(start_batch, limit)

  @tf.autograph.experimental.do_not_convert
  def make(number: tf.Tensor) -> dict[str, Any]:
    ids, id_splits, texts, text_splits, masked, asked, asked_splits = (
      tf.ensure_shape(x, [None])
      for x in tf.numpy_function(
        sampler.sample, [number], types, stateful=False
      )
    )
    titles = tf.RaggedTensor.from_row_splits(ids, id_splits, validate=False)
    # [batch, (sentences), (wordpieces)]
    sentences = tf.RaggedTensor.from_row_splits(
      tokenizer.tokenize(texts), text_splits, validate=False
    )
    return make_examples(
      titles,
      sentences,
      masked,
      tf.stack([tf.constant(seed, tf.int64) * 3 + _SENTENCES, number]),
      special=tokenizer.special,
      query_seq_len=query_seq_len,
      candidate_seq_len=candidate_seq_len,
      questions=tf.RaggedTensor.from_row_splits(
        asked, asked_splits, validate=False
      ),
      fixed_length=fixed_length,
    )

  return numbers.map(
    make, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
  ).prefetch(2)


def make_examples(
  title_ids: tf.RaggedTensor,
  sentence_ids: tf.RaggedTensor,
  masked: tf.Tensor,
  seed: tf.Tensor,
  *,
  special: packing.SpecialIds,
  query_seq_len: int,
  candidate_seq_len: int,
  questions: tf.RaggedTensor | None = None,
  fixed_length: bool = False,
) -> dict[str, Any]:
  """Takes a sentence out of each block, in the graph.

  Args:
    title_ids: int32 [batch, (tokens)].
    sentence_ids: int32 [batch, (sentences), (tokens)].
    masked: bool [batch], whether to remove the sentence. An only sentence
      stays.
    seed: int64 [2].
    special: Ids of special tokens.
    query_seq_len: Maximum wordpieces of the query.
    candidate_seq_len: Maximum wordpieces of the document.
    questions: int32 [batch, (tokens)], the query where not empty; `masked` is
      false there.
    fixed_length: Pad to these lengths and not to the longest row.

  Returns:
    A batch of `ict_dataset`.
  """
  batch = sentence_ids.nrows()
  flat = sentence_ids.values  # [sentences, (tokens)]
  rows = sentence_ids.value_rowids()
  # A sentence may have no wordpiece.
  usable = tf.where(flat.row_lengths() > 0)[:, 0]
  usable_rows = tf.gather(rows, usable)
  pick = span_records.draw_one(usable_rows, batch, seed)
  padded = tf.concat([usable, [-1]], 0)
  chosen = tf.where(pick >= 0, tf.gather(padded, tf.maximum(pick, 0)), -1)
  several = (
    tf.math.unsorted_segment_sum(tf.ones_like(usable_rows), usable_rows, batch)
    > 1
  )
  masked &= several
  number = tf.range(flat.nrows())
  is_query = number == tf.gather(chosen, rows)
  stays = ~(is_query & tf.gather(masked, rows))
  if questions is not None:
    is_query &= tf.gather(questions.row_lengths() == 0, rows)
  tokens = flat.value_rowids()

  def joined(keep: tf.Tensor) -> tf.RaggedTensor:
    """Wordpieces of the kept sentences, [batch, (tokens)]."""
    kept = tf.gather(keep, tokens)
    return tf.RaggedTensor.from_value_rowids(
      tf.boolean_mask(flat.values, kept),
      tf.boolean_mask(tf.gather(rows, tokens), kept),
      nrows=batch,
      validate=False,
    )

  queries = joined(is_query)
  if questions is not None:
    queries = tf.concat([queries, questions], 1)
  return {
    'query': packing.pack_query(
      queries,
      special=special,
      max_length=query_seq_len,
      fixed_length=fixed_length,
    ),
    'document': packing.pack_document(
      title_ids,
      joined(stays),
      special=special,
      max_length=candidate_seq_len,
      fixed_length=fixed_length,
    ),
    'is_masked': masked,
  }
