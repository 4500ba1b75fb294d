# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds candidate documents in a stale index; scores them afresh."""

import functools
import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from realm_tf.corpus.corpus import Corpus
from realm_tf.index.slot import IndexSlot
from realm_tf.modeling import encoding
from realm_tf.modeling.embedder import Embedder
from realm_tf.text import overlap

NULL_DOCUMENT = -1
# Candidates of a batch differ in length, and the null documents are short.
NUM_GROUPS = 8
# Sentences of a batch that is searched for.
NUM_QUERY_GROUPS = 4
_SPARE = 2  # Candidates beyond those wanted: the own document may be there.
# Where these are trivial, more are asked for, up to so many: a short sentence
# may stand in very many documents. And so many bodies are looked into at once.
_MOST_ASKED = 1000
_BODIES_AT_ONCE = 20_000
# What is known of a sentence when trivial documents are looked for.
_SENTENCE = ('sentence_ids', 'doc_uid')
_NEVER = -1e9  # The score of what is no candidate.


class IndexVersion:
  """An index and the query embedder whose space its vectors are in.

  Attributes:
    index: Of `realm_tf.index.versions`: `searcher`, `metadata`, `close()`.
    embed_queries: Takes BERT inputs `[batch, length]`, returns float32
      `[batch, dim]`.
  """

  def __init__(
    self,
    index: Any,
    embed_queries: Callable[[encoding.Inputs], Any],
    on_close: Callable[[], None] = lambda: None,
  ):
    """Joins the two.

    Args:
      index: See above.
      embed_queries: See above.
      on_close: Called after the index was closed.
    """
    self.index = index
    self.embed_queries = embed_queries
    self._on_close = on_close

  @property
  def metadata(self) -> Any:
    """The index's: step, built_at and so on."""
    return self.index.metadata

  def search(
    self, query_inputs: encoding.Inputs, k: int
  ) -> tuple[np.ndarray, np.ndarray]:
    """Rows int64 `[batch, k]` and scores `[batch, k]`, best first."""
    queries = self.embed_queries(query_inputs)
    rows, scores = self.index.searcher.search(queries, k)
    return np.asarray(rows, np.int64), np.asarray(scores, np.float32)

  def close(self) -> None:
    """Frees the index, and lends the query embedder to the next version."""
    self.index.close()
    self._on_close()


class QueryEmbedders:
  """Query embedders of index versions, each traced once and used again.

  While an index is swapped two versions are in use, and so two embedders;
  after that they take turns.
  """

  def __init__(self, make: Callable[[], Embedder]):
    """Makes no embedder yet.

    Args:
      make: Returns a new embedder; its weights do not matter.
    """
    self._make = make
    self._idle: list[tuple[Embedder, Callable[..., Any]]] = []
    self._lock = threading.Lock()
    self.made = 0

  def _take(self) -> tuple[Embedder, Callable[..., Any]]:
    with self._lock:
      if self._idle:
        return self._idle.pop()
      self.made += 1
    embedder = self._make()
    spec = {
      key: tf.TensorSpec([None, None], tf.int32)
      for key in ('input_word_ids', 'input_mask', 'input_type_ids')
    }
    embed = tf.function(
      functools.partial(embedder.embed_queries, num_groups=NUM_QUERY_GROUPS),
      input_signature=[spec],
      autograph=False,
    )
    embed.get_concrete_function()
    return embedder, embed

  def _give_back(self, pair: tuple[Embedder, Callable[..., Any]]) -> None:
    with self._lock:
      self._idle.append(pair)

  def version(
    self, index: Any, read_weights: Callable[[Embedder], None]
  ) -> IndexVersion:
    """Joins an index with an embedder of its own.

    Args:
      index: Of `realm_tf.index.versions`.
      read_weights: Sets the embedder's weights to those the index was made
        with.
    """
    pair = self._take()
    try:
      read_weights(pair[0])
    except BaseException:
      self._give_back(pair)
      raise
    return IndexVersion(index, pair[1], lambda: self._give_back(pair))


def keep_first(
  rows: np.ndarray, unwanted: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
  """The first k wanted entries of each row, in order.

  Args:
    rows: `[batch, n]`.
    unwanted: bool `[batch, n]`.
    k: How many to keep; not more than n.

  Returns:
    int64 `[batch, k]`, -1 where a row has fewer, and how many each row has.
  """
  order = np.argsort(unwanted, axis=1, kind='stable')[:, :k]
  kept = np.take_along_axis(rows, order, axis=1).astype(np.int64)
  out = np.take_along_axis(unwanted, order, axis=1)
  kept[out] = NULL_DOCUMENT
  return kept, np.sum(~out, axis=1)


def _repeats_first(inputs: encoding.Inputs) -> tf.Tensor:
  """Which candidates are the first one again, bool `[batch, candidates]`.

  The null document stands first and fills up rows with too few candidates:
  were it to count each time, p(null | x) would be a multiple of what it is.
  """
  ids = inputs['input_word_ids']
  equal = tf.reduce_all(ids == ids[:, :1], -1)
  return equal & (tf.range(tf.shape(ids)[1]) > 0)


class Retriever(keras.layers.Layer):
  """Finds candidates with stale parameters, scores them with fresh ones.

  `retrieve` runs on the host, once for each batch: it embeds the queries as
  the index's own encoder does, searches, prohibits trivial retrievals and puts
  the null document first. `call` runs in the train step: it embeds queries and
  candidates with the parameters of now, and gradients reach both sides.

  Attributes:
    embedder: The fresh embedder, which is trained.
    num_candidates: Corpus a query, with the null document.
    oversample: How many of them `retrieve` gives, of which the model keeps
      the best; never fewer than `num_candidates`.
  """

  def __init__(
    self,
    embedder: Embedder,
    documents: Corpus | None = None,
    slot: IndexSlot | None = None,
    *,
    num_candidates: int = 8,
    oversample: int = 0,
    name: str = 'retriever',
  ):
    """Makes a retriever.

    Args:
      embedder: The fresh embedder.
      documents: The corpus that is searched. None for `call` only.
      slot: Holds the `IndexVersion` in use. None for `call` only.
      num_candidates: Corpus a query, with the null document.
      oversample: Take that many from the index, null document included, for
        the fresh encoder to choose from; 0 takes `num_candidates`.
      name: Of the layer.
    """
    super().__init__(name=name, dtype=tf.float32)
    if num_candidates < 2:
      raise ValueError(
        'num_candidates must be at least 2: the null document and one other.'
        f' Received: {num_candidates}'
      )
    if oversample and oversample < num_candidates:
      raise ValueError(
        'oversample must be 0 or at least num_candidates. Received:'
        f' oversample={oversample}, num_candidates={num_candidates}'
      )
    self.embedder = embedder
    self.num_candidates = num_candidates
    self.oversample = oversample or num_candidates
    # In a tuple Keras does not take them for weights to be saved.
    self._corpus = (documents, slot)
    self.built = True

  def is_trivial(
    self, masked: Mapping[str, Any], rows: np.ndarray
  ) -> np.ndarray:
    """Which documents would tell a query its own answer, bool `[batch, n]`.

    These are the document that the sentence is from, by uid, and every other
    one that holds the sentence.

    Args:
      masked: A batch of `spans.pretraining_examples.masked_queries`.
      rows: int `[batch, n]` of documents.
    """
    documents, _ = self._corpus
    if documents is None:
      raise ValueError('this retriever was made without documents')
    uids = np.asarray(masked['doc_uid'])[:, None]
    own = np.asarray(documents.uids[rows]) == uids
    _, body_ids = documents.gather(rows.reshape(-1))
    holds = overlap.contains_sentence(masked['sentence_ids'], body_ids)
    return own | np.reshape(holds, rows.shape)

  def retrieve(
    self,
    masked: Mapping[str, Any],
    query_inputs: encoding.Inputs,
    version: IndexVersion | None = None,
  ) -> np.ndarray:
    """Finds candidates for a batch of masked sentences.

    Args:
      masked: A batch of `spans.pretraining_examples.masked_queries`.
      query_inputs: The same, packed; int32 `[batch, length]`.
      version: What to search; None takes what is in the slot.

    Returns:
      Rows of documents, int64 `[batch, oversample]`, the best first; before
      them the null document, which is row -1. It also fills up where too few
      of the nearest documents are not trivial; there it does not count.
    """
    documents, slot = self._corpus
    if documents is None or slot is None:
      raise ValueError('this retriever was made without documents and slot')
    if version is None:
      with slot.acquire() as version:
        return self.retrieve(masked, query_inputs, version)
    wanted = self.oversample - 1
    ask = min(wanted + _SPARE, len(documents))
    most = min(max(ask, _MOST_ASKED), len(documents))
    kept, counts = self._find(masked, query_inputs, version, ask)
    while ask < most and counts.min() < wanted:
      ask = min(4 * ask, most)
      short = np.flatnonzero(counts < wanted)
      step = max(1, _BODIES_AT_ONCE // ask)
      for i in range(0, len(short), step):
        rows = short[i : i + step]
        kept[rows], counts[rows] = self._find(
          {key: tf.gather(masked[key], rows) for key in _SENTENCE},
          {key: tf.gather(value, rows) for key, value in query_inputs.items()},
          version,
          ask,
        )
    return np.pad(kept, [(0, 0), (1, 0)], constant_values=NULL_DOCUMENT)

  def _find(
    self,
    masked: Mapping[str, Any],
    query_inputs: encoding.Inputs,
    version: IndexVersion,
    ask: int,
  ) -> tuple[np.ndarray, np.ndarray]:
    """The best documents that are not trivial, of `ask`, and how many."""
    wanted = self.oversample - 1
    rows, _ = version.search(query_inputs, ask)
    unwanted = (rows < 0) | self.is_trivial(masked, np.maximum(rows, 0))
    if rows.shape[1] < wanted:
      pad = [(0, 0), (0, wanted - rows.shape[1])]
      rows = np.pad(rows, pad)
      unwanted = np.pad(unwanted, pad, constant_values=True)
    return keep_first(rows, unwanted, wanted)

  def best(
    self, query_inputs: encoding.Inputs, candidate_inputs: encoding.Inputs
  ) -> tf.Tensor:
    """Which `num_candidates` of more the fresh encoder prefers.

    The null document stays first. No gradient goes through the choice.

    Args:
      query_inputs: BERT inputs, int32 `[batch, length]`.
      candidate_inputs: BERT inputs, int32 `[batch, more, length]`.

    Returns:
      int32 `[batch, num_candidates]`.
    """
    queries = self.embedder.embed_queries(query_inputs)
    others = {key: value[:, 1:] for key, value in candidate_inputs.items()}
    embedded = self.embedder.embed_documents(others, num_groups=NUM_GROUPS)
    scores = tf.stop_gradient(self.score(queries, embedded))
    repeated = _repeats_first(candidate_inputs)[:, 1:]
    scores = tf.where(repeated, _NEVER, scores)
    chosen = tf.math.top_k(scores, self.num_candidates - 1).indices + 1
    return tf.pad(chosen, [[0, 0], [1, 0]])

  def score(self, queries: tf.Tensor, candidates: tf.Tensor) -> tf.Tensor:
    """Inner products f(x, z), float32 `[batch, candidates]`."""
    return tf.einsum('bd,bnd->bn', queries, candidates)

  def call(
    self,
    query_inputs: encoding.Inputs,
    candidate_inputs: encoding.Inputs,
    training: bool = False,
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Scores candidates with the parameters of now.

    A candidate that is the first one again has no probability, so the null
    document counts once, however often it fills up.

    Args:
      query_inputs: BERT inputs, int32 `[batch, length]`.
      candidate_inputs: BERT inputs, int32 `[batch, candidates, length]`.
      training: Whether to drop out.

    Returns:
      Scores f(x, z), very low where the first is repeated, and log p(z | x);
      each float32 `[batch, candidates]`.
    """
    scores = self.score(
      self.embedder.embed_queries(query_inputs, training),
      self.embedder.embed_documents(candidate_inputs, training, NUM_GROUPS),
    )
    scores = tf.where(_repeats_first(candidate_inputs), _NEVER, scores)
    return scores, tf.nn.log_softmax(scores)
