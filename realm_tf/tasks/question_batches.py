# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""From questions to batches with the blocks retrieved for them."""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf.configs.qa_config import QuestionConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.index.lexical import LexicalIndex
from realm_tf.index.retrieval import Weights
from realm_tf.index.slot import IndexSlot
from realm_tf.questions import gold_blocks
from realm_tf.questions.answer_finder import AnswerFinder
from realm_tf.questions.questions import Questions
from realm_tf.text import packing
from realm_tf.text.tokenizer import BertTokenizer
from realm_tf.training import summaries
from realm_tf.training.task import Batch

_SHOWN = 3
_NO_ROW = -1


def put_gold_at(rows: np.ndarray, gold: np.ndarray, place: int) -> np.ndarray:
  """Puts gold rows at a place unless they rank higher.

  Args:
    rows: int `[batch, n]`, without duplicates in a line.
    gold: int `[batch]`, -1 if unknown.
    place: Rank from 0 to n - 1.

  Returns:
    int `[batch, n]`. Lower rows move down; the last one is dropped if gold was
    not among the n.
  """
  rows = rows.copy()
  for line in np.flatnonzero(gold >= 0):
    found = np.flatnonzero(rows[line] == gold[line])
    at = found[0] if len(found) else rows.shape[1] - 1
    if at > place or not len(found):
      rows[line, place + 1 : at + 1] = rows[line, place:at].copy()
      rows[line, place] = gold[line]
  return rows


class QuestionFeatures:
  """Makes features of questions and their blocks. Not thread-safe."""

  def __init__(
    self,
    questions: Questions,
    documents: Corpus,
    tokenizer: BertTokenizer,
    config: QuestionConfig,
    *,
    needs_gold: bool = False,
  ):
    """Finds the gold blocks, if any.

    Raises:
      CorpusError: No question has a gold block, and `needs_gold`.
    """
    if config.retriever_beam > len(documents):
      config = dataclasses.replace(
        config,
        retriever_beam=len(documents),
        reader_beam=min(config.reader_beam, len(documents)),
      )
    self.config = config
    self.questions = questions
    self.documents = documents
    self.tokenizer = tokenizer
    # The row of the gold block of each question, -1 if unknown.
    self._gold_rows = gold_blocks.gold_rows(
      questions.examples, documents, required=needs_gold
    )
    self._finder = AnswerFinder(questions, documents, tokenizer)

  def query(self, numbers: np.ndarray) -> dict[str, tf.Tensor]:
    """Returns BERT inputs int32 `[batch, length]` of questions."""
    return packing.pack_query(
      tf.gather(self.questions.ids, numbers),
      special=self.tokenizer.special,
      max_length=self.config.query_seq_len,
      fixed_length=self.config.fixed_length,
    )

  def texts(self, numbers: np.ndarray) -> tf.Tensor:
    """Returns questions as strings `[batch]`."""
    texts = [self.questions.examples[n].question for n in numbers]
    return tf.constant(texts, tf.string)

  def features(
    self,
    numbers: np.ndarray,
    query: dict[str, tf.Tensor],
    rows: np.ndarray,
    embeddings: np.ndarray,
    lexical: LexicalIndex | None = None,
  ) -> dict[str, Any]:
    """Returns the features of a batch for `modeling.open_qa`.

    Args:
      numbers: int `[batch]`, numbers of the questions.
      query: BERT inputs returned by `query`.
      rows: int `[batch, retriever_beam]`, rows of the blocks, best first.
      embeddings: float32 `[documents, dim]` of the index.
      lexical: BM25 of the documents, for a hybrid.
    """
    config = self.config
    gold = np.full(len(numbers), _NO_ROW)
    if self._gold_rows is not None:
      gold = self._gold_rows[numbers]
    if config.add_gold:
      rows = put_gold_at(rows, gold, config.reader_beam - 1)
    reader_rows = rows[:, : config.reader_beam]
    has_answer = np.stack(
      [self._finder.has_answer(n, its) for n, its in zip(numbers, rows)]
    )
    shape = [len(numbers), reader_rows.shape[1]]
    _, body_ids = self.documents.gather(reader_rows)
    packed = packing.pack_reader(
      # A long question is cut, so that the block has room.
      tf.gather(self.questions.ids, np.repeat(numbers, shape[1]))[
        :, : config.query_seq_len - 2
      ],
      body_ids,
      special=self.tokenizer.special,
      max_length=config.reader_seq_len,
      fixed_length=config.fixed_length,
    )
    starts, ends = self._finder.spans(numbers.tolist(), reader_rows, body_ids)

    def by_question(flat: Any) -> tf.Tensor:
      flat = tf.convert_to_tensor(flat)
      return tf.reshape(flat, [*shape, flat.shape[-1]])

    beam = np.asarray(embeddings[rows.reshape(-1)], np.float32)
    features: dict[str, Any] = {
      'query': query,
      'beam_embeddings': beam.reshape(*rows.shape, -1),
      'beam_has_answer': has_answer,
      'joint': {
        key: by_question(packed[key])
        for key in (
          'input_word_ids',
          'input_mask',
          'input_type_ids',
          'block_mask',
        )
      },
      'gold_starts': by_question(starts),
      'gold_ends': by_question(ends),
    }
    if lexical is not None:
      features['beam_bm25'] = lexical.score(self.texts(numbers), rows)
    if self._gold_rows is not None:
      features['beam_is_gold'] = (gold[:, None] >= 0) & (rows == gold[:, None])
    return features

  def describe(self, numbers: np.ndarray, rows: np.ndarray) -> str:
    """Describes in Markdown some questions and the first blocks found."""
    questions = [self.questions.examples[n].question for n in numbers]
    return summaries.describe_retrieval(
      questions, self.documents, rows[:, :_SHOWN]
    )


def question_batches(
  numbers: Iterable[np.ndarray],
  first_number: int,
  *,
  features: QuestionFeatures,
  embed_queries: Callable[[dict[str, tf.Tensor]], Any],
  slot: IndexSlot,
  is_refreshed: bool = False,
  weights: Callable[[], Weights | None] = lambda: None,
) -> Iterator[Batch]:
  """Searches for each batch with the current weights.

  Batches are not made ahead, since the query embedder is being trained.

  Args:
    numbers: Numbers of the questions of each batch, int `[batch]`.
    first_number: Number of the first batch.
    features: Makes the features.
    embed_queries: Maps BERT inputs `[batch, length]` to float32 `[batch, dim]`.
    slot: Holds the index in use; one version serves a whole batch.
    is_refreshed: Whether newer versions replace it; batches then name theirs.
    weights: Returns the current weights of a hybrid.
  """
  for number, its in enumerate(numbers, first_number):
    query = features.query(its)
    with slot.acquire() as index:
      rows, _ = index.find(
        features.texts(its),
        functools.partial(embed_queries, query),
        features.config.retriever_beam,
        weights=weights(),
      )
      rows = np.asarray(rows, np.int64)
      lexical = index.lexical if index.retrieval.needs_words else None
      made = features.features(its, query, rows, index.embeddings, lexical)
      metadata = index.metadata
    yield Batch(
      number,
      made,
      index_step=metadata.step if is_refreshed else -1,
      index_time=metadata.built_at,
      describe=functools.partial(features.describe, its, rows),
    )
