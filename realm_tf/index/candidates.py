# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds candidate documents of queries in an index, on the host."""

import functools
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from realm_tf.corpus.corpus import Corpus
from realm_tf.index import embed_corpus
from realm_tf.index.slot import IndexSlot
from realm_tf.text import overlap
from realm_tf.text.tokenizer import BertTokenizer

NULL_DOCUMENT = -1
_Inputs = Mapping[str, tf.Tensor]
_NUM_QUERY_GROUPS = 4
_SPARE = 2  # Extra candidates, since the query's own document may be found.
# Where these are trivial, more are requested, up to this number: a short
# sentence may occur in very many documents.
_MOST_ASKED = 1000
_BODIES_AT_ONCE = 20_000
# The features of a query that tell which documents are trivial.
_SENTENCE = ('sentence_ids', 'doc_uid')
TEXTS = 'texts'  # The queries as strings, if words are searched.


def query_texts(
  query_ids: tf.RaggedTensor, tokenizer: BertTokenizer
) -> tf.Tensor:
  """Returns sentences as strings `[batch]`, without their masks.

  Args:
    query_ids: Their wordpieces, int32 `[batch, (tokens)]`.
    tokenizer: Tokenizer of the wordpieces.
  """
  (mask,) = tokenizer.tokens([tokenizer.mask_id])
  texts = tokenizer.detokenize(query_ids)
  return tf.constant([text.replace(mask, ' ') for text in texts], tf.string)


class QueryEmbedder(Protocol):
  """A layer that embeds queries: `modeling.embedder.Embedder`."""

  def embed_queries(
    self, inputs: _Inputs, training: bool = False, num_groups: int = 1
  ) -> tf.Tensor:
    """Embeds BERT inputs `[batch, length]` as float32 `[batch, dim]`."""
    ...


class IndexVersion:
  """An index together with the query embedder that it was built for.

  Attributes:
    index: A `realm_tf.index.index.Index`.
    embed_queries: Maps BERT inputs `[batch, length]` to float32
      `[batch, dim]`.
  """

  def __init__(
    self,
    index: Any,
    embed_queries: Callable[[_Inputs], Any],
    on_close: Callable[[], None] = lambda: None,
  ):
    self.index = index
    self.embed_queries = embed_queries
    self._on_close = on_close

  @property
  def metadata(self) -> Any:
    """Metadata of the index."""
    return self.index.metadata

  @property
  def needs_words(self) -> bool:
    """Whether a search needs the text of the queries."""
    return self.index.retrieval.needs_words

  def search(
    self, query_inputs: _Inputs, k: int, texts: Any = ()
  ) -> tuple[np.ndarray, np.ndarray]:
    """Rows int64 `[batch, k]` and scores `[batch, k]`, best first.

    Args:
      query_inputs: BERT inputs `[batch, length]`.
      k: Number of rows per query.
      texts: The queries as strings `[batch]`, if they are needed.
    """
    rows, scores = self.index.find(
      tf.constant(texts, tf.string),
      lambda: self.embed_queries(query_inputs),
      k,
    )
    return np.asarray(rows, np.int64), np.asarray(scores, np.float32)

  def close(self) -> None:
    """Frees the index, and returns the query embedder for reuse."""
    self.index.close()
    self._on_close()


class QueryEmbedders:
  """Query embedders of index versions, each traced once and then reused.

  While an index is swapped, two versions and so two embedders are in use.
  """

  def __init__(self, make: Callable[[], Any]):
    """Makes no embedder yet.

    Args:
      make: Returns a new `QueryEmbedder`; its weights do not matter.
    """
    self._make = make
    self._idle: list[tuple[Any, Callable[..., Any]]] = []
    self._lock = threading.Lock()
    self.made = 0

  def _take(self) -> tuple[Any, Callable[..., Any]]:
    with self._lock:
      if self._idle:
        return self._idle.pop()
      self.made += 1
    embedder: QueryEmbedder = self._make()
    embed: Any = embed_corpus.traced(
      functools.partial(embedder.embed_queries, num_groups=_NUM_QUERY_GROUPS)
    )
    embed.get_concrete_function()
    return embedder, embed

  def _give_back(self, pair: tuple[Any, Callable[..., Any]]) -> None:
    with self._lock:
      self._idle.append(pair)

  def version(
    self, index: Any, read_weights: Callable[[Any], None]
  ) -> IndexVersion:
    """Pairs an index with an embedder.

    Args:
      index: A `realm_tf.index.index.Index`.
      read_weights: Sets the embedder's weights to those that the index was
        built with.
    """
    pair = self._take()
    try:
      read_weights(pair[0])
    except BaseException:
      self._give_back(pair)
      raise
    return IndexVersion(index, pair[1], lambda: self._give_back(pair))


def _keep_first(
  rows: np.ndarray, unwanted: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
  """The first k wanted entries `[batch, k]` of each row, and their number."""
  order = np.argsort(unwanted, axis=1, kind='stable')[:, :k]
  kept = np.take_along_axis(rows, order, axis=1).astype(np.int64)
  out = np.take_along_axis(unwanted, order, axis=1)
  kept[out] = NULL_DOCUMENT
  return kept, np.sum(~out, axis=1)


class CandidateFinder:
  """Retrieves candidates from a possibly stale index.

  It embeds queries with the index's own encoder, searches, drops documents that
  give the answer away, and puts the null document first.
  `modeling.retriever.Retriever` then scores the candidates with the current
  embedder.

  Attributes:
    documents: The corpus that is searched.
    slot: Holds the `IndexVersion` in use.
    num_candidates: Documents per query, including the null document.
  """

  def __init__(
    self,
    documents: Corpus,
    slot: IndexSlot,
    *,
    num_candidates: int = 8,
    oversample: int = 0,
  ):
    """Makes a finder.

    Args:
      documents: The corpus.
      slot: Holds the `IndexVersion` in use.
      num_candidates: Documents that the model reads, including the null
        document.
      oversample: Documents to find for the model to choose from, at least
        `num_candidates`. Defaults to 0, which finds just `num_candidates`.
    """
    if oversample and oversample < num_candidates:
      raise ValueError(
        '`oversample` must be 0 or at least `num_candidates`. Received:'
        f' oversample={oversample}, num_candidates={num_candidates}'
      )
    self.documents = documents
    self.slot = slot
    self.num_candidates = oversample or num_candidates

  def is_trivial(
    self, masked: Mapping[str, Any], rows: np.ndarray
  ) -> np.ndarray:
    """Which documents give the answer away, bool `[batch, n]`.

    These are the document that the sentence is from, by uid, and every other
    one that contains the sentence.

    Args:
      masked: A batch of `spans.pretraining_examples.masked_queries`.
      rows: Documents, int `[batch, n]`.
    """
    uids = np.asarray(masked['doc_uid'])[:, None]
    own = np.asarray(self.documents.uids[rows]) == uids
    _, body_ids = self.documents.gather(rows.reshape(-1))
    holds = overlap.contains_sentence(masked['sentence_ids'], body_ids)
    return own | np.reshape(holds, rows.shape)

  def find(
    self,
    masked: Mapping[str, Any],
    query_inputs: _Inputs,
    version: IndexVersion | None = None,
  ) -> np.ndarray:
    """Finds candidates for a batch of masked sentences.

    Args:
      masked: A batch of `spans.pretraining_examples.masked_queries`, with
        `TEXTS` if the index needs them.
      query_inputs: Packed batch, int32 `[batch, length]`.
      version: Index to search. Defaults to the one in the slot.

    Returns:
      Rows of documents, int64 `[batch, num_candidates]`: first the null
      document, -1, then the others, best first. Rows with too few candidates
      that are not trivial are padded with the null document.
    """
    if version is None:
      with self.slot.acquire() as version:
        return self.find(masked, query_inputs, version)
    wanted = self.num_candidates - 1
    ask = min(wanted + _SPARE, len(self.documents))
    most = min(max(ask, _MOST_ASKED), len(self.documents))
    kept, counts = self._search(masked, query_inputs, version, ask)
    while ask < most and counts.min() < wanted:
      ask = min(4 * ask, most)
      short = np.flatnonzero(counts < wanted)
      step = max(1, _BODIES_AT_ONCE // ask)
      for i in range(0, len(short), step):
        rows = short[i : i + step]
        kept[rows], counts[rows] = self._search(
          {
            key: tf.gather(masked[key], rows)
            for key in (*_SENTENCE, TEXTS)
            if key in masked
          },
          {key: tf.gather(value, rows) for key, value in query_inputs.items()},
          version,
          ask,
        )
    return np.pad(kept, [(0, 0), (1, 0)], constant_values=NULL_DOCUMENT)

  def _search(
    self,
    masked: Mapping[str, Any],
    query_inputs: _Inputs,
    version: IndexVersion,
    ask: int,
  ) -> tuple[np.ndarray, np.ndarray]:
    """The best of `ask` documents that are not trivial, and their number."""
    wanted = self.num_candidates - 1
    rows, _ = version.search(query_inputs, ask, masked.get(TEXTS, ()))
    unwanted = (rows < 0) | self.is_trivial(masked, np.maximum(rows, 0))
    if rows.shape[1] < wanted:
      pad = [(0, 0), (0, wanted - rows.shape[1])]
      rows = np.pad(rows, pad)
      unwanted = np.pad(unwanted, pad, constant_values=True)
    return _keep_first(rows, unwanted, wanted)
