# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds encoders, and what stands on them, in weights of other programs.

Read are variables of the original's modules and checkpoints (REALM, ORQA, ICT),
under whatever scopes they were put, and the tensors of Hugging Face's REALM.
"""

import collections
import dataclasses
import pathlib
import re
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from realm_tf.bert import weight_files, weight_names

EMBEDDER = 'embedder'
BERT = 'bert'
SPAN_READER = 'span_reader'
BLOCK_EMBEDDINGS = 'block_emb'

# The end of a name -> what we call it, and whether the matrix is transposed.
# `dense` is a projection, below the output layer `dense_1` if there is one.
_TOP = {
  'dense/kernel': ('projection/kernel', False),
  'dense/bias': ('projection/bias', False),
  'layer_normalization/gamma': ('layer_norm/gamma', False),
  'layer_normalization/beta': ('layer_norm/beta', False),
  'LayerNorm/gamma': ('layer_norm/gamma', False),
  'LayerNorm/beta': ('layer_norm/beta', False),
  'dense_1/kernel': ('score/kernel', False),
  'dense_1/bias': ('score/bias', False),
  'cls/dense/weight': ('projection/kernel', True),
  'cls/dense/bias': ('projection/bias', False),
  'cls/LayerNorm/weight': ('layer_norm/gamma', False),
  'cls/LayerNorm/bias': ('layer_norm/beta', False),
  'qa_outputs/dense_intermediate/weight': ('projection/kernel', True),
  'qa_outputs/dense_intermediate/bias': ('projection/bias', False),
  'qa_outputs/layer_normalization/weight': ('layer_norm/gamma', False),
  'qa_outputs/layer_normalization/bias': ('layer_norm/beta', False),
  'qa_outputs/dense_output/weight': ('score/kernel', True),
  'qa_outputs/dense_output/bias': ('score/bias', False),
}
# Why a tensor has no place with us.
_NO_WEIGHTS = (
  (r'(^|/)(adam_[mv]|Adam(_1)?|m|v|beta[12]_power)$', "the optimizer's"),
  (r'(^|/)global_step$', 'the step'),
  (r'(position|token_type)_ids$', 'no weight'),
  (r'predictions/decoder/(weight|bias)$', 'an output layer that is tied'),
)
UNKNOWN = 'unknown'


@dataclasses.dataclass
class Encoder:
  """The weights of one encoder, and of what stands on it, as float32.

  Attributes:
    scope: What its names begin with.
    weights: BERT's by canonical name, in canonical layout; those on top as
      `projection/kernel`, `layer_norm/gamma`, `score/kernel` and so on.
    num_heads: Of attention, or 0 if the shapes do not show it.
    norm_name: What the layer normalization on top is called.
    decoder: The output layer for words, where it is stored apart.
  """

  scope: str
  weights: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
  num_heads: int = 0
  norm_name: str = ''
  decoder: np.ndarray | None = None

  @property
  def kind(self) -> str:
    """`embedder`, `bert` or `span_reader`."""
    if 'score/kernel' in self.weights:
      return SPAN_READER
    return EMBEDDER if 'projection/kernel' in self.weights else BERT

  def used(self) -> dict[str, np.ndarray]:
    """The weights that a layer of its kind has."""
    if self.kind == BERT:
      return self.weights
    # The modules carry along the head for masked words of their BERT.
    return {n: w for n, w in self.weights.items() if not n.startswith('cls/')}


@dataclasses.dataclass(frozen=True)
class FoundWeights:
  """What a file holds.

  Attributes:
    path: Of the file.
    num_tensors: How many are in it.
    encoders: By scope.
    block_embeddings: float32 `[blocks, dim]`, if they are in it.
    left_over: Names without a place, by the reason.
    step: Of the training, if the file says it.
  """

  path: pathlib.Path
  num_tensors: int
  encoders: tuple[Encoder, ...]
  block_embeddings: np.ndarray | None
  left_over: Mapping[str, list[str]]
  step: int | None


def _owner(scope: str, encoders: Iterable[Encoder]) -> Encoder | None:
  """The encoder that something at `scope` stands on: the nearest inside."""
  inside = [
    e
    for e in encoders
    if not scope or e.scope == scope or e.scope.startswith(f'{scope}/')
  ]
  depths = [e.scope.count('/') for e in inside]
  nearest = [e for e, d in zip(inside, depths) if d == min(depths)]
  return nearest[0] if len(nearest) == 1 else None


def _top(name: str) -> tuple[str, str, bool] | None:
  """Scope, our name and transposition of a weight on top of an encoder."""
  parts = name.split('/')
  for first in range(len(parts)):
    found = _TOP.get('/'.join(parts[first:]))
    if found is not None:
      return '/'.join(parts[:first]), *found
  return None


def read(path: pathlib.Path) -> FoundWeights:
  """Reads a file of weights.

  Args:
    path: As in `weight_files.Sources.weights`.

  Raises:
    ValueError: It is broken, or holds one weight twice.
  """
  encoders: dict[str, Encoder] = {}
  rest: dict[str, Callable[[], np.ndarray]] = {}
  left_over: dict[str, list[str]] = collections.defaultdict(list)
  block_embeddings, step, count = None, None, 0
  for original, read_tensor in weight_files.read_tensors(path):
    count += 1
    name = original.replace('.', '/')
    found = weight_names.recognize(name)
    if found is None:
      rest[name] = read_tensor
      continue
    scope, canonical, transposed = found
    scope = re.sub(r'(^|/)realm$', '', scope)
    encoder = encoders.setdefault(scope, Encoder(scope))
    if canonical in encoder.weights:
      raise ValueError(f'{path}: {canonical} is in it twice under {scope!r}')
    value = np.asarray(read_tensor(), np.float32)
    if canonical.endswith('attention/self/query/kernel') and value.ndim == 3:
      encoder.num_heads = value.shape[1]
    value = weight_names.canonical_layout(canonical, value)
    encoder.weights[canonical] = value.T if transposed else value
  # A head alone, without embeddings, is no encoder.
  for scope in [
    s
    for s, e in encoders.items()
    if weight_names.WORD_EMBEDDINGS not in e.weights
  ]:
    names = [f'{scope}/{n}'.lstrip('/') for n in encoders.pop(scope).weights]
    left_over[UNKNOWN].extend(names)
  for name, read_tensor in rest.items():
    if re.search(rf'(^|/){BLOCK_EMBEDDINGS}$', name):
      block_embeddings = np.asarray(read_tensor(), np.float32)
      continue
    if name == 'global_step':
      step = int(read_tensor())
    top = _top(name)
    owner = None if top is None else _owner(top[0], encoders.values())
    if top is not None and owner is not None and top[1] not in owner.weights:
      value = np.asarray(read_tensor(), np.float32)
      owner.weights[top[1]] = value.T if top[2] else value
      if top[1] == 'layer_norm/gamma':
        owner.norm_name = name.split('/')[-2]
      continue
    decoder = re.fullmatch(r'(?:(.*)/)?cls/predictions/decoder/weight', name)
    if decoder and (decoder[1] or '') in encoders:
      encoders[decoder[1] or ''].decoder = np.asarray(read_tensor(), np.float32)
    reason = next(
      (why for pattern, why in _NO_WEIGHTS if re.search(pattern, name)), UNKNOWN
    )
    left_over[reason].append(name)
  for encoder in encoders.values():
    if encoder.kind != BERT:
      why = 'a head for masked words, which nothing reads here'
      names = [n for n in encoder.weights if n.startswith('cls/')]
      left_over[why].extend(f'{encoder.scope}/{n}'.lstrip('/') for n in names)
  return FoundWeights(
    path,
    count,
    tuple(encoders[scope] for scope in sorted(encoders)),
    block_embeddings,
    {why: names for why, names in left_over.items() if names},
    step,
  )
