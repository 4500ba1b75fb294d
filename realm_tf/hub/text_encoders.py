# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Embedders from encoders as others publish them.

Those are directories of sentence-transformers (`modules.json`), of DPR's and
Contriever's encoders, and of a BERT. Two of them, `QUERIES,DOCUMENTS`, are the
towers of one embedder.
"""

import dataclasses
import os
import pathlib
from typing import Any

import numpy as np
from absl import logging

from realm_tf.bert import weight_files, weights
from realm_tf.configs.embedder_config import EmbedderForm, EmbedderStartConfig
from realm_tf.configs.masking_config import FeaturizationConfig
from realm_tf.io import atomic, faults
from realm_tf.modeling.embedder import Embedder
from realm_tf.text.tokenizer import BertTokenizer

_MODULES = 'modules.json'
# Maximum wordpieces where the directory does not say: the original's, and
# BERT's.
_QUERY_LENGTH, _DOCUMENT_LENGTH, _POSITIONS = 96, 288, 512
PROJECTION_SIZE = 128
# That of most sentence encoders' training.
_TEMPERATURE = 0.05
_POOLINGS = {'cls': 'cls', 'cls_token': 'cls', 'mean': 'mean'}
_POOLINGS['mean_tokens'] = 'mean'
_PROMPTS = {
  'query_prefix': ('query', 's2p_query', 'web_search_query'),
  'document_prefix': ('document', 'passage', 'corpus'),
}


@dataclasses.dataclass
class _Parts:
  """What a directory says of an embedder besides the weights of its BERT.

  Attributes:
    transformer: Directory of the BERT.
    form: Names and values of `EmbedderForm`; prefixes are text.
    kernel: Kernel of the projection `[hidden, size]`, if any.
    bias: Bias of the projection.
    max_length: Maximum wordpieces of a text, if it says so.
  """

  transformer: pathlib.Path
  form: dict[str, Any]
  kernel: np.ndarray | None = None
  bias: np.ndarray | None = None
  max_length: int | None = None


@dataclasses.dataclass(frozen=True)
class TextEncoder:
  """An embedder and what its inputs are made with.

  Attributes:
    embedder: The embedder.
    tokenizer: Tokenizer of its wordpieces.
    lengths: Maximum wordpieces of queries and documents, without prefixes.
    source: Path, and the prefixes as text.
  """

  embedder: Embedder
  tokenizer: BertTokenizer
  lengths: FeaturizationConfig
  source: dict[str, str]


def _read_pooling(path: pathlib.Path) -> str:
  found = atomic.read_object(path)
  modes = [
    name.removeprefix('pooling_mode_')
    for name, value in found.items()
    if name.startswith('pooling_mode_') and value
  ]
  # Later versions have one name, or several joined by "+".
  modes = modes or str(found.get('pooling_mode', '')).split('+')
  if len(modes) != 1 or modes[0] not in _POOLINGS:
    raise ValueError(
      f'{path}: pooling {" and ".join(modes)!r} is not supported, only cls and'
      ' mean'
    )
  if not found.get('include_prompt', True):
    raise ValueError(f'{path}: `include_prompt` false is not supported')
  return _POOLINGS[modes[0]]


def _read_tensors(directory: pathlib.Path) -> dict[str, np.ndarray]:
  names = (weight_files.SAFETENSORS, 'pytorch_model.bin')
  paths = [directory / name for name in names if (directory / name).is_file()]
  if not paths:
    raise FileNotFoundError(f'{directory} has no {" or ".join(names)}')
  return {
    name: np.asarray(read(), np.float32)
    for name, read in weight_files.read_tensors(paths[0])
  }


def _read_dense(parts: _Parts, directory: pathlib.Path) -> None:
  path = directory / 'config.json'
  config = atomic.read_object(path)
  activation = str(config.get('activation_function', 'Tanh')).split('.')[-1]
  activations = {'Tanh': 'tanh', 'Identity': 'linear'}
  if activation not in activations or parts.kernel is not None:
    raise ValueError(
      f'{path}: one Dense module with Tanh or Identity is supported, not'
      f' {activation}'
    )
  tensors = _read_tensors(directory)
  parts.kernel = tensors['linear.weight'].T
  parts.bias = tensors.get('linear.bias')
  parts.form.update(projection=True, activation=activations[activation])


def _read_sentence_transformer(directory: pathlib.Path) -> _Parts:
  parts = _Parts(directory, {'projection': False, 'normalization': 'none'})
  parts.form['titles'] = 'joined'
  for module in atomic.read_json(directory / _MODULES):
    kind = module['type'].split('.')[-1]
    path = directory / module['path']
    if parts.form['normalization'] == 'l2' and kind != 'Normalize':
      raise ValueError(f'{directory}: {kind} after Normalize is not supported')
    if kind == 'Transformer':
      parts.transformer = path
      settings = path / 'sentence_bert_config.json'
      if settings.is_file():
        kinds = {'max_seq_length': int | None}
        found = atomic.read_object(settings, {}, kinds)
        parts.max_length = found.get('max_seq_length')
    elif kind == 'Pooling':
      parts.form['pooling'] = _read_pooling(path / 'config.json')
    elif kind == 'Dense':
      _read_dense(parts, path)
    elif kind == 'Normalize':
      parts.form['normalization'] = 'l2'
    elif kind != 'Dropout':
      raise ValueError(
        f'{directory / _MODULES}: modules of type {kind} are not supported'
      )
  settings = directory / 'config_sentence_transformers.json'
  if settings.is_file():
    found = atomic.read_object(settings, {}, {'prompts': dict | None})
    prompts = found.get('prompts') or {}
    default = prompts.get(found.get('default_prompt_name'), '')
    for name, keys in _PROMPTS.items():
      given = (prompts[key] for key in keys if prompts.get(key))
      parts.form[name] = next(given, default)
  return parts


def _read_encoder(path: str | os.PathLike) -> _Parts:
  """Reads all but the weights of a BERT; tells what kind of encoder it is."""
  directory = weight_files.resolve(path)
  if (directory / _MODULES).is_file():
    with faults.naming(directory):
      return _read_sentence_transformer(directory)
  form = {'projection': False, 'normalization': 'none', 'titles': 'joined'}
  config = weight_files.find(directory).config
  found = {} if config is None else atomic.read_object(config)
  kind = ''.join(found.get('architectures') or ())
  if found.get('model_type') == 'dpr':
    if found.get('projection_dim'):
      raise ValueError(f'{config}: `projection_dim` is not supported')
    # DPR takes no segments.
    form.update(pooling='cls', titles='separated')
  else:
    form['pooling'] = 'mean'
    if 'Contriever' not in kind:
      logging.warning(
        '%s has no %s: the mean of its outputs is taken (`pooling`)',
        *(path, _MODULES),
      )
  return _Parts(directory, form)


def _changed(parts: _Parts, config: EmbedderStartConfig) -> None:
  """Applies what a configuration changes."""
  form = parts.form
  for name in ('pooling', 'normalization', 'query_prefix', 'document_prefix'):
    if getattr(config, name) is not None:
      form[name] = getattr(config, name)
  if config.projection in ('none', 'random'):
    parts.kernel = parts.bias = None
    form.update(projection=config.projection == 'random', activation='linear')
  form['temperature'] = config.temperature
  if config.temperature is None and form['normalization'] == 'l2':
    form['temperature'] = _TEMPERATURE


def _prefix(tokenizer: BertTokenizer, text: str) -> tuple[int, ...]:
  return tuple(tokenizer.tokenize([text]).values.numpy().tolist())


def _load_tokenizer(parts: _Parts) -> BertTokenizer:
  found = weight_files.find(parts.transformer)
  if found.vocab is None:
    raise ValueError(f'{parts.transformer} has no vocab.txt or tokenizer.json')
  lower_case = found.lower_case
  if lower_case is None:
    lower_case = weights.is_lower_case(found.vocab)
  return BertTokenizer.from_file(found.vocab, lower_case=lower_case)


def new_form(
  config: EmbedderStartConfig, tokenizer: BertTokenizer
) -> EmbedderForm:
  """The form of an embedder that starts from a BERT: the original's, changed.

  Raises:
    ValueError: It would be projected to principal axes.
  """
  if config.projection == 'principal':
    raise ValueError(
      '`projection` principal is of the vectors of an encoder: give the BERT as'
      ' `embedder`'
    )
  default = EmbedderForm()
  return EmbedderForm(
    pooling=config.pooling or default.pooling,
    projection=config.projection != 'none',
    normalization=config.normalization or default.normalization,
    temperature=config.temperature,
    query_prefix=_prefix(tokenizer, config.query_prefix or ''),
    document_prefix=_prefix(tokenizer, config.document_prefix or ''),
  )


def _lengths(parts: _Parts, form: EmbedderForm) -> FeaturizationConfig:
  found = weight_files.find(parts.transformer).config
  positions = _POSITIONS
  if found is not None:
    positions = weight_files.read_config(found).max_positions
  query, document = _QUERY_LENGTH, _DOCUMENT_LENGTH
  if parts.max_length is not None:
    query = document = parts.max_length
  # The [SEP] that is taken out leaves room for a wordpiece.
  document += form.titles == 'joined'
  return FeaturizationConfig(
    query_seq_len=min(query, positions) - len(form.query_prefix),
    candidate_seq_len=min(document, positions) - len(form.document_prefix),
  )


def is_encoder(path: str | os.PathLike) -> bool:
  """Whether it is an encoder of others, rather than a module of this package.

  Args:
    path: Path, two of them joined by a comma, or web address.
  """
  name = os.fspath(path)
  if ',' in name or '://' in name:
    return True
  # Modules of the original have to be converted.
  return not pathlib.Path(name, 'saved_model.pb').is_file()


@dataclasses.dataclass
class _Plan:
  """An embedder to be made: directories, form, and what is of both towers."""

  towers: list[_Parts]
  form: EmbedderForm
  tokenizer: BertTokenizer
  texts: dict[str, str]


def _make_plan(path: str | os.PathLike, config: EmbedderStartConfig) -> _Plan:
  names = os.fspath(path).split(',')
  if len(names) > 2:
    raise ValueError(f'{path}: more than two encoders')
  towers = [_read_encoder(name) for name in names]
  for its in towers:
    _changed(its, config)
  tokenizers = [_load_tokenizer(its) for its in towers]
  tokenizer, first, last = tokenizers[0], towers[0].form, towers[-1].form
  texts = {
    'query_prefix': first.get('query_prefix', ''),
    'document_prefix': last.get('document_prefix', ''),
  }
  forms = [
    {name: x for name, x in its.form.items() if name not in texts}
    for its in towers
  ]
  if forms[0] != forms[-1] or tokenizer.fingerprint != (
    tokenizers[-1].fingerprint
  ):
    raise ValueError(f'{path}: the two encoders differ in form or words')
  prefixes = {name: _prefix(tokenizer, text) for name, text in texts.items()}
  form = EmbedderForm(**{**forms[0], **prefixes})
  return _Plan(towers, form, tokenizer, texts)


def read_lengths(
  path: str | os.PathLike, config: EmbedderStartConfig
) -> FeaturizationConfig:
  """Reads the maximum wordpieces of queries and documents; no weights.

  The arguments and errors are those of `read_encoder`.
  """
  plan = _make_plan(path, config)
  return _lengths(plan.towers[0], plan.form)


def read_encoder(
  path: str | os.PathLike,
  config: EmbedderStartConfig | None = None,
  *,
  seed: int = 0,
) -> TextEncoder:
  """Makes an embedder of an encoder that others trained.

  Args:
    path: A directory, or `QUERIES,DOCUMENTS` for separate towers.
    config: What to change. Principal axes are not computed here: with them
      there is no projection yet. Defaults to nothing.
    seed: Seed of a random projection and of dropout.

  Raises:
    FileNotFoundError: There is no such encoder.
    ValueError: It has a part that is not supported, or the towers differ.
  """
  config = config or EmbedderStartConfig()
  plan = _make_plan(path, config)
  berts = [
    weights.load_bert(its.transformer, with_mlm_head=False)
    for its in plan.towers
  ]
  size = config.projection_size or PROJECTION_SIZE
  kernel = plan.towers[0].kernel
  if config.projection != 'random':
    size = berts[0].config.hidden_size if kernel is None else kernel.shape[1]
  if config.projection is None and config.projection_size not in (None, size):
    raise ValueError(
      f'`projection_size` is {config.projection_size}, but {path} makes'
      f' {size} numbers: give a `projection`'
    )
  embedder = Embedder(
    berts[0].config,
    size,
    len(berts) > 1,
    form=plan.form,
    seed=seed,
  )
  for tower, bert, its in zip(embedder.towers, berts, plan.towers):
    tower.init_from_bert(bert)
    if its.kernel is not None:
      tower.projection.kernel.assign(its.kernel)
      if its.bias is not None:
        tower.projection.bias.assign(its.bias)
  return TextEncoder(
    embedder,
    plan.tokenizer,
    _lengths(plan.towers[0], plan.form),
    {'path': os.fspath(path), **plan.texts},
  )
