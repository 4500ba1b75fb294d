# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds the files of models that other programs trained.

These are a TF Hub module of the original (`bert`, `embedder`, `ict`), a
directory of several, a checkpoint, the model directory of an ORQA fine-tuning,
or a directory of Hugging Face's REALM.
"""

import dataclasses
import os
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from realm_tf.bert import graph_facts, weight_files, weights
from realm_tf.bert.bert_config import BertConfig
from realm_tf.io import atomic, compatibility
from realm_tf.io.module_info import INFO
from realm_tf.modeling.embedder import PROJECTION_EPSILON
from realm_tf.original import original_weights
from realm_tf.text.tokenizer import BertTokenizer

_ORQA_PARAMETERS = 'params.json'
_SETTINGS = {
  'layer_norm_eps': float,
  'query_seq_len': int,
  'reader_seq_len': int,
  'retriever_module_path': str | None,
  'searcher_seq_len': int,
}
_ENCODED = os.path.join('encoded', 'encoded.ckpt')
# Epsilon of layer normalization in TensorFlow's slim layers; in Keras it is
# PROJECTION_EPSILON, unless a graph says otherwise.
_SLIM_EPSILON = 1e-12
# Google's BERT as the original's modules compute it.
_ACTIVATION = 'gelu_new'


@dataclasses.dataclass(frozen=True)
class Source:
  """A model that was found.

  Attributes:
    files: Its files.
    found: The weights in them.
    facts: Facts from the graph beside them.
    settings: Contents of `params.json` (ORQA) or `config.json` (Hugging Face).
    block_embeddings: float32 `[blocks, dim]`, beside or among the weights.
  """

  files: weight_files.Sources
  found: original_weights.FoundWeights
  facts: graph_facts.GraphFacts
  settings: Mapping[str, Any]
  block_embeddings: np.ndarray | None

  @property
  def path(self) -> pathlib.Path:
    """Path of the weights."""
    return self.found.path

  @property
  def retriever(self) -> str | None:
    """Module that an ORQA fine-tuning started its retriever from."""
    return self.settings.get('retriever_module_path')

  @property
  def query_seq_len(self) -> int:
    """Wordpieces of a packed question, in ORQA's or Hugging Face's settings."""
    settings = self.settings
    return settings.get('query_seq_len', settings.get('searcher_seq_len', 64))

  @property
  def reader_seq_len(self) -> int:
    """Wordpieces of a question packed with a block."""
    return self.settings.get('reader_seq_len', 320)

  def bert_config(self, encoder: original_weights.Encoder) -> BertConfig:
    """Returns the config, or infers it from the weights if there is none."""
    if self.files.config is not None:
      config = weight_files.read_config(self.files.config)
      weight_files.check_sizes(config, encoder.weights, self.path)
      return config
    return weight_files.infer_config(
      encoder.weights, encoder.num_heads, self.path, _ACTIVATION
    )

  def projection_epsilon(self, encoder: original_weights.Encoder) -> float:
    """Returns the epsilon of the layer normalization on top of an embedder."""
    if self.facts.projection_epsilon is not None:
      return self.facts.projection_epsilon
    if self.files.config is not None and 'layer_norm_eps' in self.settings:
      return self.settings['layer_norm_eps']
    is_slim = encoder.norm_name == 'LayerNorm'
    return _SLIM_EPSILON if is_slim else PROJECTION_EPSILON


def check_tags(facts: graph_facts.GraphFacts, tags: Iterable[str]) -> None:
  """Checks that a module has a graph with exactly these tags.

  Raises:
    ValueError: It has none; the message names the tags that it has.
  """
  wanted = tuple(sorted(tags))
  if wanted not in facts.tags:
    there = ', '.join('{' + ', '.join(t) + '}' for t in facts.tags) or 'none'
    raise ValueError(
      f'the module has no graph with the tags {{{", ".join(wanted)}}}, but'
      f' {there}'
    )


def _read_block_embeddings(prefix: pathlib.Path) -> np.ndarray | None:
  if not prefix.with_name(prefix.name + '.index').is_file():
    return None
  found = original_weights.read(prefix).block_embeddings
  if found is None:
    raise ValueError(
      f'{prefix}: no {original_weights.BLOCK_EMBEDDINGS} is in it'
    )
  return found


def _open(files: weight_files.Sources, settings: Mapping[str, Any]) -> Source:
  if files.weights is None:
    raise ValueError(f'{files.config}: a config alone has no weights')
  found = original_weights.read(files.weights)
  facts = weight_files.graph_facts_of(files.weights)
  block_embeddings = found.block_embeddings
  if files.weights.parent.name == 'variables' and block_embeddings is None:
    module = files.weights.parent.parent
    block_embeddings = _read_block_embeddings(module / _ENCODED)
  if files.config is not None and not settings:
    settings = atomic.read_object(files.config, {}, _SETTINGS)
  return Source(files, found, facts, settings, block_embeddings)


def _find_orqa(path: pathlib.Path) -> Source:
  """Opens the best checkpoint of an ORQA fine-tuning, or else its last."""
  best = path / 'export' / 'best_default' / 'checkpoint'
  files = weight_files.find(best if best.is_dir() else path)
  settings = atomic.read_object(path / _ORQA_PARAMETERS, {}, _SETTINGS)
  return _open(files, settings)


def find(path: str | os.PathLike) -> list[Source]:
  """Finds the models at a path, and reads their weights.

  Args:
    path: Path as in the module's docstring, or address of a TF Hub module.

  Raises:
    FileNotFoundError: There is no model.
    ValueError: It is broken, or a module of this package.
  """
  path = weight_files.resolve(path)
  if (path / INFO).is_file():
    raise ValueError(f'{path} is a module of realm_tf: nothing to convert')
  if (path / _ORQA_PARAMETERS).is_file():
    return [_find_orqa(path)]
  modules = sorted(p.parent for p in path.glob('*/saved_model.pb'))
  if modules and not (path / 'saved_model.pb').is_file():
    return [source for module in modules for source in find(module)]
  return [_open(weight_files.find(path), {})]


def find_tokenizer(
  sources: Iterable[Source],
  vocab_file: str | None = None,
  lower_case: bool | None = None,
) -> BertTokenizer | None:
  """Returns the tokenizer that models share, or None if there is none.

  Args:
    sources: Sources of the models.
    vocab_file: Vocabulary in place of theirs.
    lower_case: Whether it is uncased. Defaults to what the sources say.

  Raises:
    MismatchError: They have different vocabularies.
  """
  sources = list(sources)
  if lower_case is None:
    says = (s.files.lower_case for s in sources)
    lower_case = next((x for x in says if x is not None), None)
  vocabs = [s.files.vocab for s in sources if s.files.vocab is not None]
  if vocab_file is not None:
    vocabs = [pathlib.Path(vocab_file)]
  if not vocabs:
    return None
  if lower_case is None:
    lower_case = weights.is_lower_case(vocabs[0])
  made = [BertTokenizer.from_file(v, lower_case=lower_case) for v in vocabs]
  compatibility.check(
    *(
      compatibility.Part(str(vocab), vocabulary=tokenizer.fingerprint)
      for vocab, tokenizer in zip(vocabs, made)
    )
  )
  return made[0]
