# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds documents for questions, without reading them."""

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf.answering.live_documents import LiveDocuments
from realm_tf.configs.retrieval_config import RetrievalConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.index.index import Index


def describe_documents(
  corpus: Corpus, rows: np.ndarray, scores: np.ndarray
) -> list[dict[str, Any]]:
  """Returns a JSON object for each of some documents.

  Args:
    corpus: Corpus that they are of.
    rows: Their rows `[n]`; -1 is the null document.
    scores: Their scores `[n]`.

  Returns:
    Objects with `title`, `evidence`, `document_id` and `document_url` (empty if
    the record had none), `block_id` and `score`.
  """
  columns = zip(
    corpus.titles(rows),
    corpus.bodies(rows),
    corpus.record_ids(rows),
    corpus.urls(rows),
    rows.tolist(),
    scores.tolist(),
  )
  names = ['title', 'evidence', 'document_id', 'document_url']
  names += ['block_id', 'score']
  return [dict(zip(names, values)) for values in columns]


class DocumentSearcher(LiveDocuments):
  """Finds documents for questions by an index alone, and takes updates.

  Example:
    searcher = DocumentSearcher.open('out/corpus', 'out/index')
    records = searcher.to_records(['Who discovered radium?'], k=3)
    searcher.add('Lima', 'Lima is the capital of Peru.')
    searcher.close()
  """

  def __init__(self, corpus: Corpus, index: Index):
    """Takes ownership of the index: `close` closes it."""
    super().__init__(corpus, index)
    # Embeds queries for later editions, too: its embedder is loaded once.
    self._opened = index

  @classmethod
  def open(
    cls,
    corpus: str | os.PathLike,
    index: str | os.PathLike,
    retrieval: RetrievalConfig | None = None,
  ) -> 'DocumentSearcher':
    """Opens a corpus and its index.

    Args:
      corpus: Directory of the corpus.
      index: A version of its index, or a directory of versions, of which the
        newest is taken.
      retrieval: What documents are found by. Defaults to all that is there:
        vectors, words, or both, by their ranks if no weight is known.

    Raises:
      FileNotFoundError: One of them is not there.
      MismatchError: They do not belong together.
    """
    documents = Corpus.open(corpus)
    opened = Index.open(index, documents, retrieval=retrieval)
    config = opened.retrieval
    if (
      (retrieval is None or retrieval.retrieval is None)
      and config.retrieval == 'dense'
      and opened.lexical is not None
    ):
      known = config.lexical_weight is not None
      opened.retrieval = dataclasses.replace(
        config, retrieval='hybrid' if known else 'rank_fusion'
      )
    return cls(documents, opened)

  def to_records(
    self, questions: Sequence[str], k: int
  ) -> list[dict[str, Any]]:
    """Finds documents for questions.

    Args:
      questions: Questions.
      k: Number of documents per question.

    Returns:
      A JSON object per question, with `question` and `documents`, best first
      (`describe_documents`).

    Raises:
      ValueError: The index was published without its embedder.
    """
    with self.edition() as edition:
      found = edition.index.find(
        tf.constant(questions, tf.string),
        lambda: self._opened.embed_queries(questions),
        k,
      )
      return [
        {
          'question': question,
          'documents': describe_documents(edition.documents, rows, scores),
        }
        for question, rows, scores in zip(
          questions, *(x.numpy() for x in found)
        )
      ]
