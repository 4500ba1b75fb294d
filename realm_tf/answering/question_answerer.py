# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Answers questions from a corpus, with the documents memory-mapped.

For evaluation and for people; `serving` puts the same into one SavedModel.
"""

import copy
import dataclasses
import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf.bert import precision
from realm_tf.corpus.corpus import Corpus
from realm_tf.hub import hub_modules, span_reader_module
from realm_tf.index import versions
from realm_tf.modeling import span_scores
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.span_reader import SpanReader
from realm_tf.text import packing, words
from realm_tf.text.tokenizer import BertTokenizer


@dataclasses.dataclass(frozen=True)
class Answers:
  """The best spans of a batch of questions, best first.

  Where a question has fewer than n, the rest have row -1, no text, and
  log-probabilities of -1e9.

  Attributes:
    texts: Of each answer, whole words as they stand in its block:
      `[batch][n]`.
    rows: Of the block that each is from, int64 `[batch, n]`.
    byte_starts: Its first byte in the body, int32 `[batch, n]`.
    byte_limits: The byte after its last, int32 `[batch, n]`.
    scores: Reader's and retriever's together, float32 `[batch, n]`.
    retriever_scores: Inner products, float32 `[batch, n]`.
    log_probs: log p(span, block | question) among all spans read, float32
      `[batch, n]`.
    reader_log_probs: log p(span | block, question), by the reader alone,
      float32 `[batch, n]`.
    block_rows: All blocks read, int64 `[batch, blocks]`.
    block_log_probs: log p(block | question) among them, float32
      `[batch, blocks]`.
  """

  texts: list[list[str]]
  rows: np.ndarray
  byte_starts: np.ndarray
  byte_limits: np.ndarray
  scores: np.ndarray
  retriever_scores: np.ndarray
  log_probs: np.ndarray
  reader_log_probs: np.ndarray
  block_rows: np.ndarray
  block_log_probs: np.ndarray


class QuestionAnswerer:
  """Retrieves blocks for questions, and reads the answers out of them.

  Example:
    answerer = QuestionAnswerer.load('qa/export/tf_hub/2000', 'corpus', index)
    answerer.answer(['Who discovered radium?']).texts[0][0]

  Attributes:
    tokenizer: Of models and documents.
    documents: The corpus.
    query_seq_len: Wordpieces of a packed question at most.
    reader_seq_len: Wordpieces of question and block together at most.
  """

  def __init__(
    self,
    embedder: Embedder,
    reader: SpanReader,
    tokenizer: BertTokenizer,
    documents: Corpus,
    index: versions.Index,
    *,
    query_seq_len: int,
    reader_seq_len: int,
  ):
    """Puts the parts together; `close` closes the index."""
    self.tokenizer = tokenizer
    self.documents = documents
    self.query_seq_len = query_seq_len
    self.reader_seq_len = reader_seq_len
    self._index = index
    self._embed = tf.function(
      embedder.embed_queries, reduce_retracing=True, autograph=False
    )

    def read(
      joint: dict[str, tf.Tensor],
      scores: tf.Tensor,
      top_n: int,
      blocks_at_once: int,
      words: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
      mask = joint['block_mask']
      read = reader(joint, mask, blocks_at_once=blocks_at_once)
      return span_scores.best_answers(scores, read, top_n, words, mask)

    self._read = tf.function(read, reduce_retracing=True, autograph=False)

  @property
  def index(self) -> versions.Index:
    """What it searches."""
    return self._index

  @classmethod
  def load(
    cls,
    export_dir: str | os.PathLike,
    corpus_dir: str | os.PathLike,
    index_path: str | os.PathLike,
    *,
    mixed_precision: bool = False,
  ) -> 'QuestionAnswerer':
    """Loads what a fine-tuning exported, and an index of a corpus.

    Args:
      export_dir: With `embedder` and `span_reader`.
      corpus_dir: As bin/build_corpus writes it.
      index_path: One version of its index.
      mixed_precision: Compute in bfloat16.

    Raises:
      FileNotFoundError: One of them is not there.
      ValueError: They do not belong together; the message names both
        fingerprints.
    """
    embedder_dir = os.path.join(export_dir, 'embedder')
    reader_dir = os.path.join(export_dir, 'span_reader')
    info = hub_modules.read_info(reader_dir, 'span_reader')
    tokenizer = hub_modules.load_tokenizer(embedder_dir)
    documents = Corpus.open(corpus_dir)
    index = versions.load_index(
      index_path,
      corpus_fingerprint=documents.fingerprint,
      vocab_fingerprint=tokenizer.fingerprint,
      num_documents=len(documents),
      embedder_fingerprint=info['document_embedder_fingerprint'],
    )
    try:
      with precision.layers_compute_in(mixed_precision):
        embedder = hub_modules.load_embedder(embedder_dir)
        reader = span_reader_module.load_span_reader(reader_dir)
      return cls(
        embedder,
        reader,
        tokenizer,
        documents,
        index,
        query_seq_len=info['query_seq_len'],
        reader_seq_len=info['reader_seq_len'],
      )
    except BaseException:
      index.close()
      raise

  def using(
    self, documents: Corpus, index: versions.Index
  ) -> 'QuestionAnswerer':
    """The same models and traces over another edition of the corpus.

    Example:
      with live_index.acquire() as edition:
        answerer.using(edition.documents, edition.index).answer(questions)

    Args:
      documents: The corpus.
      index: Of it, by the same document embedder. It stays its owner's: the
        result need not be closed.

    Raises:
      IndexMismatchError: The index is of another embedder or vocabulary, or
        not of these documents. Of an edition that was not saved, which has no
        fingerprint, only their number is compared.
    """
    index.metadata.check(
      name=index.path,
      corpus_fingerprint=(
        documents.fingerprint if index.metadata.corpus_fingerprint else None
      ),
      vocab_fingerprint=self.tokenizer.fingerprint,
      embedder_fingerprint=self._index.metadata.embedder_fingerprint,
      num_documents=len(documents),
    )
    its, mine = documents.vocab_fingerprint, self.tokenizer.fingerprint
    if its != mine:
      raise versions.IndexMismatchError(
        f'the documents of {index.path} are in the vocabulary {its}, and the'
        f' vocabulary in use is {mine}'
      )
    other = copy.copy(self)
    other.documents, other._index = documents, index
    return other

  def close(self) -> None:
    """Frees the index."""
    self._index.close()

  def retrieve(
    self, questions: Sequence[str | bytes], k: int
  ) -> tuple[np.ndarray, np.ndarray]:
    """Rows int64 and scores float32 `[batch, min(k, documents)]`."""
    return self._retrieve(self.tokenizer.tokenize(list(questions)), k)

  def _retrieve(
    self, question_ids: tf.RaggedTensor, k: int
  ) -> tuple[np.ndarray, np.ndarray]:
    inputs = packing.pack_query(
      question_ids,
      special=self.tokenizer.special,
      max_length=self.query_seq_len,
    )
    rows, scores = self._index.searcher.search(self._embed(inputs), k)
    return np.asarray(rows, np.int64), np.asarray(scores, np.float32)

  def answer(
    self,
    questions: Sequence[str | bytes],
    *,
    reader_beam: int = 5,
    top_n: int = 5,
    blocks_at_once: int = 0,
  ) -> Answers:
    """Answers questions.

    Args:
      questions: UTF-8; those that are too long are cut.
      reader_beam: Blocks read for each.
      top_n: Answers given for each.
      blocks_at_once: Read so many at a time, of all questions together, to
        save memory; 0 reads all.
    """
    question_ids = self.tokenizer.tokenize(list(questions))
    rows, scores = self._retrieve(question_ids, reader_beam)
    return self._read_blocks(question_ids, rows, scores, top_n, blocks_at_once)

  def read(
    self,
    questions: Sequence[str | bytes],
    rows: np.ndarray,
    retriever_scores: np.ndarray,
    *,
    top_n: int = 5,
    blocks_at_once: int = 0,
  ) -> Answers:
    """Reads the answers out of blocks that were retrieved.

    Args:
      questions: UTF-8, `[batch]`.
      rows: int64 `[batch, blocks]`, of the blocks.
      retriever_scores: float32 `[batch, blocks]`, as `retrieve` gives them.
      top_n: Answers given for each.
      blocks_at_once: Read so many at a time, of all questions together, to
        save memory; 0 reads all.
    """
    return self._read_blocks(
      self.tokenizer.tokenize(list(questions)),
      rows,
      retriever_scores,
      top_n,
      blocks_at_once,
    )

  def _read_blocks(
    self,
    question_ids: tf.RaggedTensor,
    rows: np.ndarray,
    retriever_scores: np.ndarray,
    top_n: int,
    blocks_at_once: int,
  ) -> Answers:
    batch, blocks = rows.shape
    _, body_ids = self.documents.gather(rows)
    # A question leaves room for the block, however long it is.
    question_ids = question_ids[:, : self.query_seq_len - 2]
    packed = packing.pack_reader(
      tf.gather(question_ids, np.repeat(np.arange(batch), blocks)),
      body_ids,
      special=self.tokenizer.special,
      max_length=self.reader_seq_len,
    )
    joint = {
      key: tf.reshape(packed[key], [batch, blocks, -1])
      for key in (
        'input_word_ids',
        'input_mask',
        'input_type_ids',
        'block_mask',
      )
    }
    best = {
      key: value.numpy()
      for key, value in self._read(
        joint,
        tf.constant(retriever_scores),
        top_n=top_n,
        blocks_at_once=blocks_at_once if blocks_at_once < batch * blocks else 0,
        words=words.word_numbers(joint['input_word_ids'], self.tokenizer),
      ).items()
    }
    found = best['block'] >= 0
    block = np.maximum(best['block'], 0)
    its_rows = np.where(found, np.take_along_axis(rows, block, 1), -1)
    texts, starts, limits = self._texts(its_rows, best['start'], best['end'])
    return Answers(
      texts=texts,
      rows=its_rows,
      byte_starts=starts,
      byte_limits=limits,
      scores=best['score'],
      retriever_scores=best['retriever_score'],
      log_probs=best['log_prob'],
      reader_log_probs=best['reader_log_prob'],
      block_rows=rows,
      block_log_probs=tf.nn.log_softmax(retriever_scores).numpy(),
    )

  def _texts(
    self, rows: np.ndarray, starts: np.ndarray, ends: np.ndarray
  ) -> tuple[list[list[str]], np.ndarray, np.ndarray]:
    """Spans of wordpieces as the original bytes of their words in blocks."""
    unique, where = np.unique(rows, return_inverse=True)
    where = where.reshape(rows.shape)
    bodies = [
      body.encode() if row >= 0 else b''
      for row, body in zip(unique, self.documents.bodies(unique))
    ]
    tokens = words.widen_to_words(
      self.tokenizer.tokenize_with_offsets(bodies), self.tokenizer
    )
    splits = tokens.starts.row_splits.numpy()
    token_starts = np.append(tokens.starts.values.numpy(), 0)
    token_limits = np.append(tokens.limits.values.numpy(), 0)
    there = rows >= 0
    first = np.where(there, splits[where] + starts, -1)
    last = np.where(there, splits[where] + ends, -1)
    byte_starts = token_starts[first].astype(np.int32)
    byte_limits = token_limits[last].astype(np.int32)
    texts = [
      [
        bodies[body][start:limit].decode('utf-8', 'replace')
        for body, start, limit in zip(*row)
      ]
      for row in zip(where, byte_starts, byte_limits)
    ]
    return texts, byte_starts, byte_limits
