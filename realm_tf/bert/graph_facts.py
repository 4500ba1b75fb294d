# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds properties of a BERT in its TensorFlow graph.

Checkpoints and TF Hub modules of the original releases come without a config.
The shapes of the weights show most of it; constants and operations of the graph
show the rest. The graph is read but not run.
"""

import dataclasses
import os
import pathlib
import re
from collections.abc import Callable, Iterator

import numpy as np
from tensorflow.core.framework import node_def_pb2
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from realm_tf.io import faults

_EPSILON = r'/batchnorm/add/y$'
# Old versions of TensorFlow store the share that is kept; new ones compare with
# the rate.
_DROPOUT = r'/dropout(?:_\d+)?/(rate|keep_prob|GreaterEqual/y)$'


@dataclasses.dataclass(frozen=True)
class GraphFacts:
  """Properties of a graph; None where unknown.

  Attributes:
    tags: Sorted tags of each graph.
    signatures: Names of all signatures.
    activation: Activation (`BertConfig`).
    head_size: Size of an attention head.
    dropout: Dropout rate of embeddings and sublayers.
    attention_dropout: Dropout rate of attention probabilities.
    layer_norm_epsilon: Epsilon of BERT's layer normalizations.
    projection_epsilon: Epsilon of a projection's layer normalization.
    lower_case: `do_lower_case` of the signature `tokenization_info`.
  """

  tags: tuple[tuple[str, ...], ...] = ()
  signatures: frozenset[str] = frozenset()
  activation: str | None = None
  head_size: int | None = None
  dropout: float | None = None
  attention_dropout: float | None = None
  layer_norm_epsilon: float | None = None
  projection_epsilon: float | None = None
  lower_case: bool | None = None


def _nodes(
  graphs: list[meta_graph_pb2.MetaGraphDef],
) -> Iterator[node_def_pb2.NodeDef]:
  for graph in (meta.graph_def for meta in graphs):
    yield from graph.node
    for function in graph.library.function:
      yield from function.node_def


def _activation(nodes: list[node_def_pb2.NodeDef]) -> str | None:
  operations = {
    node.op
    for node in nodes
    if re.search('/intermediate/|Gelu', node.name, re.IGNORECASE)
  }
  if operations & {'Erf', 'Erfc'}:
    return 'gelu'
  if 'Tanh' in operations:
    return 'gelu_new'
  return 'relu' if 'Relu' in operations else None


def _constants(nodes: list[node_def_pb2.NodeDef]) -> dict[str, float]:
  found = {}
  for node in nodes:
    if node.op == 'Const' and len(node.attr['value'].tensor.float_val) == 1:
      # The shortest decimal of the same float32: 1e-12, not 9.99999996e-13.
      value = np.float32(node.attr['value'].tensor.float_val[0])
      found[node.name] = float(str(value))
  return found


def _lower_case(graphs: list[meta_graph_pb2.MetaGraphDef]) -> bool | None:
  for meta in graphs:
    signature = meta.signature_def.get('tokenization_info')
    if signature is None or 'do_lower_case' not in signature.outputs:
      continue
    name = signature.outputs['do_lower_case'].name.split(':')[0]
    for node in meta.graph_def.node:
      if node.name == name and node.op == 'Const':
        return bool(node.attr['value'].tensor.bool_val[0])
  return None


def _first(
  constants: dict[str, float], wanted: Callable[[str], bool]
) -> float | None:
  return next((x for name, x in constants.items() if wanted(name)), None)


def _rate(constants: dict[str, float], before: str) -> float | None:
  for name, value in constants.items():
    match = re.search(before + _DROPOUT, name)
    if match:
      is_kept = match[1] == 'keep_prob'
      return round(1 - value, 6) if is_kept else value
  return None


def _is_projection_epsilon(name: str) -> bool:
  # Those of BERT and of the span reader have longer names.
  pattern = r'(^|/)(LayerNorm|layer_normalization)(_\d+)?' + _EPSILON
  return bool(re.search(pattern, name)) and not re.search(
    r'(^|/)(bert|cls|reader)/', name
  )


def read_graph_facts(path: str | os.PathLike) -> GraphFacts:
  """Reads a `saved_model.pb` or the `.meta` file of a checkpoint.

  Args:
    path: The file. Without it nothing is known.

  Raises:
    ValueError: The file is damaged.
  """
  path = pathlib.Path(path)
  if not path.is_file():
    return GraphFacts()
  with faults.naming(f'{path}: not a TensorFlow graph'):
    if path.suffix == '.meta':
      graphs = [meta_graph_pb2.MetaGraphDef.FromString(path.read_bytes())]
    else:
      model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
      graphs = list(model.meta_graphs)
    return _facts_of(graphs)


def _facts_of(graphs: list[meta_graph_pb2.MetaGraphDef]) -> GraphFacts:
  nodes = list(_nodes(graphs))
  constants = _constants(nodes)
  scale = _first(
    constants, lambda n: bool(re.search(r'layer_0/attention/self/Mul/y$', n))
  )
  return GraphFacts(
    tags=tuple(tuple(sorted(meta.meta_info_def.tags)) for meta in graphs),
    signatures=frozenset(
      name for meta in graphs for name in meta.signature_def
    ),
    activation=_activation(nodes),
    head_size=round(scale**-2) if scale else None,
    dropout=_rate(constants, 'embeddings'),
    attention_dropout=_rate(constants, 'attention/self'),
    layer_norm_epsilon=_first(
      constants,
      lambda n: bool(re.search(r'embeddings/LayerNorm' + _EPSILON, n)),
    ),
    projection_epsilon=_first(constants, _is_projection_epsilon),
    lower_case=_lower_case(graphs),
  )
