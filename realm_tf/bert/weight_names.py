# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Canonical names of BERT's weights in all kinds of files and layers.

Canonical are the names of Google's release, such as
`bert/encoder/layer_0/attention/self/query/kernel`, and its layout: matrices are
`(input, output)`, with attention heads side by side.
"""

import re

import numpy as np

WORD_EMBEDDINGS = 'bert/embeddings/word_embeddings'

# Canonical name -> name in Model Garden's layers; * is the number of a layer.
_EMBEDDINGS = {
  WORD_EMBEDDINGS: 'word_embeddings',
  'bert/embeddings/position_embeddings': 'position_embedding',
  'bert/embeddings/token_type_embeddings': 'type_embeddings',
}
_NORMS = {
  'bert/embeddings/LayerNorm': 'embeddings/layer_norm',
  'bert/encoder/layer_*/attention/output/LayerNorm': (
    'transformer/layer_*/self_attention_layer_norm'
  ),
  'bert/encoder/layer_*/output/LayerNorm': (
    'transformer/layer_*/output_layer_norm'
  ),
  'cls/predictions/transform/LayerNorm': 'transform/LayerNorm',
}
_ATTENTION = 'transformer/layer_*/self_attention'
_DENSE = {
  'bert/encoder/layer_*/attention/self/query': f'{_ATTENTION}/query',
  'bert/encoder/layer_*/attention/self/key': f'{_ATTENTION}/key',
  'bert/encoder/layer_*/attention/self/value': f'{_ATTENTION}/value',
  'bert/encoder/layer_*/attention/output/dense': (
    f'{_ATTENTION}/attention_output'
  ),
  'bert/encoder/layer_*/intermediate/dense': (
    'transformer/layer_*/intermediate'
  ),
  'bert/encoder/layer_*/output/dense': 'transformer/layer_*/output',
  'bert/pooler/dense': 'pooler_transform',
  'cls/predictions/transform/dense': 'transform/dense',
}
_OUTPUT_BIAS = 'cls/predictions/output_bias'


def _names() -> dict[str, tuple[str, bool]]:
  """Maps known names to canonical names and to whether to transpose."""
  known: dict[str, tuple[str, bool]] = {}

  def add(canonical: str, *names: str, transposed: bool = False) -> None:
    for name in names:
      known[name] = (canonical, transposed)
      # Hugging Face's bare encoders, without a head.
      known[name.removeprefix('bert/')] = (canonical, transposed)

  for canonical, layer in _EMBEDDINGS.items():
    add(canonical, canonical, f'{canonical}/weight', f'{layer}/embeddings')
  for canonical, layer in _NORMS.items():
    for part, pytorch in (('gamma', 'weight'), ('beta', 'bias')):
      add(
        f'{canonical}/{part}',
        f'{canonical}/{part}',
        f'{canonical}/{pytorch}',
        f'{layer}/{part}',
      )
  for canonical, layer in _DENSE.items():
    name = f'{canonical}/kernel'
    add(name, name, f'{layer}/kernel')
    add(name, f'{canonical}/weight', transposed=True)
    add(f'{canonical}/bias', f'{canonical}/bias', f'{layer}/bias')
  add(
    _OUTPUT_BIAS,
    _OUTPUT_BIAS,
    'cls/predictions/bias',
    'cls/predictions/output_bias/bias',
    'output_bias/bias',
  )
  return known


_KNOWN = _names()
_LAYER = re.compile(r'\blayer[_/](\d+)(?=/)')


def recognize(name: str) -> tuple[str, str, bool] | None:
  """Recognizes a weight of BERT by its name.

  Args:
    name: Name of a TensorFlow variable or checkpoint tensor (of the original
      release or of Model Garden), or of a Hugging Face tensor.

  Returns:
    The scope before the name (such as `module`), the canonical name, and
    whether the matrix is transposed. None if it is not a weight of BERT.
  """
  name = name.split(':')[0].replace('.', '/')
  layer = _LAYER.search(name)
  parts = _LAYER.sub('layer_*', name).split('/')
  for first in range(len(parts)):
    found = _KNOWN.get('/'.join(parts[first:]))
    if found is not None:
      canonical, transposed = found
      if layer is not None:
        canonical = canonical.replace('*', layer.group(1))
      return '/'.join(parts[:first]), canonical, transposed
  return None


def canonical_name(name: str) -> str:
  """The canonical name of a variable of our encoder or head."""
  found = recognize(name)
  if found is None:
    raise ValueError(f'not a weight of BERT: {name!r}')
  return found[1]


def canonical_layout(name: str, value: np.ndarray) -> np.ndarray:
  """Puts separate attention heads side by side."""
  if name.endswith('attention/output/dense/kernel'):
    return value.reshape(-1, value.shape[-1])
  if re.search(r'attention/self/\w+/kernel$', name):
    return value.reshape(value.shape[0], -1)
  if re.search(r'attention/self/\w+/bias$', name):
    return value.reshape(-1)
  return value


def to_hugging_face(name: str, value: np.ndarray) -> tuple[str, np.ndarray]:
  """Converts to name and layout of Hugging Face's `BertForMaskedLM`."""
  if name == _OUTPUT_BIAS:
    return 'cls.predictions.bias', value
  name = re.sub(r'layer_(\d+)', r'layer/\1', name)
  if name.endswith('/kernel'):
    name, value = name.removesuffix('/kernel') + '/weight', value.T
  elif name.endswith('/gamma'):
    name = name.removesuffix('/gamma') + '/weight'
  elif name.endswith('/beta'):
    name = name.removesuffix('/beta') + '/bias'
  elif name in _EMBEDDINGS:
    name += '/weight'
  return name.replace('/', '.'), np.ascontiguousarray(value)
