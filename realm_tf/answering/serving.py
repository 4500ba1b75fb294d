# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""One SavedModel that answers questions: strings in, strings out.

It is loaded without this package:

    import scann, tensorflow as tf, tensorflow_text
    model = tf.saved_model.load('serving')
    model.answer(tf.constant(['who was born in ulm?']))['answer']

(`scann` only if the index was built with it.) Each function is also there as a
signature:

    answer(question)       reads `reader_beam` blocks; signature serving_default
    answer_k(question, k)  reads k blocks, or all if there are fewer
    retrieve(question, k)  block_ids, document_ids, document_urls, scores,
                           titles and texts [batch, min(k, blocks)]
    embed(question)        embedding, float32 [batch, dim]

`question` is a string [batch], `k` an int32. The fields of `answerer.Answers`
are there as `top_<name>` [batch, top_n], and those of the best answer in the
singular [batch]: `answer`, `title`, `evidence`, `document_id`, `document_url`,
`block_id`, `byte_start`, `byte_end`, `score`, `log_prob`, `retriever_log_prob`,
`reader_log_prob`. A `block_id` is a row of this export; a `document_id` and a
`document_url` are those of the record in the text that the corpus was built
from, or empty if it has none.
"""

import os
import pathlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging
from tensorflow.core.protobuf import saved_model_pb2

from realm_tf.answering.answer_graph import Search
from realm_tf.answering.answerer import Answerer
from realm_tf.answering.packed_strings import PackedStrings
from realm_tf.corpus.corpus import Corpus
from realm_tf.hub import hub_modules
from realm_tf.index import retrieval
from realm_tf.index.index import Index
from realm_tf.index.saved_searcher import SearcherModule
from realm_tf.io import atomic, checksums, saved_models
from realm_tf.io.module_info import INFO
from realm_tf.text import packing

_QUESTION = tf.TensorSpec([None], tf.string, name='question')
_K = tf.TensorSpec([], tf.int32, name='k')


def _variable(value: Any, name: str) -> tf.Variable:
  """Makes a variable, since constants would blow up the graph."""
  return tf.Variable(value, trainable=False, name=name)


class VariableBlocks(tf.Module):
  """The blocks of a corpus as variables: `answer_graph.Blocks`."""

  def __init__(self, corpus: Corpus):
    """Reads the whole corpus into memory."""
    super().__init__(name='blocks')
    values, splits = corpus.body_ids
    rows = np.arange(len(corpus))
    # One more value, so that there is something to gather from.
    values = np.append(values, np.zeros(1, values.dtype))
    self.ids = _variable(values, 'ids')
    self.splits = _variable(splits, 'splits')
    self.titles = _variable(corpus.blocks.strings('title_text', rows), 'titles')
    self.bodies = _variable(corpus.blocks.strings('body_text', rows), 'bodies')
    self.document_ids, self.document_urls = (
      PackedStrings(*corpus.blocks.column(name), name)
      for name in ('record_ids', 'urls')
    )

  def wordpieces(self, rows: tf.Tensor) -> packing.Slices:
    """Returns the wordpieces of bodies; row -1 has none."""
    starts = tf.gather(self.splits, tf.maximum(rows, 0))
    sizes = tf.gather(self.splits, rows + 1) - starts
    return packing.Slices(
      tf.convert_to_tensor(self.ids), starts, tf.cast(sizes, tf.int32)
    )

  def texts(self, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns titles and bodies."""
    return tf.gather(self.titles, rows), tf.gather(self.bodies, rows)

  def names(self, rows: tf.Tensor) -> dict[str, tf.Tensor]:
    """Returns ids and addresses of documents; row -1 has empty ones."""
    return {
      'document_ids': self.document_ids.gather(rows),
      'document_urls': self.document_urls.gather(rows),
    }


def _make_search(index: Index, module: tf.Module) -> Search:
  """Adds to a module what is searched; returns the search."""
  config, num_rows = index.retrieval, index.metadata.num_documents
  searcher: Any = None
  lexical = None
  if config.needs_vectors:
    searcher = SearcherModule.of(index.searcher, index.embeddings)
    module.searcher = searcher
  if config.needs_words:
    assert index.lexical is not None
    lexical = index.lexical.as_variables()
    module.lexical = lexical

  def search_vectors(
    queries: tf.Tensor, k: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor]:
    found = searcher.search(queries, k)
    return found['rows'], found['scores']

  def search(
    questions: tf.Tensor,
    queries: Callable[[], tf.Tensor],
    k: int | tf.Tensor,
  ) -> tuple[tf.Tensor, tf.Tensor]:
    return retrieval.search(
      config,
      questions,
      queries,
      tf.maximum(k, 1),
      num_rows=num_rows,
      search_vectors=search_vectors,
      vectors=lambda rows: searcher.vectors(rows),
      lexical=lexical,
    )

  return search


def make_module(
  answerer: Answerer,
  *,
  reader_beam: int = 5,
  top_n: int = 5,
  blocks_at_once: int = 16,
) -> tf.Module:
  """Makes what is saved: the graph of an answerer, and all data as variables.

  Args:
    answerer: Models, corpus and index.
    reader_beam: Number of blocks that `answer` reads per question.
    top_n: Number of answers per question.
    blocks_at_once: Number of blocks of a batch that are read at a time, so that
      memory does not grow with batch and beam.

  Returns:
    A module with the functions that the head of this file lists, and without
    Keras layers.

  Raises:
    ValueError: A number is not positive.
  """
  for name, value in (
    ('reader_beam', reader_beam),
    ('top_n', top_n),
    ('blocks_at_once', blocks_at_once),
  ):
    if value < 1:
      raise ValueError(f'`{name}` must be positive. Received: {value}')
  graph = answerer.graph
  module = tf.Module(name='serving')
  seen: dict[int, Any] = {}
  module.query_tower = hub_modules.without_keras(
    graph.embedder.query_tower, seen
  )
  module.span_reader = hub_modules.without_keras(graph.reader, seen)
  with answerer.edition() as edition:
    blocks = VariableBlocks(edition.documents)
    search = _make_search(edition.index, module)
  module.blocks = blocks

  def answer_k(question: tf.Tensor, k: tf.Tensor) -> dict[str, tf.Tensor]:
    found = graph.answer(
      question, k, search, blocks, top_n=top_n, blocks_at_once=blocks_at_once
    )
    return {
      **{f'top_{name}': x for name, x in found.items()},
      **{name.removesuffix('s'): x[:, 0] for name, x in found.items()},
    }

  def retrieve(question: tf.Tensor, k: tf.Tensor) -> dict[str, tf.Tensor]:
    rows, scores = search(question, lambda: graph.embed(question), k)
    titles, texts = blocks.texts(rows)
    return {
      'block_ids': rows,
      **blocks.names(rows),
      'scores': scores,
      'titles': titles,
      'texts': texts,
    }

  def traced(function: Any, *specs: tf.TensorSpec) -> Any:
    return tf.function(
      saved_models.checked(function), input_signature=specs, autograph=False
    )

  # No cycle through the module: it is large, and freed when nobody holds it.
  answer_any = traced(answer_k, _QUESTION, _K)
  module.answer_k = answer_any
  module.answer = traced(
    lambda question: answer_any(question, reader_beam), _QUESTION
  )
  module.retrieve = traced(retrieve, _QUESTION, _K)
  module.embed = traced(
    lambda question: {'embedding': graph.embed(question)}, _QUESTION
  )
  return module


def _check_replaceable(directory: str | os.PathLike) -> None:
  """Checks that only an earlier export is lost by writing there."""
  path = pathlib.Path(directory)
  if path.is_dir() and any(path.iterdir()) and not (path / INFO).is_file():
    raise ValueError(
      f'{path} is there and is no earlier export, which could be replaced: name'
      ' another directory'
    )


def _forget_gradients(directory: pathlib.Path) -> None:
  """Removes the names of gradients: each would be a warning at loading."""
  path = directory / 'saved_model.pb'
  proto = saved_model_pb2.SavedModel.FromString(path.read_bytes())
  for function in proto.meta_graphs[0].graph_def.library.function:
    for node in function.node_def:
      node.attr.pop('_gradient_op_type', None)
  path.write_bytes(proto.SerializeToString(deterministic=True))
  # It has a hash of the graph, which would be wrong.
  (directory / 'fingerprint.pb').unlink()


def export_serving(
  answerer: Answerer,
  directory: str | os.PathLike,
  *,
  reader_beam: int = 5,
  top_n: int = 5,
  blocks_at_once: int = 16,
) -> None:
  """Writes an answerer as one SavedModel, which appears only when it is whole.

  In memory, the corpus and the index are there twice for a while.

  Args:
    answerer: Models, corpus and index; stays open.
    directory: Directory of the SavedModel; an earlier one is replaced.
    reader_beam: Number of blocks that `answer` reads per question.
    top_n: Number of answers per question.
    blocks_at_once: Number of blocks of a batch that are read at a time.

  Raises:
    ValueError: A number is not positive, something else stands at `directory`,
      or a file of corpus or index is damaged.
  """
  start = time.time()
  _check_replaceable(directory)
  with answerer.edition() as edition:
    edition.verify()
  module = make_module(
    answerer,
    reader_beam=reader_beam,
    top_n=top_n,
    blocks_at_once=blocks_at_once,
  )
  corpus, metadata = answerer.corpus, answerer.index.metadata
  graph, tokenizer = answerer.graph, answerer.tokenizer
  with atomic.atomic_directory(directory) as temporary:
    tf.saved_model.save(
      module,
      str(temporary),
      {
        'serving_default': module.answer,
        'answer_k': module.answer_k,
        'retrieve': module.retrieve,
        'embed': module.embed,
      },
      # Nobody trains it: it loads faster without gradients.
      tf.saved_model.SaveOptions(experimental_custom_gradients=False),
    )
    _forget_gradients(temporary)
    extra = pathlib.Path(temporary, 'assets.extra')
    extra.mkdir()
    tokenizer.save_vocab(extra / 'vocab.txt')
    atomic.write_json(
      temporary / INFO,
      {
        **answerer.info,
        'kind': 'serving',
        'query_seq_len': graph.query_seq_len,
        'reader_seq_len': graph.reader_seq_len,
        'reader_beam': reader_beam,
        'top_n': top_n,
        'max_span_width': graph.reader.max_span_width,
        'lower_case': tokenizer.lower_case,
        'vocab_fingerprint': tokenizer.fingerprint,
        'corpus_fingerprint': corpus.fingerprint,
        'document_embedder_fingerprint': metadata.embedder_fingerprint,
        'num_blocks': len(corpus),
        'searcher': metadata.kind,
        'retrieval': answerer.index.retrieval.to_dict(),
        'exported_at': time.time(),
        checksums.CRC32: checksums.of_directory(temporary),
      },
    )
  logging.info(
    '%d blocks exported for serving in %.1f s: %s',
    len(corpus),
    time.time() - start,
    os.fspath(directory),
  )
