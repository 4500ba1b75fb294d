# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""One SavedModel that answers questions: string in, string out.

It is loaded without this package:

    import scann, tensorflow as tf, tensorflow_text
    model = tf.saved_model.load('serving')
    model.answer(tf.constant(['who was born in ulm?']))['answer']

(`scann` only where the index was built with it.) `serving_module.make_module`
lists what it gives.
"""

import os
import pathlib
import time
from typing import Any

import tensorflow as tf
from absl import logging
from tensorflow.core.protobuf import saved_model_pb2

from realm_tf.answering import serving_module
from realm_tf.answering.serving_blocks import Blocks
from realm_tf.answering.serving_module import ServingConfig
from realm_tf.answering.serving_search import ServedSearcher
from realm_tf.bert import precision
from realm_tf.corpus.corpus import Corpus
from realm_tf.hub import hub_modules, span_reader_module
from realm_tf.index import versions
from realm_tf.io import atomic
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.span_reader import SpanReader
from realm_tf.text.tokenizer import BertTokenizer

_INFO = os.path.join('assets.extra', 'realm.json')


def _check_vocabularies(
  tokenizer: BertTokenizer,
  embedder_dir: str | os.PathLike,
  span_reader_dir: str | os.PathLike,
  documents: Corpus,
) -> None:
  its = {
    os.fspath(span_reader_dir): hub_modules.read_info(span_reader_dir)[
      'vocab_fingerprint'
    ],
    documents.directory: documents.vocab_fingerprint,
  }
  for name, fingerprint in its.items():
    if fingerprint != tokenizer.fingerprint:
      raise versions.IndexMismatchError(
        f'{name} has the vocabulary {fingerprint}, and the embedder'
        f' {os.fspath(embedder_dir)} has {tokenizer.fingerprint}: take what was'
        ' made with one vocabulary'
      )


def _check_positions(
  embedder: Embedder, reader: SpanReader, config: ServingConfig
) -> None:
  for name, length, bert in (
    ('query_seq_len', config.query_seq_len, embedder.bert_config),
    ('reader_seq_len', config.reader_seq_len, reader.bert_config),
  ):
    if length > bert.max_positions:
      raise ValueError(
        f'{name} is {length}, but the BERT that reads it has only'
        f' {bert.max_positions} positions'
      )


def _check_replaceable(directory: str | os.PathLike) -> None:
  """Checks that only an earlier export is lost by writing there."""
  path = pathlib.Path(directory)
  if path.is_dir() and any(path.iterdir()) and not (path / _INFO).is_file():
    raise ValueError(
      f'{path} is there and is no export of this program, which could be'
      ' replaced: name another directory'
    )


def _forget_gradients(directory: pathlib.Path) -> None:
  """Takes away the names of gradients: each would be a warning at loading."""
  path = directory / 'saved_model.pb'
  proto = saved_model_pb2.SavedModel.FromString(path.read_bytes())
  for function in proto.meta_graphs[0].graph_def.library.function:
    for node in function.node_def:
      node.attr.pop('_gradient_op_type', None)
  path.write_bytes(proto.SerializeToString(deterministic=True))
  # It has a hash of the graph, which would be wrong.
  (directory / 'fingerprint.pb').unlink()


def save_serving(
  directory: str | os.PathLike,
  *,
  embedder: Embedder,
  reader: SpanReader,
  tokenizer: BertTokenizer,
  documents: Corpus,
  index: versions.Index,
  config: ServingConfig,
  info: dict[str, Any] | None = None,
) -> None:
  """Writes the SavedModel of parts that belong together.

  It appears only when it is whole. In memory, the corpus and the index are
  there twice for a while.

  Args:
    directory: Of the SavedModel.
    embedder: Of questions.
    reader: Of spans.
    tokenizer: Of both.
    documents: The corpus.
    index: Of the corpus; stays open.
    config: How questions are answered.
    info: Goes into `assets.extra/realm.json`.

  Raises:
    ValueError: Embeddings of questions and blocks differ in size, or a BERT
      has too few positions; or something else stands at `directory`.
  """
  _check_replaceable(directory)
  if embedder.projection_size != index.metadata.dim:
    raise ValueError(
      f'{index.path} has vectors of {index.metadata.dim} dimensions, the'
      f' embedder of questions has {embedder.projection_size}'
    )
  _check_positions(embedder, reader, config)
  module, signatures = serving_module.make_module(
    embedder,
    reader,
    tokenizer,
    Blocks(documents),
    ServedSearcher(index.searcher, index.embeddings),
    config,
  )
  with atomic.atomic_directory(directory) as temporary:
    tf.saved_model.save(
      module,
      str(temporary),
      signatures,
      # Nobody trains it: it loads faster without gradients.
      tf.saved_model.SaveOptions(experimental_custom_gradients=False),
    )
    _forget_gradients(temporary)
    extra = pathlib.Path(temporary, 'assets.extra')
    extra.mkdir()
    tokenizer.save_vocab(extra / 'vocab.txt')
    atomic.write_json(
      temporary / _INFO,
      {
        **(info or {}),
        'kind': 'serving',
        'query_seq_len': config.query_seq_len,
        'reader_seq_len': config.reader_seq_len,
        'reader_beam': config.reader_beam,
        'top_n': config.top_n,
        'max_span_width': reader.max_span_width,
        'lower_case': tokenizer.lower_case,
        'vocab_fingerprint': tokenizer.fingerprint,
        'corpus_fingerprint': documents.fingerprint,
        'document_embedder_fingerprint': index.metadata.embedder_fingerprint,
        'num_blocks': len(documents),
        'searcher': index.metadata.kind,
        'exported_at': time.time(),
      },
    )


def export_serving(
  *,
  embedder_dir: str | os.PathLike,
  span_reader_dir: str | os.PathLike,
  index_path: str | os.PathLike,
  corpus_dir: str | os.PathLike,
  output_dir: str | os.PathLike,
  reader_beam: int = 5,
  top_n: int = 5,
  query_seq_len: int | None = None,
  reader_seq_len: int | None = None,
  mixed_precision: bool = False,
) -> ServingConfig:
  """Puts what a fine-tuning left behind into one SavedModel.

  Args:
    embedder_dir: TF Hub module of questions' embedder, fine-tuned.
    span_reader_dir: TF Hub module of the reader, of the same training.
    index_path: An index version of the corpus, made by the embedder whose
      vectors the training was with.
    corpus_dir: As bin/build_corpus writes it.
    output_dir: Of the SavedModel; replaced if it is there.
    reader_beam: Blocks read for a question.
    top_n: Answers given.
    query_seq_len: Wordpieces of a question; None as in training.
    reader_seq_len: Wordpieces of a question with a block; None as in training.
    mixed_precision: Compute in bfloat16.

  Returns:
    How it answers questions.

  Raises:
    FileNotFoundError: A part is not there.
    versions.IndexMismatchError: The index is of another embedder, corpus or
      vocabulary; the message names both fingerprints.
    ValueError: The parts do not fit together otherwise.
  """
  start = time.time()
  tokenizer = hub_modules.load_tokenizer(embedder_dir)
  reader_info = hub_modules.read_info(span_reader_dir, span_reader_module.KIND)
  documents = Corpus.open(corpus_dir)
  _check_vocabularies(tokenizer, embedder_dir, span_reader_dir, documents)
  config = ServingConfig(
    query_seq_len=query_seq_len or reader_info['query_seq_len'],
    reader_seq_len=reader_seq_len or reader_info['reader_seq_len'],
    reader_beam=reader_beam,
    top_n=top_n,
  )
  index = versions.load_index(
    index_path,
    corpus_fingerprint=documents.fingerprint,
    vocab_fingerprint=tokenizer.fingerprint,
    embedder_fingerprint=reader_info['document_embedder_fingerprint'],
    num_documents=len(documents),
  )
  try:
    with precision.layers_compute_in(mixed_precision):
      embedder = hub_modules.load_embedder(embedder_dir)
      reader = span_reader_module.load_span_reader(span_reader_dir)
    save_serving(
      output_dir,
      embedder=embedder,
      reader=reader,
      tokenizer=tokenizer,
      documents=documents,
      index=index,
      config=config,
      info={'step': reader_info['step'], 'index_step': index.metadata.step},
    )
  finally:
    index.close()
  logging.info(
    '%d blocks exported for serving in %.1f s: %s',
    len(documents),
    time.time() - start,
    os.fspath(output_dir),
  )
  return config
