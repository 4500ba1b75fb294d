# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Layers with the weights of models that other programs trained.

Example:
  embedder = original_layers.load_embedder('realm-data/cc_news/embedder')
  bert = original_layers.load_bert('https://tfhub.dev/google/...', tags=())
"""

import dataclasses
import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf.bert import encoder as encoder_lib
from realm_tf.bert import weights as weights_lib
from realm_tf.bert.bert_config import BertConfig
from realm_tf.bert.weights import Bert
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.span_reader import SpanReader
from realm_tf.original import original_sources
from realm_tf.original.original_sources import Source
from realm_tf.original.original_weights import (
  BERT,
  EMBEDDER,
  SPAN_READER,
  Encoder,
)

_READER_EPSILON = 1e-3
_TRAIN = ('train',)


def _size(source: Source, encoder: Encoder, name: str, axis: int) -> int:
  weight = encoder.weights.get(name)
  if weight is None or weight.ndim <= axis:
    raise ValueError(f'{source.path}: there is no {name} that fits')
  return weight.shape[axis]


def _assign(
  layer: Any,
  source: Source,
  encoder: Encoder,
  optional: tuple[str, ...] = ('cls/',),
  **more: tf.Variable,
) -> None:
  """Assigns the weights of an encoder and of the layers on top of it."""
  variables = {
    **weights_lib.variables_by_name(layer.encoder),
    'projection/kernel': layer.projection.kernel,
    'projection/bias': layer.projection.bias,
    'layer_norm/gamma': layer.layer_norm.gamma,
    'layer_norm/beta': layer.layer_norm.beta,
    **more,
  }
  weights_lib.assign(variables, encoder.used(), source.path, optional=optional)


def make_bert(
  source: Source, encoder: Encoder, config: BertConfig | None = None
) -> Bert:
  """Makes a BERT with its head for masked words.

  Args:
    source: Source of the encoder.
    encoder: Weights.
    config: Config. Defaults to that of the source.

  Raises:
    ValueError: Weights are missing, or of shapes that do not fit.
  """
  config = config or source.bert_config(encoder)
  layer = encoder_lib.build_encoder(config)
  head = encoder_lib.build_mlm_head(config, layer)
  weights_lib.assign(
    weights_lib.variables_by_name(layer, head), encoder.used(), source.path
  )
  vocab = source.files.vocab
  return Bert(
    config,
    layer,
    head,
    None if vocab is None else str(vocab),
    source.files.lower_case is not False,
  )


def _towers(
  source: Source, encoders: Sequence[Encoder]
) -> tuple[Encoder, Encoder | None]:
  """Returns the query and the document tower; None if they are the same."""
  if len(encoders) == 1:
    return encoders[0], None
  by_name = {e.scope.split('/')[-1]: e for e in encoders}
  if set(by_name) != {'embedder', 'query_embedder'}:
    names = ', '.join(repr(e.scope) for e in encoders)
    raise ValueError(f'{source.path}: several embedders are in it: {names}')
  query, document = by_name['query_embedder'], by_name['embedder']
  a, b = query.used(), document.used()
  if a.keys() == b.keys() and all(np.array_equal(a[n], b[n]) for n in a):
    return query, None
  return query, document


def make_embedder(
  source: Source,
  encoders: Sequence[Encoder],
  config: BertConfig | None = None,
) -> Embedder:
  """Makes an embedder; of two equal towers it shares one.

  Args:
    source: Source of the encoders.
    encoders: Weights of one tower, or of a query and a document tower.
    config: Config. Defaults to that of the source.

  Raises:
    ValueError: Weights are missing, or of shapes that do not fit; or it is
      not clear which tower is which.
  """
  query, document = _towers(source, encoders)
  embedder = Embedder(
    config or source.bert_config(query),
    _size(source, query, 'projection/kernel', 1),
    separate_towers=document is not None,
    projection_epsilon=source.projection_epsilon(query),
  )
  _assign(embedder.query_tower, source, query)
  if document is not None:
    _assign(embedder.document_tower, source, document)
  return embedder


def make_span_reader(source: Source, encoder: Encoder) -> SpanReader:
  """Makes a reader of spans.

  Raises:
    ValueError: Weights are missing, or of shapes that do not fit.
  """
  settings = source.settings
  epsilon = settings.get('reader_layer_norm_eps', _READER_EPSILON)
  if epsilon != _READER_EPSILON:
    raise ValueError(
      f'{source.files.config}: reader_layer_norm_eps is {epsilon}; only'
      f' {_READER_EPSILON} is supported'
    )
  names = settings.keys() & {'max_span_width'}
  reader = SpanReader(
    source.bert_config(encoder),
    span_hidden_size=_size(source, encoder, 'score/kernel', 0),
    **{name: settings[name] for name in names},
  )
  _assign(
    reader,
    source,
    encoder,
    ('cls/', 'bert/pooler/'),
    **{
      'score/kernel': reader.score.kernel,
      'score/bias': reader.score.bias,
    },
  )
  return reader


def _find_one(
  handle: str | os.PathLike, kind: str, tags: Iterable[str] | None = None
) -> tuple[Source, list[Encoder], BertConfig | None]:
  """Returns the only source of a kind, its encoders, and a config with tags."""
  sources = original_sources.find(handle)
  found = []
  for source in sources:
    encoders = [e for e in source.found.encoders if e.kind == kind]
    if encoders:
      found.append((source, encoders))
  if len(found) != 1:
    there = ', '.join(e.kind for s in sources for e in s.found.encoders)
    raise ValueError(
      f'{os.fspath(handle)}: one {kind} was looked for, and there is'
      f' {there or "none"}'
    )
  source, encoders = found[0]
  if tags is None or not source.facts.signatures:
    return source, encoders, None  # Not a module, but a checkpoint.
  tags = (tags,) if isinstance(tags, str) else tuple(tags)
  original_sources.check_tags(source.facts, tags)
  config = source.bert_config(encoders[0])
  if 'train' not in tags:
    # The graph without this tag has no dropout, even if it is trained.
    config = dataclasses.replace(config, dropout=0.0, attention_dropout=0.0)
  return source, encoders, config


def load_embedder(
  handle: str | os.PathLike, tags: Iterable[str] = _TRAIN
) -> Embedder:
  """Loads an `embedder` or `ict` module, or an embedder from another source.

  Args:
    handle: Path, or address on TF Hub.
    tags: Graph of a module: with `train` the layer has dropout when called with
      `training=True`, without it never. The weights are the same, and can be
      trained.

  Raises:
    FileNotFoundError: There is no model at the path.
    ValueError: The weights do not fit, or the module has no such graph.
  """
  return make_embedder(*_find_one(handle, EMBEDDER, tags))


def load_bert(handle: str | os.PathLike, tags: Iterable[str] = _TRAIN) -> Bert:
  """Loads a `bert` module with its head for masked words.

  Args:
    handle: Path, or address on TF Hub.
    tags: Graph of a module, as in `load_embedder`.

  Raises:
    FileNotFoundError: There is no model at the path.
    ValueError: The weights do not fit, or the module has no such graph.
  """
  source, encoders, config = _find_one(handle, BERT, tags)
  return make_bert(source, encoders[0], config)


def load_span_reader(handle: str | os.PathLike) -> SpanReader:
  """Loads the reader of an ORQA fine-tuning, or of Hugging Face's REALM.

  Raises:
    FileNotFoundError: There is no model at the path.
    ValueError: The weights do not fit.
  """
  source, encoders, _ = _find_one(handle, SPAN_READER)
  return make_span_reader(source, encoders[0])
