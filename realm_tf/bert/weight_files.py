# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds the files of a pre-trained BERT and reads the weights in them."""

import dataclasses
import functools
import pathlib
import re
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import safetensors
import tensorflow as tf
from absl import logging
from tensorflow.core.protobuf import (
  saved_model_pb2,
  trackable_object_graph_pb2,
)

from realm_tf.bert import weight_names
from realm_tf.bert.config import BertConfig
from realm_tf.io import atomic

SAFETENSORS = 'model.safetensors'
_OBJECT_GRAPH = '_CHECKPOINTABLE_OBJECT_GRAPH'
# BERT has heads of this width in all sizes that were released.
_HEAD_SIZE = 64


@dataclasses.dataclass(frozen=True)
class Sources:
  """Where the parts of a pre-trained BERT lie.

  Attributes:
    weights: A safetensors file, or the prefix of a TensorFlow checkpoint. None
      for weights yet to be trained.
    config: Its config as JSON, or None.
    vocab: Its vocabulary, or None.
    lower_case: Whether the vocabulary is of lower-cased text; None if no file
      says so.
  """

  weights: pathlib.Path | None
  config: pathlib.Path | None
  vocab: pathlib.Path | None
  lower_case: bool | None


def _first(candidates: Iterable[pathlib.Path]) -> pathlib.Path | None:
  return next((c for c in candidates if c.is_file()), None)


def _find_checkpoint(directory: pathlib.Path) -> pathlib.Path | None:
  """The prefix of the checkpoint in a directory, if there is one."""
  latest = tf.train.latest_checkpoint(str(directory))
  if latest is not None:
    return pathlib.Path(latest)
  prefixes = [p.with_suffix('') for p in sorted(directory.glob('*.index'))]
  # The oldest format has neither index nor shards.
  prefixes = prefixes or sorted(directory.glob('*.ckpt'))
  if len(prefixes) > 1:
    raise ValueError(
      f'{directory}: several checkpoints; name one of '
      + ', '.join(str(p) for p in prefixes)
    )
  return prefixes[0] if prefixes else None


def _find_weights(path: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
  """The weights that `path` means, and the directory of the other files."""
  if path.name.endswith('.safetensors') and path.is_file():
    return path, path.parent
  if path.with_name(path.name + '.index').is_file() or path.is_file():
    return path, path.parent
  if not path.is_dir():
    raise FileNotFoundError(f'{path}: no such preset, directory or checkpoint')
  if (path / SAFETENSORS).is_file():
    return path / SAFETENSORS, path
  if (path / 'saved_model.pb').is_file():
    return path / 'variables' / 'variables', path
  found = _find_checkpoint(path)
  if found is not None:
    return found, path
  hint = ''
  if (path / 'pytorch_model.bin').is_file():
    hint = '; pytorch_model.bin is a pickle: convert it to safetensors first'
  elif _first([path / 'bert_config.json', path / 'config.json']):
    hint = '; to start from random weights, give the path of its JSON file'
  raise FileNotFoundError(
    f'{path}: neither {SAFETENSORS} nor saved_model.pb nor a TensorFlow '
    f'checkpoint is in it{hint}'
  )


def find(path: str | pathlib.Path) -> Sources:
  """Finds the files of a BERT.

  Args:
    path: A directory in the style of Hugging Face (`config.json`,
      `model.safetensors`), of Google's releases (`bert_config.json`, a
      TensorFlow checkpoint) or of TF Hub (`saved_model.pb`); a checkpoint or
      safetensors file in such a directory; or a config alone (`*.json`).
  """
  path = pathlib.Path(path)
  weights: pathlib.Path | None = None
  config: pathlib.Path | None = path
  if path.suffix == '.json' and path.is_file():
    directory = path.parent
  else:
    weights, directory = _find_weights(path)
    config = _first(
      directory / name
      for name in (
        'bert_config.json',
        'config.json',
        'assets.extra/realm.json',
      )
    )
  lower_case = None
  says = _first(
    directory / name
    for name in ('tokenizer_config.json', 'assets.extra/realm.json')
  )
  if says is not None:
    found = atomic.read_json(says)
    lower_case = found.get('do_lower_case', found.get('lower_case'))
  return Sources(
    weights=weights,
    config=config,
    vocab=_first(
      directory / name for name in ('vocab.txt', 'assets/vocab.txt')
    ),
    lower_case=lower_case,
  )


def read_config(path: pathlib.Path) -> BertConfig:
  """Reads a config: the JSON of a BERT, or the one our own modules carry."""
  if path.name == 'realm.json':
    return BertConfig(**atomic.read_json(path)['bert_config'])
  return BertConfig.from_json(path)


def _read_safetensors(
  path: pathlib.Path,
) -> Iterator[tuple[str, Callable[[], np.ndarray]]]:
  # NumPy knows no bfloat16, and safetensors' NumPy reader refuses it.
  types = {'F64': '<f8', 'F32': '<f4', 'F16': '<f2', 'BF16': '<u2'}

  def read(tensor: dict) -> np.ndarray:
    values = np.frombuffer(tensor['data'], types[tensor['dtype']])
    if tensor['dtype'] == 'BF16':
      values = (values.astype('<u4') << 16).view('<f4')
    return values.reshape(tensor['shape'])

  try:
    tensors = safetensors.deserialize(path.read_bytes())
  except safetensors.SafetensorError as e:
    raise ValueError(f'{path}: not a safetensors file: {e}') from e
  for name, tensor in tensors:
    if tensor['dtype'] in types:
      yield name, functools.partial(read, tensor)


def _read_checkpoint(
  prefix: pathlib.Path,
) -> Iterator[tuple[str, Callable[[], np.ndarray]]]:
  try:
    reader = tf.train.load_checkpoint(str(prefix))
  except (tf.errors.OpError, ValueError) as e:
    raise ValueError(f'{prefix}: not a TensorFlow checkpoint: {e}') from e
  names = {key: key for key in reader.get_variable_to_shape_map()}
  if _OBJECT_GRAPH in names:
    # TensorFlow 2 stores variables by their place in a tree of objects; the
    # names they had stand in a record of that tree.
    graph = trackable_object_graph_pb2.TrackableObjectGraph.FromString(
      reader.get_tensor(_OBJECT_GRAPH)
    )
    names = {
      attribute.checkpoint_key: attribute.full_name
      for node in graph.nodes
      for attribute in node.attributes
      if attribute.checkpoint_key in names
      and 'optimizer' not in attribute.checkpoint_key.lower()
    }
  for key, name in names.items():
    yield name, functools.partial(reader.get_tensor, key)


def read_weights(path: pathlib.Path) -> tuple[dict[str, np.ndarray], int]:
  """Reads all weights of a BERT as float32, by canonical name.

  Args:
    path: A safetensors file, or the prefix of a TensorFlow checkpoint.

  Returns:
    The weights, in canonical layout; and the number of attention heads, or 0
    if the file does not show it.
  """
  is_safetensors = path.name.endswith('.safetensors')
  tensors = (
    _read_safetensors(path) if is_safetensors else _read_checkpoint(path)
  )
  weights: dict[str, np.ndarray] = {}
  scopes: dict[str, str] = {}
  num_heads = 0
  decoder = None
  for name, read in tensors:
    if name == 'cls.predictions.decoder.weight':
      decoder = read()
    found = weight_names.recognize(name)
    if found is None:
      continue
    scope, canonical, transposed = found
    if canonical in weights:
      raise ValueError(
        f'{path}: several encoders are in it: {canonical} stands under '
        f'{scopes[canonical]!r} and under {scope!r}'
      )
    value = read()
    if canonical.endswith('attention/self/query/kernel') and value.ndim == 3:
      num_heads = value.shape[1]
    value = weight_names.canonical_layout(canonical, value)
    scopes[canonical] = scope
    weights[canonical] = np.asarray(
      value.T if transposed else value, np.float32
    )
  if weight_names.WORD_EMBEDDINGS not in weights:
    raise ValueError(f'{path}: no weights of a BERT encoder are in it')
  table = weights[weight_names.WORD_EMBEDDINGS]
  if decoder is not None and not np.array_equal(decoder, table):
    logging.warning(
      '%s: its output layer differs from its word embeddings; the word '
      'embeddings are used for both',
      path,
    )
  return weights, num_heads


def _graph_activation(prefix: pathlib.Path) -> str:
  """The activation that a SavedModel computes, by the operations in it."""
  path = prefix.parent.parent / 'saved_model.pb'
  if prefix.name != 'variables' or not path.is_file():
    return 'gelu'
  model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
  operations = set()
  for graph in (meta.graph_def for meta in model.meta_graphs):
    for nodes in (graph.node, *(f.node_def for f in graph.library.function)):
      operations |= {
        node.op
        for node in nodes
        if re.search('/intermediate/|Gelu', node.name, re.IGNORECASE)
      }
  if operations & {'Erf', 'Erfc'}:
    return 'gelu'
  if 'Tanh' in operations:
    return 'gelu_new'
  return 'relu' if 'Relu' in operations else 'gelu'


def infer_config(
  weights: dict[str, np.ndarray], num_heads: int, path: pathlib.Path
) -> BertConfig:
  """Reads the sizes off the weights, where no config is beside them."""
  vocab_size, hidden_size = weights[weight_names.WORD_EMBEDDINGS].shape
  if not num_heads and hidden_size % _HEAD_SIZE:
    raise ValueError(
      f'{path}: the number of attention heads is unknown: put a '
      'bert_config.json beside it'
    )
  numbers = [
    int(match.group(1))
    for match in (re.search(r'/layer_(\d+)/', name) for name in weights)
    if match
  ]
  if not numbers:
    raise ValueError(f'{path}: no transformer layer is in it')
  config = BertConfig(
    vocab_size=vocab_size,
    hidden_size=hidden_size,
    num_layers=1 + max(numbers),
    num_heads=num_heads or hidden_size // _HEAD_SIZE,
    intermediate_size=weights[
      'bert/encoder/layer_0/intermediate/dense/bias'
    ].size,
    max_positions=len(weights['bert/embeddings/position_embeddings']),
    type_vocab_size=len(weights['bert/embeddings/token_type_embeddings']),
    activation=_graph_activation(path),
  )
  logging.info('%s: no config; sizes by its weights: %s', path, config)
  return config
