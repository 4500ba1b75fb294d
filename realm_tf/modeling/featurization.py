# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Turns masked sentences and their candidates into features of the model."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from realm_tf.configs.masking_config import FeaturizationConfig
from realm_tf.text import packing

_ROWS = tf.RaggedTensorSpec([None, None], tf.int32)
# The part of a batch of masked sentences that `featurize` reads.
_MASKED = {
  'query_ids': _ROWS,
  'mlm_positions': tf.TensorSpec([None, None], tf.int32),
  'mlm_targets': tf.TensorSpec([None, None], tf.int32),
  'mlm_mask': tf.TensorSpec([None, None], tf.float32),
}


def pack_candidates(
  title_ids: tf.RaggedTensor,
  body_ids: tf.RaggedTensor,
  *,
  special: packing.SpecialIds,
  config: FeaturizationConfig,
) -> dict[str, tf.Tensor]:
  """Packs documents for the document embedder.

  Args:
    title_ids: Titles, int32 [m, (tokens)].
    body_ids: Bodies, int32 [m, (tokens)].
    special: Ids of the special wordpieces.
    config: Lengths and segments.

  Returns:
    BERT inputs, int32 [m, length].
  """
  packed = packing.pack_document(
    title_ids,
    body_ids,
    special=special,
    max_length=config.candidate_seq_len,
    fixed_length=config.fixed_length,
  )
  if not config.separate_candidate_segments:
    packed['input_type_ids'] = tf.zeros_like(packed['input_type_ids'])
  return packed


def _per_query(
  packed: Mapping[str, tf.Tensor], num_candidates: int
) -> dict[str, tf.Tensor]:
  """Reshapes [batch * k, length] to [batch, k, length]."""
  return {
    name: tf.reshape(x, [-1, num_candidates, x.shape[1] or tf.shape(x)[1]])
    for name, x in packed.items()
  }


def featurize(
  masked: Mapping[str, Any],
  title_ids: tf.RaggedTensor,
  body_ids: tf.RaggedTensor,
  *,
  special: packing.SpecialIds,
  config: FeaturizationConfig,
) -> dict[str, Any]:
  """Makes the features of a batch, eagerly or in a graph.

  Args:
    masked: A batch of `pretraining_examples.masked_queries`.
    title_ids: Titles of the k = `num_candidates` documents of each query, int32
      [batch * k, (tokens)].
    body_ids: Bodies, int32 [batch * k, (tokens)].
    special: Ids of the special wordpieces.
    config: Lengths and numbers.

  Returns:
    `query`: BERT inputs [batch, query length]; `candidates` and `joint`: BERT
    inputs [batch, k, length]; `mlm_positions`, `mlm_targets` int32 and
    `mlm_mask` float32 [batch, max_masks].
  """
  query_ids = masked['query_ids'][:, : config.query_seq_len - 2]
  k = config.num_candidates
  owner = tf.repeat(tf.range(query_ids.nrows()), k)
  # As in the original, each side has its own length, so that a long sentence
  # does not displace the document.
  joint = packing.pack_joint(
    tf.gather(query_ids, owner),
    body_ids[:, : config.candidate_seq_len - 2],
    special=special,
    max_length=config.joint_seq_len,
    fixed_length=config.fixed_length,
  )
  candidates = pack_candidates(
    title_ids, body_ids, special=special, config=config
  )
  return {
    'query': packing.pack_query(
      query_ids,
      special=special,
      max_length=config.query_seq_len,
      fixed_length=config.fixed_length,
    ),
    'candidates': _per_query(candidates, k),
    'joint': _per_query(joint, k),
    'mlm_positions': masked['mlm_positions'],
    'mlm_targets': masked['mlm_targets'],
    'mlm_mask': masked['mlm_mask'],
  }


class Featurizer:
  """Packs and featurizes in graphs that are traced once.

  Run eagerly, the overhead of the many small ops dominates.

  Args:
    special: Ids of the special wordpieces.
    config: Lengths and numbers.
  """

  def __init__(self, special: packing.SpecialIds, config: FeaturizationConfig):
    self._pack_query: Callable[..., Any] = tf.function(
      functools.partial(
        packing.pack_query,
        special=special,
        max_length=config.query_seq_len,
        fixed_length=config.fixed_length,
      ),
      input_signature=[_ROWS],
      autograph=False,
    )
    self._featurize: Callable[..., Any] = tf.function(
      functools.partial(featurize, special=special, config=config),
      input_signature=[_MASKED, _ROWS, _ROWS],
      autograph=False,
    )

  def pack_query(self, query_ids: tf.RaggedTensor) -> dict[str, tf.Tensor]:
    """Runs `packing.pack_query` on int32 [batch, (tokens)]."""
    return self._pack_query(query_ids)

  def featurize(
    self,
    masked: Mapping[str, Any],
    title_ids: tf.RaggedTensor,
    body_ids: tf.RaggedTensor,
  ) -> dict[str, Any]:
    """Runs the function `featurize`."""
    its = {name: masked[name] for name in _MASKED}
    return self._featurize(its, title_ids, body_ids)
