# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Loads and saves pre-trained BERTs."""

import dataclasses
import os
import pathlib
import re
from collections.abc import Mapping

import numpy as np
import safetensors.numpy
import tensorflow as tf
from absl import logging
from official.nlp.modeling import layers, networks

from realm_tf.bert import encoder as encoder_lib
from realm_tf.bert import weight_files, weight_names
from realm_tf.bert.bert_config import PRESETS, BertConfig
from realm_tf.io import atomic, vocabularies

# Weights that a file may lack, since not every training has them.
_OPTIONAL = ('bert/pooler/', 'cls/')


@dataclasses.dataclass
class Bert:
  """An encoder with its head and vocabulary.

  Attributes:
    config: Sizes of the encoder.
    encoder: The encoder (`encoder.build_encoder`).
    mlm_head: Head that is tied to the encoder (`encoder.build_mlm_head`).
    vocab_file: Vocabulary that came with the weights, if any.
    lower_case: Whether the vocabulary is for lower-cased text.
  """

  config: BertConfig
  encoder: networks.BertEncoderV2
  mlm_head: layers.MaskedLM | None = None
  vocab_file: str | None = None
  lower_case: bool = True


def _check_vocab(path: pathlib.Path, vocab_size: int) -> None:
  count = len(vocabularies.read_vocab(path))
  if count > vocab_size:
    raise ValueError(
      f'{path}: {count} wordpieces, but the model has embeddings for '
      f'{vocab_size}'
    )


def is_lower_case(path: pathlib.Path) -> bool:
  """Whether a vocabulary has no wordpiece with an upper-case letter."""
  return not any(
    re.search('[A-Z]', piece)
    for piece in vocabularies.read_vocab(path)
    if not re.fullmatch(r'\[.*\]', piece)
  )


def variables_by_name(
  encoder: networks.BertEncoderV2, mlm_head: layers.MaskedLM | None = None
) -> dict[str, tf.Variable]:
  """The variables of a BERT by canonical name."""
  variables = list(encoder.variables)
  if mlm_head is not None:
    table = encoder.get_embedding_table()
    variables += [v for v in mlm_head.variables if v is not table]
  return {weight_names.canonical_name(v.name): v for v in variables}


def assign(
  variables: Mapping[str, tf.Variable],
  weights: Mapping[str, np.ndarray],
  path: str | os.PathLike,
  optional: tuple[str, ...] = _OPTIONAL,
) -> None:
  """Assigns weights from a file, and logs those that it lacks.

  Args:
    variables: Variables by name.
    weights: Weights by the same names, BERT's in canonical layout.
    path: Path of the file, for messages.
    optional: Prefixes of the names of variables that may stay as they are.

  Raises:
    ValueError: A weight is missing or has a wrong shape.
  """
  missing = sorted(variables.keys() - weights.keys())
  needed = [name for name in missing if not name.startswith(optional)]
  if needed:
    raise ValueError(
      f'{path}: {len(needed)} weights are missing, {needed[0]} first'
    )
  for name, variable in variables.items():
    if name not in weights:
      continue
    shape = weight_names.canonical_layout(
      name, np.broadcast_to(np.float32(0), variable.shape)
    ).shape
    if weights[name].shape != shape:
      raise ValueError(
        f'{path}: {name} has shape {weights[name].shape}; by the config it '
        f'should be {shape}'
      )
  for name, variable in variables.items():
    if name in weights:
      variable.assign(weights[name].reshape(variable.shape))
  logging.info('%s: %d weights read', path, len(variables) - len(missing))
  if missing:
    logging.warning(
      '%s: missing, so initialized randomly: %s', path, ', '.join(missing)
    )


def load_bert(
  path_or_preset: str | os.PathLike,
  *,
  vocab_size: int | None = None,
  with_mlm_head: bool = True,
  seed: int = 0,
) -> Bert:
  """Loads a pre-trained BERT, or makes one with random weights.

  Args:
    path_or_preset: `tiny`, `mini`, `small` or `base`, or a config
      (`bert_config.json`), for random weights of that size; or pre-trained
      weights: a directory with `config.json` and `model.safetensors`, a
      directory with a TensorFlow checkpoint of BERT, a TF Hub module or other
      SavedModel, or a checkpoint in such a directory.
    vocab_size: Vocabulary size of a preset; anything else must have this size.
      Defaults to 30,522 for a preset.
    with_mlm_head: Whether to build the head. A head or pooler that the file
      lacks is initialized randomly and logged.
    seed: Seed of random weights. Defaults to 0.

  Raises:
    FileNotFoundError: The path has no BERT.
    ValueError: The files do not fit together, or are not BERT's.
  """
  name = os.fspath(path_or_preset)
  weights: dict[str, np.ndarray] = {}
  sources = weight_files.Sources(None, None, None, None)
  if name in PRESETS:
    sizes = {} if vocab_size is None else {'vocab_size': vocab_size}
    config = BertConfig.preset(name, **sizes)
  else:
    sources = weight_files.find(name)
    num_heads = 0
    if sources.weights is not None:
      weights, num_heads = weight_files.read_weights(sources.weights)
    if sources.config is not None:
      config = weight_files.read_config(sources.config)
      if sources.weights is not None:
        weight_files.check_sizes(config, weights, sources.weights)
    else:
      assert sources.weights is not None
      config = weight_files.infer_config(weights, num_heads, sources.weights)
    if vocab_size is not None and vocab_size != config.vocab_size:
      raise ValueError(
        f'{name}: its vocabulary has {config.vocab_size} wordpieces, not '
        f'{vocab_size}: use the vocabulary that belongs to it'
      )
  lower_case = sources.lower_case
  if sources.vocab is not None:
    _check_vocab(sources.vocab, config.vocab_size)
    if lower_case is None:
      lower_case = is_lower_case(sources.vocab)
  encoder = encoder_lib.build_encoder(config, seed=seed)
  bert = Bert(
    config=config,
    encoder=encoder,
    mlm_head=(
      encoder_lib.build_mlm_head(config, encoder, seed=seed)
      if with_mlm_head
      else None
    ),
    vocab_file=None if sources.vocab is None else str(sources.vocab),
    lower_case=True if lower_case is None else lower_case,
  )
  if sources.weights is not None:
    assign(
      variables_by_name(bert.encoder, bert.mlm_head), weights, sources.weights
    )
  return bert


def save_bert(
  bert: Bert, directory: str | os.PathLike, *, dtype: str = 'float32'
) -> None:
  """Writes a BERT for `load_bert` and for Hugging Face's `BertForMaskedLM`.

  Args:
    bert: BERT to save.
    directory: Directory that gets `config.json`, `vocab.txt`,
      `tokenizer_config.json` and, last, `model.safetensors`.
    dtype: Type of the saved weights, `float32` or `float16`.
  """
  if dtype not in ('float32', 'float16'):
    raise ValueError(
      f"`dtype` must be 'float32' or 'float16'. Received: {dtype}"
    )
  tensors = {}
  for name, variable in variables_by_name(bert.encoder, bert.mlm_head).items():
    value = weight_names.canonical_layout(name, variable.numpy())
    with np.errstate(over='ignore'):
      value = value.astype(dtype)
    if not np.isfinite(value).all():
      raise ValueError(f'{name} has values that are not finite in {dtype}')
    name, value = weight_names.to_hugging_face(name, value)
    tensors[name] = value
  directory = pathlib.Path(directory)
  if bert.vocab_file is None:
    logging.warning('%s: saved without a vocabulary', directory)
  else:
    vocab = pathlib.Path(bert.vocab_file)
    _check_vocab(vocab, bert.config.vocab_size)
    pieces = vocabularies.read_vocab(vocab)
    with atomic.atomic_file(directory / 'vocab.txt', 'w') as f:
      f.writelines(f'{piece}\n' for piece in pieces)
  atomic.write_json(
    directory / 'config.json', {**bert.config.to_json(), 'torch_dtype': dtype}
  )
  atomic.write_json(
    directory / 'tokenizer_config.json',
    {
      'tokenizer_class': 'BertTokenizer',
      'do_lower_case': bert.lower_case,
      'model_max_length': bert.config.max_positions,
    },
  )
  with atomic.atomic_file(directory / weight_files.SAFETENSORS) as f:
    f.write(safetensors.numpy.save(tensors, metadata={'format': 'pt'}))
