# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The TensorFlow functions that answer questions, from strings to strings."""

from collections.abc import Callable
from typing import Protocol

import tensorflow as tf

from realm_tf.modeling import span_scores
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.span_reader import SpanReader
from realm_tf.text import packing, words
from realm_tf.text.tokenizer import BertTokenizer

Search = Callable[
  [tf.Tensor, Callable[[], tf.Tensor], int | tf.Tensor],
  tuple[tf.Tensor, tf.Tensor],
]
"""From questions `[batch]`, what embeds them, and k to rows and scores."""
_NUMBERS = ('score', 'log_prob', 'retriever_log_prob', 'reader_log_prob')


class Blocks(Protocol):
  """Looks up blocks by their rows, int32 `[n]`."""

  def wordpieces(self, rows: tf.Tensor) -> packing.Slices:
    """Returns the wordpieces of the bodies; row -1 has none."""
    ...

  def texts(self, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns titles and bodies, UTF-8 strings `[n]`."""
    ...

  def names(self, rows: tf.Tensor) -> dict[str, tf.Tensor]:
    """Returns `document_ids` and `document_urls`, UTF-8 strings `[n]`.

    They are those of the records that the blocks are from; row -1, and a record
    without, has empty ones.
    """
    ...


class AnswerGraph:
  """Retrieves blocks for questions, reads them, and finds the words.

  `Answerer` calls it eagerly, with blocks that are memory-mapped; in a
  SavedModel it is part of a larger graph, in which blocks are variables.
  """

  def __init__(
    self,
    embedder: Embedder,
    reader: SpanReader,
    tokenizer: BertTokenizer,
    *,
    query_seq_len: int,
    reader_seq_len: int,
  ):
    """Initializes the functions, which are traced when they are called.

    Args:
      embedder: Embedder of questions.
      reader: Reader of blocks.
      tokenizer: Tokenizer of both.
      query_seq_len: Maximum number of wordpieces of `[CLS] question [SEP]`.
      reader_seq_len: Maximum number of wordpieces of
        `[CLS] question [SEP] block [SEP]`.
    """
    self.embedder = embedder
    self.reader = reader
    self.tokenizer = tokenizer
    self.query_seq_len = query_seq_len
    self.reader_seq_len = reader_seq_len
    question = tf.TensorSpec([None], tf.string, name='question')
    self.pack = tf.function(
      self._pack, input_signature=[question], autograph=False
    )
    self.embed_packed = tf.function(
      self._embed, reduce_retracing=True, autograph=False
    )
    self._best_spans = tf.function(
      self._find_spans, reduce_retracing=True, autograph=False
    )
    self._show = tf.function(
      self._find_words, reduce_retracing=True, autograph=False
    )

  def embed(self, question: tf.Tensor) -> tf.Tensor:
    """Embeds questions `[batch]` as float32 `[batch, dim]`."""
    return self.embed_packed(self.pack(question))

  def answer(
    self,
    question: tf.Tensor,
    k: int | tf.Tensor,
    search: Search,
    blocks: Blocks,
    *,
    top_n: int,
    blocks_at_once: int,
  ) -> dict[str, tf.Tensor]:
    """Answers questions `[batch]` from the best k blocks; see `read`."""
    packed = self.pack(question)
    rows, scores = search(question, lambda: self.embed_packed(packed), k)
    return self.read(
      packed, rows, scores, blocks, top_n=top_n, blocks_at_once=blocks_at_once
    )

  def read(
    self,
    packed: dict[str, tf.Tensor],
    rows: tf.Tensor,
    retriever_scores: tf.Tensor,
    blocks: Blocks,
    *,
    top_n: int,
    blocks_at_once: int,
  ) -> dict[str, tf.Tensor]:
    """Finds the best answers in blocks that were retrieved.

    Args:
      packed: Questions as `pack` returns them.
      rows: Rows of the blocks, int32 `[batch, blocks]`.
      retriever_scores: Their scores, float32 `[batch, blocks]`.
      blocks: Wordpieces and texts of blocks.
      top_n: Number of answers per question.
      blocks_at_once: Number of blocks, of all questions together, that are
        read at a time; 0 for all.

    Returns:
      A dict of `[batch, top_n]`, as in `answerer.Answers`.
    """
    found = self._best_spans(
      packed,
      blocks.wordpieces(tf.reshape(rows, [-1])),
      retriever_scores,
      top_n=top_n,
      blocks_at_once=blocks_at_once,
    )
    block = tf.maximum(found['block'], 0)
    there = found['block'] >= 0
    rows = tf.where(there, tf.gather(rows, block, batch_dims=1), -1)
    # Only the blocks with answers are tokenized again, each of them once.
    shown, which = tf.unique(tf.reshape(tf.maximum(rows, 0), [-1]))
    answers = self._show(
      *blocks.texts(shown),
      tf.reshape(which, tf.shape(rows)),
      tf.where(there, found['start'], -1),
      found['end'],
    )
    names = blocks.names(tf.reshape(rows, [-1]))
    return {
      **answers,
      'block_ids': rows,
      **{name: tf.reshape(x, tf.shape(rows)) for name, x in names.items()},
      **{f'{name}s': found[name] for name in _NUMBERS},
    }

  def _pack(self, question: tf.Tensor) -> dict[str, tf.Tensor]:
    return packing.pack_query(
      self.tokenizer.tokenize(question),
      special=self.tokenizer.special,
      max_length=self.query_seq_len,
    )

  def _embed(self, packed: dict[str, tf.Tensor]) -> tf.Tensor:
    return self.embedder.embed_queries(packed)

  def _find_spans(
    self,
    packed: dict[str, tf.Tensor],
    bodies: packing.Slices,
    retriever_scores: tf.Tensor,
    top_n: int,
    blocks_at_once: int,
  ) -> dict[str, tf.Tensor]:
    """Packs and reads; see `span_scores.best_answers`."""
    batch, blocks = tf.unstack(tf.shape(retriever_scores))
    ids = packed['input_word_ids']
    starts = tf.range(batch, dtype=tf.int64) * tf.shape(ids, tf.int64)[1] + 1
    questions = packing.Slices(
      tf.pad(tf.reshape(ids, [-1]), [[0, 1]]),
      tf.repeat(starts, blocks),
      tf.repeat(tf.reduce_sum(packed['input_mask'], 1) - 2, blocks),
    )
    flat = packing.pack_reader(
      questions,
      bodies,
      special=self.tokenizer.special,
      max_length=self.reader_seq_len,
    )
    joint = {
      name: tf.reshape(x, [batch, blocks, tf.shape(x)[1]])
      for name, x in flat.items()
    }
    mask = joint['block_mask']
    return span_scores.best_answers(
      retriever_scores,
      self.reader(joint, mask, blocks_at_once=blocks_at_once),
      top_n,
      words.word_numbers(joint['input_word_ids'], self.tokenizer),
      mask,
    )

  def _find_words(
    self,
    titles: tf.Tensor,
    texts: tf.Tensor,
    which: tf.Tensor,
    start: tf.Tensor,
    end: tf.Tensor,
  ) -> dict[str, tf.Tensor]:
    """Looks up the words of spans of wordpieces, `[batch, top_n]`.

    Args:
      titles: Titles of blocks `[n]`.
      texts: Their bodies `[n]`.
      which: Which of the blocks a span is in.
      start: Its first wordpiece; -1 where there is no span.
      end: Its last wordpiece.
    """
    there = start >= 0
    tokens = words.widen_to_words(
      self.tokenizer.tokenize_with_offsets(texts), self.tokenizer
    )
    splits = tf.cast(tokens.ids.row_splits, tf.int32)
    first, limit = tf.gather(splits, which), tf.gather(splits, which + 1)

    def bytes_of(offsets: tf.RaggedTensor, places: tf.Tensor) -> tf.Tensor:
      # Within the block, whatever tokenizer the corpus was built with.
      places = tf.maximum(tf.minimum(first + places, limit - 1), 0)
      return tf.gather(tf.concat([offsets.values, [0]], 0), places)

    byte_start = tf.where(there, bytes_of(tokens.starts, start), 0)
    byte_end = tf.where(there, bytes_of(tokens.limits, end), 0)
    evidence = tf.where(there, tf.gather(texts, which), '')
    return {
      'answers': tf.strings.substr(
        evidence, byte_start, byte_end - byte_start, unit='BYTE'
      ),
      'evidence': evidence,
      'titles': tf.where(there, tf.gather(titles, which), ''),
      'byte_starts': tf.where(there, byte_start, -1),
      'byte_ends': tf.where(there, byte_end, -1),
    }
