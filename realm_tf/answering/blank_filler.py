# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Fills blanks with trained weights: retrieve, read, marginalize."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf.answering import blanks
from realm_tf.answering.document_searcher import describe_documents
from realm_tf.configs.masking_config import FeaturizationConfig
from realm_tf.configs.retrieval_config import RetrievalConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.hub import hub_modules
from realm_tf.index import embed_corpus
from realm_tf.index.candidates import NULL_DOCUMENT, query_texts
from realm_tf.index.index import Index
from realm_tf.index.lexical import LexicalIndex
from realm_tf.index.searcher import Searcher
from realm_tf.io import compatibility
from realm_tf.modeling import featurization
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.hybrid_scorer import HybridScorer
from realm_tf.modeling.reader import KnowledgeAugmentedReader
from realm_tf.modeling.realm_model import RealmModel
from realm_tf.modeling.retriever import Retriever
from realm_tf.text import packing
from realm_tf.text.tokenizer import BertTokenizer
from realm_tf.training import run_directory


@dataclasses.dataclass(frozen=True)
class Filling:
  """What is known about the blanks of a batch.

  Attributes:
    rows: Documents read, int64 [batch, k]; the first is the null document, -1.
    candidate_probs: p(z | x), float32 [batch, k].
    lengths: Number of blanks of each sentence, int [batch].
    ids, probs: Likeliest wordpieces of each blank by p(y_j | x), int32 and
      float32 [batch, blanks, top].
    closed_book_ids, closed_book_probs: Likeliest by p(y_j | null, x).
    document_ids, document_probs: Likeliest by p(y_j | z, x), [batch, k,
      blanks, top].
    document_filled_probs: p(y_j | z, x) of the likeliest wordpiece by
      p(y_j | x), float32 [batch, k, blanks].
  """

  rows: np.ndarray
  candidate_probs: np.ndarray
  lengths: np.ndarray
  ids: np.ndarray
  probs: np.ndarray
  closed_book_ids: np.ndarray
  closed_book_probs: np.ndarray
  document_ids: np.ndarray
  document_probs: np.ndarray
  document_filled_probs: np.ndarray


def _inputs_spec(*leading: int) -> dict[str, tf.TensorSpec]:
  """Specs of BERT inputs `[batch, *leading, length]`."""
  return {
    name: tf.TensorSpec([None, *leading, None], tf.int32)
    for name in ('input_word_ids', 'input_mask', 'input_type_ids')
  }


def _features_spec(num_candidates: int, with_words: bool) -> dict[str, Any]:
  """Specs of what `featurize` returns, and of BM25."""
  bm25 = tf.TensorSpec([None, num_candidates], tf.float32)
  return {
    **({'candidate_bm25': bm25} if with_words else {}),
    'query': _inputs_spec(),
    'candidates': _inputs_spec(num_candidates),
    'joint': _inputs_spec(num_candidates),
    'mlm_positions': tf.TensorSpec([None, None], tf.int32),
    'mlm_targets': tf.TensorSpec([None, None], tf.int32),
    'mlm_mask': tf.TensorSpec([None, None], tf.float32),
  }


class BlankFiller:
  """Retrieves documents for sentences with [MASK], and fills the masks.

  Example:
    filler = BlankFiller.open('out/realm', 'out/corpus')
    filler.to_records(['The capital of Peru is [MASK].'])[0]['prediction']

  Attributes:
    tokenizer: Tokenizer of the models and the corpus.
    corpus: Corpus that is searched.
    config: Lengths, within what the models can read.
  """

  def __init__(
    self,
    embedder: Embedder,
    reader: KnowledgeAugmentedReader,
    tokenizer: BertTokenizer,
    corpus: Corpus,
    index: Index | Searcher,
    *,
    search_embedder: Embedder | None = None,
    config: FeaturizationConfig | None = None,
  ):
    """Puts the parts together.

    Args:
      embedder: Embedder that gives p(z | x).
      reader: Reader that gives p(y | z, x).
      tokenizer: Tokenizer of both, and of the corpus.
      corpus: Corpus.
      index: Index of the corpus, or a searcher over embeddings of it; `close`
        closes it.
      search_embedder: Embedder of the index. Defaults to `embedder`.
      config: Lengths, and number of documents read.

    Raises:
      MismatchError: The corpus is of another vocabulary.
    """
    compatibility.check(
      compatibility.Part('the model', vocabulary=tokenizer.fingerprint),
      corpus.part,
    )
    self.tokenizer = tokenizer
    self.corpus = corpus
    config = config or FeaturizationConfig()
    # Neither model has positions for more wordpieces.
    self._positions = reader.bert_config.max_positions
    limit = embedder.bert_config.max_positions
    self.config = dataclasses.replace(
      config,
      query_seq_len=min(config.query_seq_len, limit, self._positions - 3),
      candidate_seq_len=min(config.candidate_seq_len, limit),
    )
    self._index = index
    # With words, p(z | x) has them, too.
    self._words: LexicalIndex | None = None
    hybrid = None
    if isinstance(index, Index):
      hybrid = HybridScorer.of(index.retrieval)
      self._words = hybrid and index.lexical
    model = RealmModel(
      Retriever(
        embedder, num_candidates=self.config.num_candidates, hybrid=hybrid
      ),
      reader,
    )
    self._fill = tf.function(
      model.fill_blanks,
      input_signature=[
        _features_spec(
          min(self.config.num_candidates, len(corpus) + 1),
          with_words=hybrid is not None,
        ),
        tf.TensorSpec([], tf.int32),
      ],
      autograph=False,
    )
    self._embed = embed_corpus.traced(
      (search_embedder or embedder).embed_queries
    )

  @classmethod
  def open(
    cls,
    model_dir: str | os.PathLike,
    corpus: Corpus | str | os.PathLike,
    index: Index | str | os.PathLike | None = None,
    *,
    num_documents: int | None = None,
    config: FeaturizationConfig | None = None,
  ) -> 'BlankFiller':
    """Opens a pre-trained model, a corpus and its index.

    Args:
      model_dir: Directory of a pre-training, of which the newest export is
        taken; or one export.
      corpus: Corpus, or its directory.
      index: Its index, of which the filler takes ownership; or a version, or a
        directory of versions, of which the newest is taken. Defaults to those
        of the pre-training.
      num_documents: Number of documents to read. Defaults to that of `config`.
      config: Lengths and numbers. Defaults to those of the pre-training.

    Raises:
      FileNotFoundError: One of them is not there.
      MismatchError: They do not belong together; the message says which do not
        and what to do.
    """
    export_dir = run_directory.find_export(model_dir, best=False)
    embedder_dir = os.path.join(export_dir, 'embedder')
    bert_dir = os.path.join(export_dir, 'bert')
    tokenizer = hub_modules.load_tokenizer(embedder_dir)
    compatibility.check(
      hub_modules.module_part(embedder_dir), hub_modules.module_part(bert_dir)
    )
    if not isinstance(corpus, Corpus):
      corpus = Corpus.open(corpus)
    if not isinstance(index, Index):
      index = index or os.path.join(model_dir, 'index')
      trained = RetrievalConfig().filled(hub_modules.read_info(embedder_dir))
      index = Index.open(index, corpus, retrieval=trained)
    try:
      config = config or hub_modules.trained_lengths(embedder_dir)
      if num_documents is not None:
        config = dataclasses.replace(config, num_candidates=num_documents + 1)
      search_embedder = None
      if index.embedder_dir is not None:
        search_embedder = hub_modules.load_embedder(index.embedder_dir)
      return cls(
        hub_modules.load_embedder(embedder_dir),
        hub_modules.load_reader(bert_dir),
        tokenizer,
        corpus,
        index,
        search_embedder=search_embedder,
        config=config,
      )
    except BaseException:
      index.close()
      raise

  def close(self) -> None:
    """Frees the index."""
    self._index.close()

  def retrieve(
    self, query_ids: tf.RaggedTensor, k: int
  ) -> tuple[np.ndarray, np.ndarray]:
    """Finds documents.

    Args:
      query_ids: int32 [batch, (tokens)].
      k: Number of documents per query.

    Returns:
      Rows int64 and scores float32, [batch, min(k, documents)], best first.
    """
    query = packing.pack_query(
      query_ids,
      special=self.tokenizer.special,
      max_length=self.config.query_seq_len,
    )
    if isinstance(self._index, Index):
      rows, scores = self._index.find(
        query_texts(query_ids, self.tokenizer), lambda: self._embed(query), k
      )
    else:
      rows, scores = self._index.search(self._embed(query), k)
    return np.asarray(rows, np.int64), np.asarray(scores, np.float32)

  def _masked(self, query_ids: tf.RaggedTensor) -> Mapping[str, tf.Tensor]:
    """Makes the input of featurization; every [MASK] is a blank."""
    is_blank = tf.equal(query_ids.values, self.tokenizer.mask_id)
    positions = tf.range(tf.size(is_blank)) - tf.cast(
      tf.gather(query_ids.row_starts(), query_ids.value_rowids()), tf.int32
    )
    positions = tf.ragged.boolean_mask(
      query_ids.with_values(positions + 1), query_ids.with_values(is_blank)
    )
    dense = positions.to_tensor()  # [batch, blanks]
    return {
      'query_ids': query_ids,
      'mlm_positions': dense,
      'mlm_targets': tf.zeros_like(dense),
      'mlm_mask': tf.sequence_mask(positions.row_lengths(), dtype=tf.float32),
    }

  def fill(self, query_ids: tf.RaggedTensor, top: int = 5) -> Filling:
    """Fills every [MASK] of a batch of sentences.

    Args:
      query_ids: Wordpieces of `blanks.tokenize_with_blanks`, int32
        [batch, (tokens)], with a [MASK] within the length of a query.
      top: Number of wordpieces for each blank.

    Raises:
      ValueError: A sentence has no [MASK].
    """
    room = self.config.query_seq_len - 2
    query_ids = query_ids[:, :room]
    masked = self._masked(query_ids)
    lengths = tf.reduce_sum(masked['mlm_mask'], 1).numpy().astype(int)
    if not lengths.size or not lengths.all():
      raise ValueError(
        f'each sentence needs a [MASK] within its first {room} wordpieces'
      )
    # A small corpus has fewer: the null document counts once all the same.
    rows, _ = self.retrieve(query_ids, self.config.num_candidates - 1)
    rows = np.pad(rows, [(0, 0), (1, 0)], constant_values=NULL_DOCUMENT)
    longest = int(query_ids.bounding_shape(1)) + 2
    features = featurization.featurize(
      masked,
      *self.corpus.gather(rows.reshape(-1)),
      special=self.tokenizer.special,
      config=dataclasses.replace(
        self.config,
        num_candidates=rows.shape[1],
        # Documents are cut so that the reader has positions for them with the
        # sentence; the two share a [SEP].
        candidate_seq_len=min(
          self.config.candidate_seq_len, self._positions - longest + 1
        ),
      ),
    )
    if self._words is not None:
      texts = query_texts(query_ids, self.tokenizer)
      features['candidate_bm25'] = self._words.score(texts, rows)
    top = min(top, self.tokenizer.vocab_size)
    found = self._fill(features, top)
    out = {name: value.numpy() for name, value in found.items()}
    del out['candidates']  # All are given, in this order.
    return Filling(rows=rows, lengths=lengths, **out)

  def to_records(
    self, texts: Sequence[str], *, top: int = 3
  ) -> list[dict[str, Any]]:
    """Fills sentences with [MASK], and finds documents for others.

    Args:
      texts: Sentences.
      top: Number of wordpieces for each blank.

    Returns:
      A JSON object per text. Each has `question`, the text, and `documents`,
      best first, with `title`, `evidence`, `document_id` and `document_url`
      (empty if not known), `block_id` (-1 for the null document) and `score`:
      p(z | x) where blanks were filled, else the inner product in the index.
      Where blanks were filled, `blanks` has the likeliest wordpieces of each as
      `[wordpiece, probability]`, also in each of the documents, and
      `prediction` is the text that fills the blanks. A text whose [MASK] is not
      read has `error` instead.
    """
    records = []
    for text in texts:
      ids = blanks.tokenize_with_blanks(self.tokenizer, [text])
      try:
        its = self._fill_one(ids, top) if blanks.BLANK in text else None
      except ValueError as e:
        its = {'prediction': '', 'error': str(e)}
      if its is None:
        rows, scores = self.retrieve(ids, self.config.num_candidates - 1)
        documents = describe_documents(self.corpus, rows[0], scores[0])
        its = {'documents': documents}
      records.append({'question': text, **its})
    return records

  def _fill_one(self, ids: tf.RaggedTensor, top: int) -> dict[str, Any]:
    filling = self.fill(ids, top)

    def choices(ids: np.ndarray, probs: np.ndarray) -> list[list[list[Any]]]:
      return [
        [[w, p] for w, p in zip(self.tokenizer.tokens(i), its.tolist())]
        for i, its in zip(ids, probs)
      ][: filling.lengths[0]]

    documents = describe_documents(
      self.corpus, filling.rows[0], filling.candidate_probs[0]
    )
    for i, document in enumerate(documents):
      document['blanks'] = choices(
        filling.document_ids[0, i], filling.document_probs[0, i]
      )
    best = filling.ids[0, : filling.lengths[0], 0]
    return {
      'prediction': self.tokenizer.detokenize([best])[0],
      'blanks': choices(filling.ids[0], filling.probs[0]),
      'documents': sorted(documents, key=lambda d: -d['score']),
    }
