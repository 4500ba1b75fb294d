# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Training examples as the original's example generators write them.

These are serialized tf.train.Examples with the features of one query, named by
numbers.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf.configs.masking_config import FeaturizationConfig

# Ours -> theirs, of each BERT input.
_INPUTS = {
  'input_word_ids': 'token_ids',
  'input_mask': 'mask',
  'input_type_ids': 'segment_ids',
}
_SIDES = {
  'candidates': 'candidate_inputs',
  'joint': 'joint_inputs',
  'query': 'query_inputs',
}
_LABELS = 'candidate_labels'
_TIMESTAMP = 'export_timestamp'
_MLM = ('mlm_mask', 'mlm_positions', 'mlm_targets')

# The features "0", "1" ... of an example.
KEYS = (
  *(f'candidate_inputs.{name}' for name in _INPUTS.values()),
  _LABELS,
  _TIMESTAMP,
  *(f'joint_inputs.{name}' for name in _INPUTS.values()),
  *_MLM,
  *(f'query_inputs.{name}' for name in _INPUTS.values()),
)


def _shapes(config: FeaturizationConfig) -> dict[str, list[int]]:
  k = config.num_candidates
  sides = {
    'candidates': [k, config.candidate_seq_len],
    'joint': [k, config.joint_seq_len],
    'query': [config.query_seq_len],
  }
  return {
    **{
      f'{_SIDES[side]}.{name}': shape
      for side, shape in sides.items()
      for name in _INPUTS.values()
    },
    **{name: [config.max_masks] for name in _MLM},
    _LABELS: [k],
    _TIMESTAMP: [],
  }


def _padded(x: np.ndarray, shape: list[int]) -> np.ndarray:
  missing = [(0, want - have) for want, have in zip(shape, x.shape)]
  return np.pad(x, missing)


def encode_examples(
  features: Mapping[str, Any],
  config: FeaturizationConfig,
  export_timestamp: int = 0,
) -> Iterator[bytes]:
  """Yields what `featurization.featurize` made, one example per query."""
  values: dict[str, Any] = {
    f'{_SIDES[side]}.{theirs}': np.asarray(features[side][ours])
    for side in _SIDES
    for ours, theirs in _INPUTS.items()
  }
  values.update({name: np.asarray(features[name]) for name in _MLM})
  shapes = _shapes(config)
  for row in range(len(values['mlm_mask'])):
    example = tf.train.Example()
    for i, name in enumerate(KEYS):
      feature = example.features.feature[str(i)]
      if name == _LABELS:
        feature.float_list.value.extend([0.0] * config.num_candidates)
      elif name == _TIMESTAMP:
        feature.int64_list.value.append(export_timestamp)
      else:
        x = _padded(values[name][row], shapes[name])
        feature.int64_list.value.extend(x.reshape(-1).astype(int).tolist())
    yield example.SerializeToString(deterministic=True)
