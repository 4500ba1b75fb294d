# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Our layers with the weights of models that other programs trained.

Example:
  embedder = original_layers.load_embedder('realm-data/cc_news/embedder')
  bert = original_layers.load_bert('https://tfhub.dev/google/...', tags=())
"""

import dataclasses
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf.bert import encoder as encoder_lib
from realm_tf.bert import weights as weights_lib
from realm_tf.bert.bert_config import BertConfig
from realm_tf.bert.weights import Bert
from realm_tf.modeling.embedder import Embedder, Tower
from realm_tf.modeling.span_reader import SpanReader
from realm_tf.original import original_sources, original_weights
from realm_tf.original.original_sources import Source
from realm_tf.original.original_weights import Encoder

_READER_EPSILON = 1e-3
_TRAIN = ('train',)


def _on_top(layer: Any) -> dict[str, tf.Variable]:
  """Variables of the layers that stand on an encoder, by our names."""
  return {
    'projection/kernel': layer.projection.kernel,
    'projection/bias': layer.projection.bias,
    'layer_norm/gamma': layer.layer_norm.gamma,
    'layer_norm/beta': layer.layer_norm.beta,
  }


def _size(source: Source, encoder: Encoder, name: str, axis: int) -> int:
  """A size by the shape of a weight."""
  weight = encoder.weights.get(name)
  if weight is None or weight.ndim <= axis:
    raise ValueError(f'{source.path}: there is no {name} that fits')
  return weight.shape[axis]


def make_bert(
  source: Source, encoder: Encoder, config: BertConfig | None = None
) -> Bert:
  """A BERT with its head for masked words.

  Args:
    source: Holds the encoder.
    encoder: Its weights.
    config: Replaces that of the source.

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


def _assign_tower(tower: Tower, source: Source, encoder: Encoder) -> None:
  weights_lib.assign(
    {
      **weights_lib.variables_by_name(tower.encoder),
      **_on_top(tower),
    },
    encoder.used(),
    source.path,
    optional=('cls/',),
  )


def make_embedder(
  source: Source,
  query: Encoder,
  document: Encoder | None = None,
  config: BertConfig | None = None,
) -> Embedder:
  """An embedder.

  Args:
    source: Holds the encoders.
    query: Weights of the query tower.
    document: Of the document tower; None if they are one. Where they are
      equal they become one.
    config: Replaces that of the source.

  Raises:
    ValueError: Weights are missing, or of shapes that do not fit.
  """
  if document is not None and _is_same(query, document):
    document = None
  embedder = Embedder(
    config or source.bert_config(query),
    _size(source, query, 'projection/kernel', 1),
    separate_towers=document is not None,
    projection_epsilon=source.projection_epsilon(query),
  )
  _assign_tower(embedder.query_tower, source, query)
  if document is not None:
    _assign_tower(embedder.document_tower, source, document)
  return embedder


def _is_same(first: Encoder, second: Encoder) -> bool:
  a, b = first.used(), second.used()
  return a.keys() == b.keys() and all(np.array_equal(a[n], b[n]) for n in a)


def make_span_reader(source: Source, encoder: Encoder) -> SpanReader:
  """A reader of spans.

  Raises:
    ValueError: Weights are missing, or of shapes that do not fit.
  """
  epsilon = source.settings.get('reader_layer_norm_eps', _READER_EPSILON)
  if epsilon != _READER_EPSILON:
    raise ValueError(
      f'{source.files.config}: reader_layer_norm_eps is {epsilon}; only'
      f' {_READER_EPSILON} is supported'
    )
  options = {}
  if 'max_span_width' in source.settings:
    options['max_span_width'] = source.settings['max_span_width']
  reader = SpanReader(
    source.bert_config(encoder),
    span_hidden_size=_size(source, encoder, 'score/kernel', 0),
    **options,
  )
  weights_lib.assign(
    {
      **weights_lib.variables_by_name(reader.encoder),
      **_on_top(reader),
      'score/kernel': reader.score.kernel,
      'score/bias': reader.score.bias,
    },
    encoder.used(),
    source.path,
    optional=('cls/', 'bert/pooler/'),
  )
  return reader


def embedder_towers(
  source: Source, encoders: Sequence[Encoder]
) -> tuple[Encoder, Encoder | None]:
  """Which of a source's embedders is of queries, and which of documents.

  Raises:
    ValueError: There are several, and no telling.
  """
  if len(encoders) == 1:
    return encoders[0], None
  by_name = {e.scope.split('/')[-1]: e for e in encoders}
  if set(by_name) != {'embedder', 'query_embedder'}:
    names = ', '.join(repr(e.scope) for e in encoders)
    raise ValueError(f'{source.path}: several embedders are in it: {names}')
  return by_name['query_embedder'], by_name['embedder']


def _only(
  handle: str | os.PathLike, kind: str, tags: Iterable[str]
) -> tuple[Source, list[Encoder], BertConfig | None]:
  """The one source with encoders of a kind, and their config with tags."""
  tags = (tags,) if isinstance(tags, str) else tuple(tags)
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
  if not source.facts.signatures:
    return source, encoders, None  # No module, but a checkpoint.
  original_sources.check_tags(source.facts, tags)
  config = source.bert_config(encoders[0])
  if 'train' not in tags:
    # The graph without this tag drops nothing, even if it is trained.
    config = dataclasses.replace(config, dropout=0.0, attention_dropout=0.0)
  return source, encoders, config


def load_embedder(
  handle: str | os.PathLike, tags: Iterable[str] = _TRAIN
) -> Embedder:
  """Loads an `embedder` or `ict` module, or an embedder of another source.

  Args:
    handle: Path, or address on TF Hub.
    tags: Which graph of a module: with `train` the layer drops out when it is
      called with `training=True`; with none it never does. The weights are the
      same, and can be trained.

  Raises:
    FileNotFoundError: There is nothing of the kind at the path.
    ValueError: The weights do not fit, or the module has no such graph.
  """
  source, encoders, config = _only(handle, original_weights.EMBEDDER, tags)
  query, document = embedder_towers(source, encoders)
  return make_embedder(source, query, document, config)


def load_bert(handle: str | os.PathLike, tags: Iterable[str] = _TRAIN) -> Bert:
  """Loads a `bert` module, its head for masked words included.

  Args:
    handle: As in `load_embedder`.
    tags: As in `load_embedder`.

  Raises:
    FileNotFoundError: There is nothing of the kind at the path.
    ValueError: The weights do not fit, or the module has no such graph.
  """
  source, encoders, config = _only(handle, original_weights.BERT, tags)
  return make_bert(source, encoders[0], config)


def load_span_reader(handle: str | os.PathLike) -> SpanReader:
  """Loads the reader of an ORQA fine-tuning, or of Hugging Face's REALM.

  Args:
    handle: Path.

  Raises:
    FileNotFoundError: There is nothing of the kind at the path.
    ValueError: The weights do not fit.
  """
  sources = original_sources.find(handle)
  for source in sources:
    for encoder in source.found.encoders:
      if encoder.kind == original_weights.SPAN_READER:
        return make_span_reader(source, encoder)
  raise ValueError(f'{os.fspath(handle)}: no reader of spans is in it')


def query_seq_len(settings: Mapping[str, Any]) -> int:
  """Wordpieces of a packed question, by ORQA's or Hugging Face's settings."""
  return settings.get('query_seq_len', settings.get('searcher_seq_len', 64))


def reader_seq_len(settings: Mapping[str, Any]) -> int:
  """The same of a question with a block."""
  return settings.get('reader_seq_len', 320)
