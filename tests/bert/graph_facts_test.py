# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import pytest

from realm_tf.bert import graph_facts
from tests.support import original_files, shared_data


def test_facts_of_modules():
  modules = original_files.RELEASE / 'modules'
  facts = graph_facts.read_graph_facts(modules / 'embedder' / 'saved_model.pb')
  assert facts == graph_facts.GraphFacts(
    tags=(('train',), ()),
    signatures=frozenset(['projected', 'tokenization_info']),
    activation='gelu_new',
    head_size=8,
    dropout=0.1,
    attention_dropout=0.1,
    layer_norm_epsilon=1e-12,
    projection_epsilon=1e-3,
    lower_case=True,
  )
  facts = graph_facts.read_graph_facts(modules / 'bert' / 'saved_model.pb')
  assert facts.signatures == {'mlm', 'tokens', 'tokenization_info'}
  assert facts.projection_epsilon is None


def test_facts_beside_a_checkpoint():
  path = original_files.RELEASE / 'orqa/export/best_default/checkpoint'
  facts = graph_facts.read_graph_facts(path / 'model.ckpt-30.meta')
  assert (facts.head_size, facts.activation) == (8, 'gelu_new')
  assert facts.signatures == frozenset()


def test_no_graph_and_a_broken_one(tmp_path):
  none = graph_facts.read_graph_facts(tmp_path / 'saved_model.pb')
  assert none == graph_facts.GraphFacts()
  (tmp_path / 'saved_model.pb').write_bytes(b'\xff\xff')
  with pytest.raises(ValueError, match='not a TensorFlow graph'):
    graph_facts.read_graph_facts(tmp_path / 'saved_model.pb')


@pytest.mark.parametrize('name, epsilon', [('bert', None), ('embedder', 1e-3)])
def test_the_originals_modules(name, epsilon):
  module = shared_data.path('goldens', 'modules', 'tiny', name)
  facts = graph_facts.read_graph_facts(module / 'saved_model.pb')
  assert facts.tags == (('train',), ())
  # The README of the goldens says erf; the graphs have tanh.
  assert (facts.activation, facts.head_size) == ('gelu_new', 64)
  assert (facts.dropout, facts.attention_dropout) == (0.1, 0.1)
  assert facts.layer_norm_epsilon == 1e-12
  assert facts.projection_epsilon == epsilon
  assert facts.lower_case is True
