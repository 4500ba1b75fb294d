# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from realm_tf.bert import weight_names


@pytest.mark.parametrize(
  'name, expected',
  [
    # Google's first release, bare and in a TF Hub module.
    (
      'bert/encoder/layer_11/attention/self/query/kernel',
      ('', 'bert/encoder/layer_11/attention/self/query/kernel', False),
    ),
    (
      'module/bert/embeddings/LayerNorm/gamma:0',
      ('module', 'bert/embeddings/LayerNorm/gamma', False),
    ),
    (
      'module/cls/predictions/output_bias',
      ('module', 'cls/predictions/output_bias', False),
    ),
    # Hugging Face, with and without prefix, new and old names of norms.
    (
      'bert.encoder.layer.3.intermediate.dense.weight',
      ('', 'bert/encoder/layer_3/intermediate/dense/kernel', True),
    ),
    (
      'encoder.layer.3.output.LayerNorm.weight',
      ('', 'bert/encoder/layer_3/output/LayerNorm/gamma', False),
    ),
    (
      'bert.encoder.layer.0.attention.output.LayerNorm.beta',
      ('', 'bert/encoder/layer_0/attention/output/LayerNorm/beta', False),
    ),
    (
      'embeddings.position_embeddings.weight',
      ('', 'bert/embeddings/position_embeddings', False),
    ),
    (
      'cls.predictions.transform.LayerNorm.bias',
      ('', 'cls/predictions/transform/LayerNorm/beta', False),
    ),
    ('cls.predictions.bias', ('', 'cls/predictions/output_bias', False)),
    # Model Garden.
    (
      'a/bert/transformer/layer_2/self_attention/attention_output/bias:0',
      ('a/bert', 'bert/encoder/layer_2/attention/output/dense/bias', False),
    ),
    (
      'transformer/layer_2/output_layer_norm/gamma',
      ('', 'bert/encoder/layer_2/output/LayerNorm/gamma', False),
    ),
    (
      'masked_lm/output_bias/bias:0',
      ('masked_lm', 'cls/predictions/output_bias', False),
    ),
    # No weights of BERT.
    ('bert/encoder/layer_0/output/dense/kernel/adam_m', None),
    ('bert.embeddings.position_ids', None),
    ('cls.seq_relationship.weight', None),
    ('dense/kernel', None),
    ('global_step', None),
  ],
)
def test_recognizes(name, expected):
  assert weight_names.recognize(name) == expected


def test_unknown_variable_is_named():
  with pytest.raises(ValueError, match='projection/kernel'):
    weight_names.canonical_name('projection/kernel:0')


def test_heads_side_by_side():
  value = np.arange(24)
  layout = weight_names.canonical_layout
  prefix = 'bert/encoder/layer_0/attention'
  query = layout(f'{prefix}/self/query/kernel', value.reshape(6, 2, 2))
  assert query.shape == (6, 4)
  np.testing.assert_array_equal(query[1], [4, 5, 6, 7])
  bias = layout(f'{prefix}/self/key/bias', value.reshape(4, 6))
  assert bias.shape == (24,)
  output = layout(f'{prefix}/output/dense/kernel', value.reshape(2, 2, 6))
  np.testing.assert_array_equal(output[3], value[18:])
  other = value.reshape(2, 12)
  assert layout('bert/pooler/dense/kernel', other) is other


def test_hugging_face_names_come_back():
  value = np.arange(6.0).reshape(2, 3)
  for canonical in {name for name, _ in weight_names._KNOWN.values()}:
    canonical = canonical.replace('*', '7')
    name, stored = weight_names.to_hugging_face(canonical, value)
    assert '/' not in name
    _, found, transposed = weight_names.recognize(name)
    assert found == canonical
    np.testing.assert_array_equal(stored.T if transposed else stored, value)
