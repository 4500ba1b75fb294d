# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""TF Hub modules `embedder` and `bert`, written and read.

Both (and that of `span_reader_module`) are TF2 SavedModels that `hub.load`,
`hub.KerasLayer(trainable=True)` and the TF1 loader read. Their signatures
`projected`, `tokens`, `mlm` and `tokenization_info` have the names of the
original's modules, inputs included (`input_ids`, `input_mask`, `segment_ids`);
`__call__` and `serving_default` take Model Garden's (`input_word_ids`,
`input_mask`, `input_type_ids`).
"""

import contextlib
import dataclasses
import math
import os
import pathlib
import time
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from realm_tf.bert.bert_config import BertConfig
from realm_tf.configs.embedder_config import EmbedderForm
from realm_tf.configs.masking_config import FeaturizationConfig
from realm_tf.io import (
  atomic,
  checksums,
  compatibility,
  faults,
  saved_models,
)
from realm_tf.io.module_info import INFO, read_info
from realm_tf.modeling.embedder import PROJECTION_EPSILON, Embedder
from realm_tf.modeling.reader import KnowledgeAugmentedReader
from realm_tf.text.tokenizer import BertTokenizer

_LENGTHS = (
  'query_seq_len',
  'candidate_seq_len',
  'separate_candidate_segments',
)
INPUTS = ('input_word_ids', 'input_mask', 'input_type_ids')
_ORIGINAL_NAMES = {
  'input_ids': 'input_word_ids',
  'input_mask': 'input_mask',
  'segment_ids': 'input_type_ids',
}


def _tokens_spec(name: str) -> tf.TensorSpec:
  return tf.TensorSpec([None, None], tf.int32, name=name)


def without_keras(node: Any, seen: dict[int, Any]) -> Any:
  """Copies a tree of names and variables into objects without Keras.

  A SavedModel of Keras layers holds a traced call of every layer inside, and
  loads only where their classes are registered. The copy holds the weights
  under the same names, so that the layers can be restored from it.

  Args:
    node: Layer.
    seen: Copies made before; empty at first.
  """
  if id(node) not in seen:
    is_variable = isinstance(node, tf.Variable)
    copy = node if is_variable else tf.train.Checkpoint()
    # Keeps the node too: some live only while `children` runs, and their ids
    # would be used again.
    seen[id(node)] = node, copy
    if not is_variable:
      for name, child in tf.train.TrackableView.children(node).items():
        setattr(copy, name, without_keras(child, seen))
  return seen[id(node)][1]


class _Module(tf.Module):
  """What hub.KerasLayer looks for; plain attributes, not tf.Module's own."""

  variables: Any = None
  trainable_variables: Any = None
  regularization_losses: Any = None


class HubModule:
  """A traced module that can be saved again and again as weights change."""

  def __init__(
    self,
    layers: Mapping[str, keras.layers.Layer],
    tokenizer: BertTokenizer,
    info: Mapping[str, Any],
  ):
    """Holds the weights of layers; subclasses add functions.

    Args:
      layers: Layers by the name under which their weights are saved.
      tokenizer: Tokenizer, whose vocabulary becomes an asset.
      info: Content of `assets.extra/realm.json`.
    """
    self._info = dict(info)
    self._info['lower_case'] = tokenizer.lower_case
    self._info['vocab_fingerprint'] = tokenizer.fingerprint
    scratch = contextlib.ExitStack()
    weakref.finalize(self, scratch.close)
    self._files: dict[str, bytes] = {}
    self._saved: dict[str, tf.Variable | tf.Tensor] = {}
    directory = scratch.enter_context(atomic.scratch_directory())
    vocab_file = str(directory / 'vocab.txt')
    tokenizer.save_vocab(vocab_file)
    self._layers = list(layers.values())
    module = _Module()
    module.vocab_file = tf.saved_model.Asset(vocab_file)
    seen: dict[int, Any] = {}
    for name, layer in layers.items():
      setattr(module, name, without_keras(layer, seen))
    module.random_generators = [
      without_keras(generator, seen) for generator in self._generators()
    ]
    module.variables = self._unique('variables')
    module.trainable_variables = self._unique('trainable_variables')
    module.regularization_losses = []
    self._module = module
    lower_case = tokenizer.lower_case

    @tf.function(input_signature=[], autograph=False)
    def tokenization_info() -> dict[str, tf.Tensor]:
      return {
        'vocab_file': module.vocab_file.asset_path,
        'do_lower_case': tf.constant(lower_case),
      }

    self._signatures = {'tokenization_info': tokenization_info}

  def _generators(self) -> list[tf.random.Generator]:
    # Dropout's, traced into the training call but tracked by no layer.
    holders = (
      getattr(part, '_random_generator', None)
      for layer in self._layers
      for part in layer.submodules
    )
    found = (getattr(holder, '_generator', None) for holder in holders)
    return [generator for generator in found if generator is not None]

  def _unique(self, attribute: str) -> list[tf.Variable]:
    found = (v for layer in self._layers for v in getattr(layer, attribute))
    return list({id(variable): variable for variable in found}.values())

  def _set_call(self, call: Any, names: Sequence[str] = INPUTS) -> Any:
    """Traces `call(inputs, training)` for training and for inference.

    Args:
      call: Function of a dict of inputs.
      names: Names of the inputs.

    Returns:
      The traced function for inference, for signatures to call.
    """
    traced = tf.function(call, autograph=False)
    spec = {name: _tokens_spec(name) for name in names}
    for training in (False, True):
      traced.get_concrete_function(spec, training=training)
    self._module.__call__ = traced

    def infer(inputs: Any) -> Any:
      return traced({name: inputs[name] for name in names}, training=False)

    self._add_signature('serving_default', infer, dict(zip(names, names)))
    return infer

  def _add_signature(
    self,
    name: str,
    function: Any,
    names: Mapping[str, str],
  ) -> None:
    """Traces a signature.

    Args:
      name: Name of the signature.
      function: Function of a dict of inputs under our names.
      names: Our name of each input by that in the signature.
    """

    def signature(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
      outputs = function({names[key]: x for key, x in inputs.items()})
      if not isinstance(outputs, Mapping):
        outputs = {'default': outputs}
      return {key: tf.cast(value, tf.float32) for key, value in outputs.items()}

    specs = {key: _tokens_spec(key) for key in names}
    self._signatures[name] = tf.function(
      saved_models.checked(signature), autograph=False
    ).get_concrete_function(**specs)

  def _resolve(self, key: str) -> tf.Variable:
    """Returns the variable that a checkpoint key of the module names."""
    node = self._module
    for name in key.split('/'):
      name = name.replace('.S', '/').replace('..', '.')
      node = tf.train.TrackableView.children(node)[name]
    return node

  def save(
    self, directory: str | os.PathLike, step: int, **changed: Any
  ) -> None:
    """Writes the module with its current weights; appears only when whole.

    Args:
      directory: Directory of the module.
      step: Training step.
      **changed: Values of `info` that have changed.
    """
    self._info.update(changed)
    if not self._saved:
      self._files, tensors = saved_models.trace(self._module, self._signatures)
      self._saved = {
        key: self._resolve(key.removesuffix(saved_models.VALUE))
        if tensor is None
        else tensor
        for key, tensor in tensors.items()
      }
    with atomic.atomic_directory(directory) as temporary:
      saved_models.write(temporary, self._files, self._saved)
      atomic.write_json(
        temporary / INFO,
        {
          **self._info,
          'step': int(step),
          'exported_at': time.time(),
          checksums.CRC32: checksums.of_directory(temporary),
        },
      )


class EmbedderModule(HubModule):
  """From wordpieces to vectors: `projected` for queries, and for documents."""

  def __init__(
    self,
    embedder: Embedder,
    tokenizer: BertTokenizer,
    lengths: Mapping[str, Any] | None = None,
  ):
    """Traces an embedder.

    Args:
      embedder: Embedder to export.
      tokenizer: Tokenizer of its wordpieces.
      lengths: Lengths that it is trained with (`lengths_of`), to be saved.
    """
    info = {
      **(lengths or {}),
      'kind': 'embedder',
      'bert_config': dataclasses.asdict(embedder.bert_config),
      'projection_size': embedder.projection_size,
      'separate_towers': embedder.separate_towers,
      'projection_epsilon': embedder.projection_epsilon,
      'form': embedder.form.to_dict(),
    }
    super().__init__({'embedder': embedder}, tokenizer, info)

    def queries(inputs: Any, training: bool = False) -> tf.Tensor:
      return embedder.embed_queries(inputs, training=training)

    def documents(inputs: Any) -> tf.Tensor:
      return embedder.embed_documents(inputs, training=False)

    infer = self._set_call(queries)
    self._add_signature('projected', infer, _ORIGINAL_NAMES)
    if embedder.separate_towers:
      self._add_signature('projected_documents', documents, _ORIGINAL_NAMES)
    else:
      self._signatures['projected_documents'] = self._signatures['projected']


class BertModule(HubModule):
  """BERT with its head for masked words: `tokens` and `mlm`."""

  def __init__(
    self,
    bert_config: BertConfig,
    encoder: keras.layers.Layer,
    mlm_head: keras.layers.Layer,
    tokenizer: BertTokenizer,
  ):
    info = {'kind': 'bert', 'bert_config': dataclasses.asdict(bert_config)}
    layers = {'encoder': encoder, 'mlm_head': mlm_head}
    super().__init__(layers, tokenizer, info)

    def tokens(inputs: Any, training: bool = False) -> dict[str, tf.Tensor]:
      outputs = encoder(
        {name: inputs[name] for name in INPUTS}, training=training
      )
      return {
        name: tf.cast(outputs[name], tf.float32)
        for name in ('pooled_output', 'sequence_output')
      }

    infer = self._set_call(tokens)

    def mlm(inputs: Any) -> dict[str, tf.Tensor]:
      outputs = infer(inputs)
      logits = mlm_head(outputs['sequence_output'], inputs['mlm_positions'])
      return {**outputs, 'mlm_logits': logits}

    self._add_signature('tokens', infer, _ORIGINAL_NAMES)
    names = {**_ORIGINAL_NAMES, 'mlm_positions': 'mlm_positions'}
    self._add_signature('mlm', mlm, names)


def export_embedder(
  embedder: Embedder,
  tokenizer: BertTokenizer,
  directory: str | os.PathLike,
  step: int,
) -> None:
  """Writes one `embedder` module; for several use an EmbedderModule."""
  EmbedderModule(embedder, tokenizer).save(directory, step)


def export_bert(
  bert_config: BertConfig,
  encoder: keras.layers.Layer,
  mlm_head: keras.layers.Layer,
  tokenizer: BertTokenizer,
  directory: str | os.PathLike,
  step: int,
) -> None:
  """Writes one `bert` module; for several use a BertModule."""
  BertModule(bert_config, encoder, mlm_head, tokenizer).save(directory, step)


def load_tokenizer(directory: str | os.PathLike) -> BertTokenizer:
  """Makes the tokenizer whose ids a module takes."""
  return BertTokenizer.from_file(
    os.path.join(directory, 'assets', 'vocab.txt'),
    lower_case=read_info(directory)['lower_case'],
  )


def lengths_of(config: Any) -> dict[str, Any]:
  """Returns the lengths of a training configuration that has such fields."""
  return {
    name: getattr(config, name) for name in _LENGTHS if hasattr(config, name)
  }


def module_part(directory: str | os.PathLike) -> compatibility.Part:
  """Returns what is compared of a module with other artifacts."""
  info = read_info(directory)
  return compatibility.Part(
    os.fspath(directory),
    vocabulary=info['vocab_fingerprint'],
    embedder=info.get('document_embedder_fingerprint'),
  )


def trained_lengths(directory: str | os.PathLike) -> FeaturizationConfig:
  """Returns the lengths and segments that an embedder was trained with.

  Modules that do not record them get the defaults, as far as their BERT has
  positions.
  """
  info = read_info(directory, 'embedder')
  default = FeaturizationConfig()
  positions = info['bert_config']['max_positions']
  lengths = {
    'query_seq_len': min(default.query_seq_len, positions),
    'candidate_seq_len': min(default.candidate_seq_len, positions),
  }
  recorded = {name: info[name] for name in _LENGTHS if name in info}
  return dataclasses.replace(default, **{**lengths, **recorded})


def bert_config_of(
  directory: str | os.PathLike, info: Mapping[str, Any]
) -> BertConfig:
  """Returns the config of a module, whose weights it must be that of.

  Args:
    directory: Directory of the module.
    info: What `read_info` returned.

  Raises:
    ValueError: It is broken, or larger than the weights.
  """
  config = BertConfig.of(info['bert_config'], directory)
  path = pathlib.Path(directory, 'variables', 'variables')
  with faults.naming(path):
    shapes = tf.train.load_checkpoint(str(path)).get_variable_to_shape_map()
  there = sum(map(math.prod, shapes.values()))
  has_projection = info.get('form', {}).get('projection', True)
  top = info.get('span_hidden_size', 0)
  top += info.get('projection_size', 0) if has_projection else 0
  needed = config.num_weights + config.hidden_size * top
  if needed > there:
    raise ValueError(
      f'{os.fspath(directory)}: its config is that of {needed:,} weights, but'
      f' there are {there:,}'
    )
  return config


def read_layers(
  directory: str | os.PathLike, **layers: keras.layers.Layer
) -> None:
  """Sets the weights of `layers` to those under their names in a module.

  Raises:
    ValueError: The file is damaged, or a weight is not finite.
  """
  path = pathlib.Path(directory) / 'variables' / 'variables'
  with faults.naming(path):
    status = tf.train.Checkpoint(**layers).read(str(path))
    status.assert_existing_objects_matched().expect_partial()
  for layer in layers.values():
    for variable in layer.trainable_variables:
      if not np.isfinite(variable.numpy()).all():
        raise ValueError(f'{path}: {variable.name} is not finite')


def read_embedder_weights(
  embedder: Embedder, directory: str | os.PathLike
) -> None:
  """Sets the weights of `embedder` to those of a module, in place."""
  read_layers(directory, embedder=embedder)


def load_embedder(
  directory: str | os.PathLike, *, dropout: float | None = None
) -> Embedder:
  """Makes the layer that was exported to `directory`.

  Args:
    directory: Directory of the module.
    dropout: Rate of dropout. Defaults to those that it was trained with.
  """
  info = read_info(directory, 'embedder')
  bert_config = bert_config_of(directory, info).with_dropout(dropout)
  with faults.naming(directory):
    # Older modules do not record it.
    form = EmbedderForm(**info.get('form', {}))
  embedder = Embedder(
    bert_config,
    projection_size=info['projection_size'],
    separate_towers=info['separate_towers'],
    form=form,
    # Nor that.
    projection_epsilon=info.get('projection_epsilon', PROJECTION_EPSILON),
  )
  read_embedder_weights(embedder, directory)
  return embedder


def load_reader(directory: str | os.PathLike) -> KnowledgeAugmentedReader:
  """Makes a reader with the weights of the `bert` module in `directory`."""
  info = read_info(directory, 'bert')
  reader = KnowledgeAugmentedReader(bert_config_of(directory, info))
  read_layers(directory, encoder=reader.encoder, mlm_head=reader.mlm_head)
  return reader
