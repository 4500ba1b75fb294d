# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Fills blanks with trained weights: retrieve, read, marginalize."""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf.configs.masking_config import FeaturizationConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.hub import hub_modules
from realm_tf.index import embed_corpus, versions
from realm_tf.index.candidates import NULL_DOCUMENT
from realm_tf.index.searcher import Searcher
from realm_tf.modeling import featurization
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.reader import KnowledgeAugmentedReader
from realm_tf.modeling.realm_model import RealmModel
from realm_tf.modeling.retriever import Retriever
from realm_tf.text import packing
from realm_tf.text.tokenizer import BertTokenizer


@dataclasses.dataclass(frozen=True)
class Filling:
  """What is known of the blanks of a batch.

  Attributes:
    rows: Corpus read, int64 [batch, k]; the first is the null document, -1.
    document_probs: p(z | x), float32 [batch, k].
    lengths: Number of blanks of each sentence, int [batch].
    ids, probs: Likeliest wordpieces of each blank by p(y_j | x), int32 and
      float32 [batch, blanks, top].
    closed_book_ids, closed_book_probs: The same by p(y_j | null, x).
    by_document_ids, by_document_probs: The same by p(y_j | z, x), [batch, k,
      blanks, top].
    by_document_filled_probs: p(y_j | z, x) of the likeliest wordpiece by
      p(y_j | x), float32 [batch, k, blanks].
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
  by_document_filled_probs: np.ndarray


def check_same_vocabulary(
  embedder: BertTokenizer, bert: BertTokenizer, bert_dir: str | os.PathLike
) -> None:
  """Checks that reader and embedder take the same ids.

  Raises:
    ValueError: They do not; the message names both fingerprints.
  """
  if embedder.fingerprint != bert.fingerprint:
    raise ValueError(
      f'{os.fspath(bert_dir)} has another vocabulary (fingerprint'
      f' {bert.fingerprint}) than the embedder ({embedder.fingerprint}):'
      ' take two that were trained together'
    )


def _inputs_spec(*leading: int) -> dict[str, tf.TensorSpec]:
  """BERT inputs `[batch, *leading, length]` of any batch and length."""
  return {
    name: tf.TensorSpec([None, *leading, None], tf.int32)
    for name in ('input_word_ids', 'input_mask', 'input_type_ids')
  }


def _features_spec(num_candidates: int) -> dict[str, Any]:
  """What `featurize` gives, of any batch and lengths."""
  return {
    'query': _inputs_spec(),
    'candidates': _inputs_spec(num_candidates),
    'joint': _inputs_spec(num_candidates),
    'mlm_positions': tf.TensorSpec([None, None], tf.int32),
    'mlm_targets': tf.TensorSpec([None, None], tf.int32),
    'mlm_mask': tf.TensorSpec([None, None], tf.float32),
  }


class BlankFiller:
  """Finds documents for sentences with [MASK], and fills the masks.

  Example:
    filler = BlankFiller.load('realm/export/tf_hub/2000', 'corpus', index_path)
    ids = queries.tokenize_with_blanks(filler.tokenizer, ['[MASK] is big.'])
    filling = filler.fill(ids)

  Attributes:
    tokenizer: Of the models and the documents.
    documents: The corpus.
    config: Lengths, within what the models can read.
  """

  def __init__(
    self,
    embedder: Embedder,
    reader: KnowledgeAugmentedReader,
    tokenizer: BertTokenizer,
    documents: Corpus,
    searcher: Searcher,
    *,
    search_embedder: Embedder | None = None,
    config: FeaturizationConfig | None = None,
  ):
    """Puts the parts together.

    Args:
      embedder: Gives p(z | x).
      reader: Gives p(y | z, x).
      tokenizer: Of both, and of the documents.
      documents: The corpus.
      searcher: Over embeddings of the corpus. Its owner closes it.
      search_embedder: Made these embeddings; default: `embedder`.
      config: Lengths, and how many documents are read.

    Raises:
      ValueError: The documents are of another vocabulary.
    """
    if documents.vocab_fingerprint != tokenizer.fingerprint:
      raise ValueError(
        f'{documents.directory} was built with another vocabulary'
        f' (fingerprint {documents.vocab_fingerprint}) than the embedder'
        f" ({tokenizer.fingerprint}): build the corpus with the embedder's"
        ' (bin/build_corpus --vocab_file=EMBEDDER/assets/vocab.txt)'
      )
    self.tokenizer = tokenizer
    self.documents = documents
    config = config or FeaturizationConfig()
    # Neither may be given more wordpieces than it has positions for.
    self._positions = reader.bert_config.max_positions
    limit = embedder.bert_config.max_positions
    self.config = dataclasses.replace(
      config,
      query_seq_len=min(config.query_seq_len, limit, self._positions - 3),
      candidate_seq_len=min(config.candidate_seq_len, limit),
    )
    self._searcher = searcher
    model = RealmModel(
      Retriever(embedder, num_candidates=self.config.num_candidates), reader
    )
    self._fill = tf.function(
      lambda features, top: model.fill_blanks(features, top),
      input_signature=[
        _features_spec(min(self.config.num_candidates, len(documents) + 1)),
        tf.TensorSpec([], tf.int32),
      ],
      autograph=False,
    )
    self._embed = tf.function(
      (search_embedder or embedder).embed_queries,
      input_signature=embed_corpus.embed_signature(),
      autograph=False,
    )

  @classmethod
  def load(
    cls,
    export_dir: str | os.PathLike,
    corpus_dir: str | os.PathLike,
    index_path: str | os.PathLike,
    *,
    config: FeaturizationConfig | None = None,
  ) -> 'BlankFiller':
    """Loads what a pre-training exported, and an index of the corpus.

    Raises:
      FileNotFoundError: One of them is not there.
      ValueError: Corpus, index, embedder and reader are not of one corpus and
        one vocabulary; the message names both fingerprints.
    """
    embedder_dir = os.path.join(export_dir, 'embedder')
    bert_dir = os.path.join(export_dir, 'bert')
    tokenizer = hub_modules.load_tokenizer(embedder_dir)
    check_same_vocabulary(
      tokenizer, hub_modules.load_tokenizer(bert_dir), bert_dir
    )
    documents = Corpus.open(corpus_dir)
    index = versions.Index.open(index_path, documents)
    search_embedder = None
    if index.embedder_dir is not None:
      search_embedder = hub_modules.load_embedder(index.embedder_dir)
    return cls(
      hub_modules.load_embedder(embedder_dir),
      hub_modules.load_reader(bert_dir),
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
      max_length=self.config.query_seq_len,
    )
    rows, scores = self._searcher.search(self._embed(query), k)
    return np.asarray(rows, np.int64), np.asarray(scores, np.float32)

  def _masked(self, query_ids: tf.RaggedTensor) -> Mapping[str, tf.Tensor]:
    """What featurization asks of a batch; every [MASK] is a blank."""
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

  def _for_queries(
    self, query_ids: tf.RaggedTensor, num_candidates: int
  ) -> FeaturizationConfig:
    """Cuts documents where sentence and document are too long together."""
    longest = int(query_ids.bounding_shape(1)) + 2
    return dataclasses.replace(
      self.config,
      num_candidates=num_candidates,
      candidate_seq_len=min(
        # They share a [SEP].
        self.config.candidate_seq_len,
        self._positions - longest + 1,
      ),
    )

  def fill(self, query_ids: tf.RaggedTensor, top: int = 5) -> Filling:
    """Fills every [MASK] of a batch of sentences.

    Args:
      query_ids: int32 [batch, (tokens)], of
        `answering.queries.tokenize_with_blanks`; each with at least one [MASK]
        within the length of a query.
      top: How many wordpieces for each blank.

    Raises:
      ValueError: A sentence has no [MASK].
    """
    query_ids = query_ids[:, : self.config.query_seq_len - 2]
    masked = self._masked(query_ids)
    lengths = tf.reduce_sum(masked['mlm_mask'], 1).numpy().astype(int)
    if not lengths.size or not lengths.all():
      raise ValueError(
        f'each sentence needs a [MASK] within its first'
        f' {self.config.query_seq_len - 2} wordpieces'
      )
    found, _ = self.retrieve(query_ids, self.config.num_candidates - 1)
    # A small corpus has fewer: the null document counts once all the same.
    rows = np.pad(found, [(0, 0), (1, 0)], constant_values=NULL_DOCUMENT)
    title_ids, body_ids = self.documents.gather(rows.reshape(-1))
    features = featurization.featurize(
      masked,
      title_ids,
      body_ids,
      special=self.tokenizer.special,
      config=self._for_queries(query_ids, rows.shape[1]),
    )
    top = min(top, self.tokenizer.vocab_size)
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
      by_document_filled_probs=out['document_filled_probs'],
    )
