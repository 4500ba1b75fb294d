# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds the files of models that other programs trained.

That is a TF Hub module of the original (`bert`, `embedder`, `ict`), a directory
of several, a checkpoint, the model directory of an ORQA fine-tuning, or a
directory of Hugging Face's REALM.
"""

import dataclasses
import os
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from realm_tf.bert import graph_facts, weight_files, weights
from realm_tf.bert.bert_config import BertConfig
from realm_tf.io import atomic
from realm_tf.modeling.embedder import PROJECTION_EPSILON
from realm_tf.original import original_weights
from realm_tf.text.tokenizer import BertTokenizer

_ORQA_PARAMETERS = 'params.json'
_ENCODED = os.path.join('encoded', 'encoded.ckpt')
# Layer normalizations by TensorFlow's slim layers have this epsilon, those by
# Keras and without a graph to look it up, PROJECTION_EPSILON.
_SLIM_EPSILON = 1e-12
# Google's BERT as the original's modules compute it.
_ACTIVATION = 'gelu_new'


@dataclasses.dataclass(frozen=True)
class Source:
  """One model that was found.

  Attributes:
    files: Of it.
    found: The weights in them.
    facts: What the graph beside them says.
    settings: What `params.json` (ORQA) or `config.json` (Hugging Face) says.
    block_embeddings: float32 `[blocks, dim]`, beside the weights or in them.
  """

  files: weight_files.Sources
  found: original_weights.FoundWeights
  facts: graph_facts.GraphFacts
  settings: Mapping[str, Any]
  block_embeddings: np.ndarray | None

  @property
  def path(self) -> pathlib.Path:
    """Of the weights."""
    return self.found.path

  def bert_config(self, encoder: original_weights.Encoder) -> BertConfig:
    """The sizes of an encoder: of a config if there is one, else of weights."""
    if self.files.config is not None:
      return weight_files.read_config(self.files.config)
    return weight_files.infer_config(
      encoder.weights, encoder.num_heads, self.path, _ACTIVATION
    )

  def projection_epsilon(self, encoder: original_weights.Encoder) -> float:
    """Of the layer normalization on top of an embedder."""
    if self.facts.projection_epsilon is not None:
      return self.facts.projection_epsilon
    if self.files.config is not None and 'layer_norm_eps' in self.settings:
      return self.settings['layer_norm_eps']
    is_slim = encoder.norm_name == 'LayerNorm'
    return _SLIM_EPSILON if is_slim else PROJECTION_EPSILON


def check_tags(facts: graph_facts.GraphFacts, tags: Iterable[str]) -> None:
  """Checks that a module has a graph with just these tags.

  Raises:
    ValueError: It has none; the message names those that it has.
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
    settings = atomic.read_json(files.config)
  return Source(files, found, facts, settings, block_embeddings)


def _find_orqa(path: pathlib.Path) -> Source:
  """What an ORQA fine-tuning left: its best checkpoint, or else its last."""
  best = path / 'export' / 'best_default' / 'checkpoint'
  files = weight_files.find(best if best.is_dir() else path)
  return _open(files, atomic.read_json(path / _ORQA_PARAMETERS))


def _modules_in(path: pathlib.Path) -> list[pathlib.Path]:
  return sorted(p.parent for p in path.glob('*/saved_model.pb'))


def find(path: str | os.PathLike) -> list[Source]:
  """Finds the models at a path, and reads their weights.

  Args:
    path: See the module; or the address of a TF Hub module.

  Raises:
    FileNotFoundError: There is none.
    ValueError: It is broken, or our own.
  """
  path = weight_files.resolve(path)
  if (path / 'assets.extra' / 'realm.json').is_file():
    raise ValueError(f'{path} is a module of realm_tf: nothing is to convert')
  if (path / _ORQA_PARAMETERS).is_file():
    return [_find_orqa(path)]
  modules = [] if (path / 'saved_model.pb').is_file() else _modules_in(path)
  if modules:
    return [source for module in modules for source in find(module)]
  return [_open(weight_files.find(path), {})]


def find_tokenizer(
  sources: Iterable[Source],
  vocab_file: str | None = None,
  lower_case: bool | None = None,
) -> BertTokenizer | None:
  """The tokenizer that models have in common; None if they come without.

  Args:
    sources: Of the models.
    vocab_file: Replaces theirs.
    lower_case: Replaces what they say.

  Raises:
    ValueError: They have several.
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
  for vocab, tokenizer in zip(vocabs, made):
    if tokenizer.fingerprint != made[0].fingerprint:
      raise ValueError(f'{vocabs[0]} and {vocab} are different vocabularies')
  return made[0]
