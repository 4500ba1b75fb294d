# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds the files of a pre-trained BERT and reads the weights in them."""

import dataclasses
import functools
import os
import pathlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
import safetensors
import tensorflow as tf
from absl import logging
from tensorflow.core.protobuf import trackable_object_graph_pb2

from realm_tf.bert import graph_facts, torch_files, weight_names
from realm_tf.bert.bert_config import BertConfig
from realm_tf.io import atomic, faults, vocabularies
from realm_tf.io.module_info import INFO

SAFETENSORS = 'model.safetensors'
# Files of a Hugging Face directory; an index names several files.
_HUGGING_FACE = (
  SAFETENSORS,
  f'{SAFETENSORS}.index.json',
  'pytorch_model.bin',
  'pytorch_model.bin.index.json',
)
_TENSOR_FILES = ('.safetensors', '.bin', '.index.json')
_OBJECT_GRAPH = '_CHECKPOINTABLE_OBJECT_GRAPH'
# All released sizes of BERT have heads of this width.
_HEAD_SIZE = 64


@dataclasses.dataclass(frozen=True)
class Sources:
  """Files of a pre-trained BERT.

  Attributes:
    weights: File of tensors (safetensors or PyTorch), index of several files,
      or prefix of a TensorFlow checkpoint. None for random weights.
    config: Config as JSON, or None.
    vocab: Vocabulary, or None.
    lower_case: Whether the vocabulary is for lower-cased text, or None if no
      file says so.
  """

  weights: pathlib.Path | None
  config: pathlib.Path | None
  vocab: pathlib.Path | None
  lower_case: bool | None


def _first(candidates: Iterable[pathlib.Path]) -> pathlib.Path | None:
  return next((c for c in candidates if c.is_file()), None)


def _find_checkpoint(directory: pathlib.Path) -> pathlib.Path | None:
  """The prefix of the only or latest checkpoint in a directory, if any."""
  with faults.naming(directory / 'checkpoint'):
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
  """The weights at `path`, and the directory of the other files."""
  if path.name.endswith(_TENSOR_FILES) and path.is_file():
    return path, path.parent
  if path.with_name(path.name + '.index').is_file() or path.is_file():
    return path, path.parent
  if not path.is_dir():
    raise FileNotFoundError(f'{path}: no such preset, directory or checkpoint')
  tensors = _first(path / name for name in _HUGGING_FACE)
  if tensors is not None:
    return tensors, path
  if (path / 'saved_model.pb').is_file():
    return path / 'variables' / 'variables', path
  found = _find_checkpoint(path)
  if found is not None:
    return found, path
  hint = ''
  if _first([path / 'bert_config.json', path / 'config.json']):
    hint = '; to start from random weights, give the path of its JSON file'
  raise FileNotFoundError(
    f'{path}: neither {SAFETENSORS} nor pytorch_model.bin nor saved_model.pb '
    f'nor a TensorFlow checkpoint is in it{hint}'
  )


def find_vocab(directory: pathlib.Path) -> pathlib.Path | None:
  """The vocabulary in a directory or TF Hub module, if any.

  A module's `tokenization_info` is not used, since it may be a path on the
  machine that wrote the module.
  """
  named = _first(
    directory / name
    for name in ('vocab.txt', 'assets/vocab.txt', vocabularies.TOKENIZER)
  )
  if named is not None:
    return named
  assets = [p for p in (directory / 'assets').glob('*') if p.is_file()]
  return assets[0] if len(assets) == 1 else None


def resolve(path: str | os.PathLike) -> pathlib.Path:
  """The path itself, or the cached TF Hub module of a web address.

  Raises:
    ValueError: The address cannot be fetched.
  """
  name = os.fspath(path)
  if '://' not in name:
    return pathlib.Path(name)
  if not name.startswith(('https://', 'http://')):
    raise ValueError(f'{name}: copy it to a disk first, and give that path')
  # The import takes a second, and most runs do not need it.
  import tensorflow_hub as hub

  try:
    return pathlib.Path(hub.resolve(name))
  except Exception as e:
    # Errors of many libraries, for a missing connection or module.
    raise ValueError(f'{name}: cannot be fetched: {e}') from e


def _of_sentence_transformer(path: pathlib.Path) -> pathlib.Path:
  """The directory of the BERT in one of sentence-transformers."""
  modules = path / 'modules.json'
  if modules.is_file():
    with faults.naming(modules):
      for module in atomic.read_json(modules):
        if module['type'].endswith('.Transformer'):
          return path / module['path']
  return path


def find(path: str | os.PathLike) -> Sources:
  """Finds the files of a BERT.

  Args:
    path: Directory of Hugging Face (`config.json`, `model.safetensors` or
      `pytorch_model.bin`) or sentence-transformers, of Google's releases
      (`bert_config.json`, a TensorFlow checkpoint) or of TF Hub
      (`saved_model.pb`); checkpoint or file of tensors in such a directory;
      config alone (`*.json`); or web address of a TF Hub module.
  """
  path = _of_sentence_transformer(resolve(path))
  weights: pathlib.Path | None = None
  config: pathlib.Path | None = path
  is_config = path.suffix == '.json' and not path.name.endswith('.index.json')
  if is_config and path.is_file():
    directory = path.parent
  else:
    weights, directory = _find_weights(path)
    config = _first(
      directory / name
      for name in (
        'bert_config.json',
        'config.json',
        INFO,
      )
    )
  lower_case = None
  says = _first(directory / name for name in ('tokenizer_config.json', INFO))
  if says is not None:
    kinds = dict.fromkeys(('do_lower_case', 'lower_case'), bool | None)
    found = atomic.read_object(says, optional=kinds)
    lower_case = found.get('do_lower_case', found.get('lower_case'))
  vocab = find_vocab(directory)
  if lower_case is None and vocab is not None and vocab.suffix == '.json':
    lower_case = vocabularies.says_lower_case(vocab)
  if lower_case is None and weights is not None:
    lower_case = graph_facts_of(weights).lower_case
  return Sources(
    weights=weights,
    config=config,
    vocab=vocab,
    lower_case=lower_case,
  )


def read_config(path: pathlib.Path) -> BertConfig:
  """Reads the JSON config of a BERT or of a module of this package."""
  if path.name == 'realm.json':
    found = atomic.read_object(path, {'bert_config': dict})
    return BertConfig.of(found['bert_config'], path)
  return BertConfig.from_json(path)


def _read_safetensors(
  path: pathlib.Path,
) -> Iterator[tuple[str, Callable[[], np.ndarray]]]:
  # NumPy has no bfloat16, and safetensors' NumPy reader refuses it.
  types = {'F64': '<f8', 'F32': '<f4', 'F16': '<f2', 'BF16': '<u2'}

  def read(tensor: dict) -> np.ndarray:
    values = np.frombuffer(tensor['data'], types[tensor['dtype']])
    if tensor['dtype'] == 'BF16':
      values = (values.astype('<u4') << 16).view('<f4')
    return values.reshape(tensor['shape'])

  with faults.naming(f'{path}: not a safetensors file'):
    tensors = safetensors.deserialize(path.read_bytes())
  for name, tensor in tensors:
    if tensor['dtype'] in types:
      yield name, functools.partial(read, tensor)


def _read_checkpoint(
  prefix: pathlib.Path,
) -> Iterator[tuple[str, Callable[[], np.ndarray]]]:
  with faults.naming(f'{prefix}: not a TensorFlow checkpoint'):
    reader = tf.train.load_checkpoint(str(prefix))
    names = {key: key for key in reader.get_variable_to_shape_map()}
    if _OBJECT_GRAPH in names:
      # TensorFlow 2 stores variables by their place in a tree of objects. Their
      # names are in a record of that tree.
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

  def read(key: str) -> np.ndarray:
    with faults.naming(prefix):
      return reader.get_tensor(key)

  for key, name in names.items():
    yield name, functools.partial(read, key)


def read_tensors(
  path: pathlib.Path,
) -> Iterator[tuple[str, Callable[[], np.ndarray]]]:
  """Yields the name of each tensor and a function that reads it.

  Args:
    path: Path as in `Sources.weights`.

  Raises:
    FileNotFoundError: A file of an index is missing.
    ValueError: The file is damaged or of an unknown kind.
  """
  if path.name.endswith('.index.json'):
    found = atomic.read_object(path, {'weight_map': dict})['weight_map']
    with faults.naming(path):
      parts = [path.with_name(n) for n in sorted(set(found.values()))]
      if any(part.name.endswith('.index.json') for part in parts):
        raise ValueError('an index among its files')
    for part in parts:
      yield from read_tensors(part)
  elif path.name.endswith('.safetensors'):
    yield from _read_safetensors(path)
  elif path.name.endswith('.bin'):
    yield from torch_files.read_tensors(path)
  else:
    yield from _read_checkpoint(path)


def read_weights(path: pathlib.Path) -> tuple[dict[str, np.ndarray], int]:
  """Reads the weights of a BERT as float32, by canonical name.

  Args:
    path: Path as in `Sources.weights`.

  Returns:
    The weights in canonical layout, and the number of attention heads, or 0 if
    the file does not show it.
  """
  weights: dict[str, np.ndarray] = {}
  scopes: dict[str, str] = {}
  num_heads = 0
  decoder = None
  for name, read in read_tensors(path):
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
    with faults.naming(path):
      value = weight_names.canonical_layout(canonical, value)
    if not np.isfinite(value).all():
      raise ValueError(f'{path}: {name} is not finite')
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


def graph_facts_of(path: pathlib.Path) -> graph_facts.GraphFacts:
  """Reads the graph beside a checkpoint, if any.

  Args:
    path: Prefix of the checkpoint, possibly inside a SavedModel.
  """
  if path.name == 'variables' and path.parent.name == 'variables':
    return graph_facts.read_graph_facts(path.parent.parent / 'saved_model.pb')
  return graph_facts.read_graph_facts(path.with_name(path.name + '.meta'))


def _sizes_of(
  weights: Mapping[str, np.ndarray], path: pathlib.Path
) -> dict[str, int]:
  """The sizes that shapes and names of weights show."""
  numbers = [
    int(match.group(1))
    for match in (re.search(r'/layer_(\d+)/', name) for name in weights)
    if match
  ]
  if not numbers:
    raise ValueError(f'{path}: it has no transformer layer')
  with faults.naming(path):
    vocab_size, hidden_size = weights[weight_names.WORD_EMBEDDINGS].shape
    inner = weights['bert/encoder/layer_0/intermediate/dense/bias']
    return {
      'vocab_size': vocab_size,
      'hidden_size': hidden_size,
      'num_layers': 1 + max(numbers),
      'intermediate_size': inner.size,
      'max_positions': len(weights['bert/embeddings/position_embeddings']),
      'type_vocab_size': len(weights['bert/embeddings/token_type_embeddings']),
    }


def check_sizes(
  config: BertConfig, weights: Mapping[str, np.ndarray], path: pathlib.Path
) -> None:
  """Checks that a config is that of weights.

  Args:
    config: Config.
    weights: Weights by canonical name, in canonical layout.
    path: Path of the weights.

  Raises:
    ValueError: They differ in a size; the message names both numbers.
  """
  for name, size in _sizes_of(weights, path).items():
    if getattr(config, name) != size:
      raise ValueError(
        f'{path}: its weights have `{name}` {size}, but its config says'
        f' {getattr(config, name)}: correct the config, or take the weights it'
        ' belongs to'
      )


def infer_config(
  weights: Mapping[str, np.ndarray],
  num_heads: int,
  path: pathlib.Path,
  activation: str = 'gelu',
) -> BertConfig:
  """Infers a config from weights and graph.

  Args:
    weights: Weights by canonical name, in canonical layout.
    num_heads: Number of attention heads, or 0 if unknown.
    path: Path of the weights.
    activation: Activation if there is no graph that shows it.
  """
  sizes = _sizes_of(weights, path)
  hidden_size = sizes['hidden_size']
  facts = graph_facts_of(path)
  head_size = facts.head_size or _HEAD_SIZE
  if not num_heads and hidden_size % head_size:
    raise ValueError(
      f'{path}: the number of attention heads is unknown: put a '
      'bert_config.json beside it'
    )
  config = BertConfig(
    **sizes,
    num_heads=num_heads or hidden_size // head_size,
    activation=facts.activation or activation,
    **{
      name: value
      for name in ('dropout', 'attention_dropout', 'layer_norm_epsilon')
      if (value := getattr(facts, name)) is not None
    },
  )
  logging.info('%s: no config; sizes by its weights: %s', path, config)
  return config
