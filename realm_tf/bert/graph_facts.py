# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a TensorFlow graph says of the BERT that it computes.

Checkpoints and TF Hub modules of the first releases come without a config. Most
of it shows in the shapes of the weights; the rest is written in the graph, as
constants and kinds of operations. The graph is read, not run.
"""

import dataclasses
import os
import pathlib
import re
from collections.abc import Callable, Iterator

import numpy as np
from tensorflow.core.framework import node_def_pb2
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

_EPSILON = r'/batchnorm/add/y$'
# Old versions of TensorFlow drop by the share that is kept; new ones name no
# rate, but compare with it.
_DROPOUT = r'/dropout(?:_\d+)?/(rate|keep_prob|GreaterEqual/y)$'


@dataclasses.dataclass(frozen=True)
class GraphFacts:
  """What was found; None for what was not.

  Attributes:
    tags: Tags of each graph, sorted.
    signatures: Names of all signatures.
    activation: As in `BertConfig`.
    head_size: Dimensions of one attention head.
    dropout: Rate on embeddings and sublayers, in training.
    attention_dropout: Rate on attention probabilities, in training.
    layer_norm_epsilon: Of BERT's layer normalizations.
    projection_epsilon: Of the layer normalization behind a projection.
    lower_case: What the signature `tokenization_info` says.
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
  """Float constants by name."""
  found = {}
  for node in nodes:
    if node.op == 'Const' and len(node.attr['value'].tensor.float_val) == 1:
      # 1e-12 and not 9.99999996e-13: the shortest that is the same float32.
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
  # BERT's own, and the span reader's, stand deeper.
  pattern = r'(^|/)(LayerNorm|layer_normalization)(_\d+)?' + _EPSILON
  return bool(re.search(pattern, name)) and not re.search(
    r'(^|/)(bert|cls|reader)/', name
  )


def read_graph_facts(path: str | os.PathLike) -> GraphFacts:
  """Reads a `saved_model.pb`, or the `.meta` file of a checkpoint.

  Args:
    path: The file. If it is not there, nothing is known.

  Raises:
    ValueError: It is broken.
  """
  path = pathlib.Path(path)
  if not path.is_file():
    return GraphFacts()
  try:
    if path.suffix == '.meta':
      graphs = [meta_graph_pb2.MetaGraphDef.FromString(path.read_bytes())]
    else:
      model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
      graphs = list(model.meta_graphs)
  except Exception as e:
    # As in block_records: protobuf's error has no lasting name.
    raise ValueError(f'{path}: not a graph of TensorFlow: {e}') from e
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
