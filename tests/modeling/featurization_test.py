# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.configs.masking_config import FeaturizationConfig
from realm_tf.modeling import featurization
from realm_tf.text.tokenizer import BertTokenizer
from tests.support import original_examples, shared_data, small_world


def _masked(query_ids, max_masks=2):
  batch = len(query_ids)
  return {
    'query_ids': small_world.ragged(query_ids),
    'mlm_positions': tf.ones([batch, max_masks], tf.int32),
    'mlm_targets': tf.fill([batch, max_masks], 9),
    'mlm_mask': tf.ones([batch, max_masks]),
  }


def test_shapes_and_contents():
  config = FeaturizationConfig(
    query_seq_len=6, candidate_seq_len=9, num_candidates=2, max_masks=2
  )
  special = small_world.tokenizer().special
  got = featurization.featurize(
    _masked([[4, 21], [22, 4, 23]]),
    small_world.ragged([[], [30], [], [31, 32]]),
    small_world.ragged([[], [40, 41], [], [42]]),
    special=special,
    config=config,
  )
  # [PAD] 0, [CLS] 2, [SEP] 3.
  assert got['query']['input_word_ids'].numpy().tolist() == [
    [2, 4, 21, 3, 0],
    [2, 22, 4, 23, 3],
  ]
  assert got['candidates']['input_word_ids'].numpy().tolist() == [
    [[2, 3, 3, 0, 0, 0], [2, 30, 3, 40, 41, 3]],
    [[2, 3, 3, 0, 0, 0], [2, 31, 32, 3, 42, 3]],
  ]
  assert got['joint']['input_word_ids'].numpy().tolist() == [
    [[2, 4, 21, 3, 3, 0, 0], [2, 4, 21, 3, 40, 41, 3]],
    [[2, 22, 4, 23, 3, 3, 0], [2, 22, 4, 23, 3, 42, 3]],
  ]
  assert got['joint']['input_type_ids'].numpy()[1, 1].tolist() == (
    [0, 0, 0, 0, 0, 1, 1]
  )
  assert got['mlm_targets'].numpy().tolist() == [[9, 9], [9, 9]]


def test_segments_of_candidates_on_request():
  arguments = (
    small_world.ragged([[30]]),
    small_world.ragged([[40]]),
  )
  special = small_world.tokenizer().special
  for separate in (True, False):
    config = FeaturizationConfig(separate_candidate_segments=separate)
    got = featurization.pack_candidates(
      *arguments, special=special, config=config
    )
    assert got['input_type_ids'].numpy().tolist() == (
      [[0, 0, 0, 1, 1]] if separate else [[0, 0, 0, 0, 0]]
    )


def test_fixed_lengths_in_a_graph():
  config = FeaturizationConfig(
    query_seq_len=6,
    candidate_seq_len=9,
    num_candidates=1,
    max_masks=2,
    fixed_length=True,
  )
  special = small_world.tokenizer().special

  @tf.function
  def run(masked, titles, bodies):
    return featurization.featurize(
      masked, titles, bodies, special=special, config=config
    )

  long = small_world.ragged([list(range(5, 30))])
  got = run(_masked([list(range(5, 30))]), long, long)
  assert got['query']['input_word_ids'].shape == [1, 6]
  assert got['candidates']['input_word_ids'].shape == [1, 1, 9]
  assert got['joint']['input_word_ids'].shape == [1, 1, 15]
  # Each side has its own length: 4 + 7 wordpieces and 3 special ones of 15.
  assert int(tf.reduce_sum(got['joint']['input_mask'])) == 14


def test_featurizer_is_the_same_traced_once():
  config = FeaturizationConfig(
    query_seq_len=6, candidate_seq_len=9, num_candidates=2, max_masks=2
  )
  special = small_world.tokenizer().special
  featurizer = featurization.Featurizer(special, config)
  for queries in ([[4, 21], [22, 4, 23]], [list(range(5, 30))]):
    masked = _masked(queries) | {'sentence_ids': small_world.ragged(queries)}
    titles = small_world.ragged([[], [30]] * len(queries))
    bodies = small_world.ragged([[], list(range(40, 45))] * len(queries))
    got = featurizer.featurize(masked, titles, bodies)
    expected = featurization.featurize(
      masked, titles, bodies, special=special, config=config
    )
    tf.nest.map_structure(np.testing.assert_array_equal, got, expected)
    tf.nest.map_structure(
      np.testing.assert_array_equal,
      featurizer.pack_query(masked['query_ids']),
      expected['query'],
    )
  assert featurizer._featurize.experimental_get_tracing_count() == 1


def test_bad_settings_are_named():
  with pytest.raises(ValueError, match='num_candidates'):
    FeaturizationConfig(num_candidates=0)


def test_the_originals_features():
  golden = json.loads(
    shared_data.path('goldens', 'featurization.json').read_text()
  )
  arrays = np.load(shared_data.path('goldens', 'featurization.npz'))
  queries = [q for q in golden['queries'] if 'ok_index' in q]
  assert [q['ok_index'] for q in queries] == list(range(len(queries)))
  tokenizer = BertTokenizer.from_file(
    shared_data.path('goldens', 'modules/tiny/bert/assets/vocab.txt')
  )
  config = FeaturizationConfig(
    **{
      name: golden['config'][name]
      for name in (
        'query_seq_len',
        'candidate_seq_len',
        'num_candidates',
        'max_masks',
        'separate_candidate_segments',
      )
    },
    fixed_length=True,
  )
  candidates = [c for q in queries for c in q['candidates']]
  masked = {
    'query_ids': small_world.ragged(
      [q['mask']['token_ids_after_masking'] for q in queries]
    ),
    **{
      name: tf.constant(arrays[name])
      for name in ('mlm_positions', 'mlm_targets')
    },
    'mlm_mask': tf.constant(arrays['mlm_mask'], tf.float32),
  }
  got = featurization.featurize(
    masked,
    tokenizer.tokenize([c['title'] for c in candidates]),
    tokenizer.tokenize([c['body'] for c in candidates]),
    special=tokenizer.special,
    config=config,
  )
  for ours, theirs in (
    ('query', 'query_inputs'),
    ('candidates', 'candidate_inputs'),
    ('joint', 'joint_inputs'),
  ):
    for name, original in (
      ('input_word_ids', 'token_ids'),
      ('input_mask', 'mask'),
      ('input_type_ids', 'segment_ids'),
    ):
      np.testing.assert_array_equal(
        got[ours][name], arrays[f'{theirs}.{original}'], f'{ours} {name}'
      )
  # The same, on the way of the original's example generator.
  first = shared_data.path('goldens', 'tf_example_0.bin').read_bytes()
  encoded = list(
    original_examples.encode_examples(
      got, config, golden['config']['model_timestamp']
    )
  )
  theirs = tf.train.Example.FromString(first)
  assert tf.train.Example.FromString(encoded[0]) == theirs
