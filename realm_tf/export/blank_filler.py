# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Fills blanks with trained weights: retrieve, read, marginalize."""

import dataclasses
import os
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from realm_tf.data import featurization
from realm_tf.data.documents import Documents
from realm_tf.export import hub_modules
from realm_tf.index import versions
from realm_tf.index.searcher import Searcher
from realm_tf.layers.embedder import Embedder
from realm_tf.layers.reader import KnowledgeAugmentedReader
from realm_tf.layers.retriever import NULL_DOCUMENT, Retriever
from realm_tf.models.pretraining import PretrainingModel
from realm_tf.text import packing
from realm_tf.text.tokenizer import BertTokenizer


@dataclasses.dataclass(frozen=True)
class Filling:
  """What is known of the blanks of a batch.

  Attributes:
    rows: Documents read, int64 [batch, k]; the first is the null document, -1.
    document_probs: p(z | x), float32 [batch, k].
    lengths: Number of blanks of each sentence, int [batch].
    ids, probs: Likeliest wordpieces of each blank by p(y_j | x), int32 and
      float32 [batch, blanks, top].
    closed_book_ids, closed_book_probs: The same by p(y_j | null, x).
    by_document_ids, by_document_probs: The same by p(y_j | z, x), [batch, k,
      blanks, top].
  """

  rows: np.ndarray
  document_probs: np.ndarray
  lengths: np.ndarray
  ids: np.ndarray
  probs: np.ndarray
  closed_book_ids: np.ndarray
  closed_book_probs: np.ndarray
  by_document_ids: np.ndarray
  by_document_probs: np.ndarray


class BlankFiller:
  """Finds documents for sentences with [MASK], and fills the masks.

  Example:
    filler = BlankFiller.load('realm/export/tf_hub/2000', 'corpus', index_path)
    ids = queries.tokenize_with_blanks(filler.tokenizer, ['[MASK] is big.'])
    filling = filler.fill(ids)
  """

  def __init__(
    self,
    embedder: Embedder,
    reader: KnowledgeAugmentedReader,
    tokenizer: BertTokenizer,
    documents: Documents,
    searcher: Searcher,
    *,
    search_embedder: Embedder | None = None,
    config: featurization.FeaturizationConfig | None = None,
  ):
    """Puts the parts together.

    Args:
      embedder: Gives p(z | x).
      reader: Gives p(y | z, x).
      tokenizer: Of both, and of the documents.
      documents: The corpus.
      searcher: Over embeddings of the corpus.
      search_embedder: Made these embeddings; default: `embedder`.
      config: Lengths, and how many documents are read.
    """
    self.tokenizer = tokenizer
    self.documents = documents
    self._config = config or featurization.FeaturizationConfig()
    self._searcher = searcher
    model = PretrainingModel(
      Retriever(embedder, num_candidates=self._config.num_candidates), reader
    )
    self._fill = tf.function(
      lambda features, top: model.fill_blanks(features, top),
      reduce_retracing=True,
    )
    self._embed = tf.function(
      (search_embedder or embedder).embed_queries, reduce_retracing=True
    )

  @classmethod
  def load(
    cls,
    export_dir: str | os.PathLike,
    corpus_dir: str | os.PathLike,
    index_path: str | os.PathLike,
    *,
    config: featurization.FeaturizationConfig | None = None,
  ) -> 'BlankFiller':
    """Loads what a pre-training exported, and an index of the corpus.

    Raises:
      ValueError: The index is of another corpus or another vocabulary; the
        message names both fingerprints.
    """
    embedder_dir = os.path.join(export_dir, 'embedder')
    tokenizer = hub_modules.load_tokenizer(embedder_dir)
    documents = Documents.open(os.path.join(corpus_dir, 'documents'))
    index = versions.load_index(os.fspath(index_path))
    index.metadata.check(
      name=os.fspath(index_path),
      corpus_fingerprint=documents.fingerprint,
      vocab_fingerprint=tokenizer.fingerprint,
      num_documents=len(documents),
    )
    search_embedder = None
    if index.embedder_dir is not None:
      search_embedder = hub_modules.load_embedder(index.embedder_dir)
    return cls(
      hub_modules.load_embedder(embedder_dir),
      hub_modules.load_reader(os.path.join(export_dir, 'bert')),
      tokenizer,
      documents,
      index.searcher,
      search_embedder=search_embedder,
      config=config,
    )

  def retrieve(
    self, query_ids: tf.RaggedTensor, k: int
  ) -> tuple[np.ndarray, np.ndarray]:
    """Finds documents.

    Args:
      query_ids: int32 [batch, (tokens)].
      k: How many.

    Returns:
      Rows int64 and scores float32, [batch, min(k, documents)], best first.
    """
    query = packing.pack_query(
      query_ids,
      special=self.tokenizer.special,
      max_length=self._config.query_seq_len,
    )
    rows, scores = self._searcher.search(self._embed(query), k)
    return np.asarray(rows, np.int64), np.asarray(scores, np.float32)

  def _masked(self, query_ids: tf.RaggedTensor) -> Mapping[str, tf.Tensor]:
    """What featurization asks of a batch; every [MASK] is a blank."""
    query_ids = query_ids[:, : self._config.query_seq_len - 2]
    is_blank = tf.equal(query_ids.values, self.tokenizer.mask_id)
    positions = tf.range(tf.size(is_blank)) - tf.cast(
      tf.gather(query_ids.row_starts(), query_ids.value_rowids()), tf.int32
    )
    blanks = tf.ragged.boolean_mask(
      query_ids.with_values(positions + 1), query_ids.with_values(is_blank)
    )
    dense = blanks.to_tensor()  # [batch, blanks]
    return {
      'query_ids': query_ids,
      'mlm_positions': dense,
      'mlm_targets': tf.zeros_like(dense),
      'mlm_mask': tf.sequence_mask(blanks.row_lengths(), dtype=tf.float32),
    }

  def fill(self, query_ids: tf.RaggedTensor, top: int = 5) -> Filling:
    """Fills every [MASK] of a batch of sentences.

    Args:
      query_ids: int32 [batch, (tokens)], of
        `data.queries.tokenize_with_blanks`; each with at least one [MASK]
        within the length of a query.
      top: How many wordpieces for each blank.

    Raises:
      ValueError: A sentence has no [MASK].
    """
    masked = self._masked(query_ids)
    lengths = tf.reduce_sum(masked['mlm_mask'], 1).numpy().astype(int)
    if not lengths.size or not lengths.all():
      raise ValueError(
        f'each sentence needs a [MASK] within its first'
        f' {self._config.query_seq_len - 2} wordpieces'
      )
    k = self._config.num_candidates
    found, _ = self.retrieve(query_ids, k - 1)
    rows = np.full([len(found), k], NULL_DOCUMENT, np.int64)
    rows[:, 1 : 1 + found.shape[1]] = found
    title_ids, body_ids = self.documents.gather(rows.reshape(-1))
    features = featurization.featurize(
      masked,
      title_ids,
      body_ids,
      special=self.tokenizer.special,
      config=self._config,
    )
    out = {
      name: value.numpy() for name, value in self._fill(features, top).items()
    }
    return Filling(
      rows=rows,
      document_probs=out['candidate_probs'],
      lengths=lengths,
      ids=out['ids'],
      probs=out['probs'],
      closed_book_ids=out['closed_book_ids'],
      closed_book_probs=out['closed_book_probs'],
      by_document_ids=out['document_ids'],
      by_document_probs=out['document_probs'],
    )
