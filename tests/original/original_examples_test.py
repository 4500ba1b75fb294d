# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import tensorflow as tf

from realm_tf.modeling import featurization
from realm_tf.original import original_examples
from tests.support import shared_data, small_world

_CONFIG = featurization.FeaturizationConfig(
  query_seq_len=6, candidate_seq_len=9, num_candidates=2, max_masks=2
)


def test_written_and_read_again():
  features = featurization.featurize(
    {
      'query_ids': small_world.ragged([[4, 21], [4]]),
      'mlm_positions': tf.constant([[1, 0], [1, 0]]),
      'mlm_targets': tf.constant([[7, 0], [8, 0]]),
      'mlm_mask': tf.constant([[1.0, 0.0], [1.0, 0.0]]),
    },
    small_world.ragged([[], [30], [], [31, 32]]),
    small_world.ragged([[], [40, 41], [], [42]]),
    special=small_world.tokenizer().special,
    config=_CONFIG,
  )
  encoded = list(original_examples.encode_examples(features, _CONFIG, 55))
  got = original_examples.parse_examples(tf.constant(encoded), _CONFIG)
  assert got['export_timestamp'].numpy().tolist() == [55, 55]
  assert got['joint']['input_mask'].shape == [2, 2, 15]
  for side in ('query', 'candidates', 'joint'):
    for name, value in features[side].items():
      length = value.shape[-1]
      np.testing.assert_array_equal(got[side][name][..., :length], value)
      assert not np.any(got[side][name][..., length:])
  for name in ('mlm_positions', 'mlm_targets', 'mlm_mask'):
    np.testing.assert_array_equal(got[name], features[name])
    assert got[name].dtype == features[name].dtype


def test_the_originals_keys_and_example():
  keys = json.loads(
    shared_data.path('goldens', 'tf_example_keys.json').read_text()
  )
  assert {str(i): k for i, k in enumerate(original_examples.KEYS)} == keys
  serialized = shared_data.path('goldens', 'tf_example_0.bin').read_bytes()
  got = original_examples.parse_examples(
    tf.constant([serialized]), featurization.FeaturizationConfig()
  )
  arrays = np.load(shared_data.path('goldens', 'featurization.npz'))
  assert int(got['export_timestamp'][0]) == arrays['export_timestamp'][0]
  np.testing.assert_array_equal(
    got['joint']['input_word_ids'][0], arrays['joint_inputs.token_ids'][0]
  )
  np.testing.assert_array_equal(got['mlm_mask'][0], arrays['mlm_mask'][0])
