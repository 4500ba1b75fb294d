# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds encoders and their top layers in weights of other programs.

It reads variables of the original's modules and checkpoints (REALM, ORQA, ICT),
in whatever scopes, and the tensors of Hugging Face's REALM.
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

# End of a name: our name, and whether the matrix is transposed. `dense` is a
# projection, and `dense_1` an output layer on top of it.
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
# Why a tensor is left over.
_NO_WEIGHTS = (
  (r'(^|/)(adam_[mv]|Adam(_1)?|m|v|beta[12]_power)$', "the optimizer's"),
  (r'(^|/)global_step$', 'the step'),
  (r'(position|token_type)_ids$', 'no weight'),
  (r'predictions/decoder/(weight|bias)$', 'an output layer that is tied'),
)
UNKNOWN = 'unknown'


@dataclasses.dataclass
class Encoder:
  """Weights of one encoder and the layers on top of it, float32.

  Attributes:
    scope: Prefix of its names.
    weights: BERT's weights by canonical name, in canonical layout; those on top
      are `projection/kernel`, `layer_norm/gamma`, `score/kernel` and so on.
    num_heads: Attention heads, or 0 if the shapes do not tell.
    norm_name: Original name of the layer normalization on top.
    decoder: Output layer for words, where it is stored separately.
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
    """Returns the weights that a layer of its kind has."""
    if self.kind == BERT:
      return self.weights
    # Modules also contain the head for masked words of their BERT.
    return {n: w for n, w in self.weights.items() if not n.startswith('cls/')}


@dataclasses.dataclass(frozen=True)
class FoundWeights:
  """Contents of a file.

  Attributes:
    path: Path of the file.
    num_tensors: Number of tensors.
    encoders: Encoders, sorted by scope.
    block_embeddings: float32 `[blocks, dim]`, if there are any.
    left_over: Names of tensors that are not used, by reason.
    step: Training step, if the file has it.
  """

  path: pathlib.Path
  num_tensors: int
  encoders: tuple[Encoder, ...]
  block_embeddings: np.ndarray | None
  left_over: Mapping[str, list[str]]
  step: int | None


def _owner(scope: str, encoders: Iterable[Encoder]) -> Encoder | None:
  """Returns the encoder below a layer at `scope`: the nearest one inside."""
  inside = [
    e
    for e in encoders
    if not scope or e.scope == scope or e.scope.startswith(f'{scope}/')
  ]
  depths = [e.scope.count('/') for e in inside]
  nearest = [e for e, d in zip(inside, depths) if d == min(depths)]
  return nearest[0] if len(nearest) == 1 else None


def _top(name: str) -> tuple[str, str, bool] | None:
  """Returns scope, our name and transposition of a weight on an encoder."""
  parts = name.split('/')
  for first in range(len(parts)):
    found = _TOP.get('/'.join(parts[first:]))
    if found is not None:
      return '/'.join(parts[:first]), *found
  return None


def read(path: pathlib.Path) -> FoundWeights:
  """Reads a file of weights.

  Args:
    path: A path as in `weight_files.Sources.weights`.

  Raises:
    ValueError: It is broken, or has a weight twice.
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
  # A head alone, without embeddings, is not an encoder.
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
