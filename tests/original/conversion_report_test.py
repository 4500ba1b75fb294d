# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import pathlib

import numpy as np
import pytest

from realm_tf.bert import encoder as encoder_lib
from realm_tf.bert import weight_names, weights
from realm_tf.bert.graph_facts import GraphFacts
from realm_tf.bert.weight_files import Sources
from realm_tf.original import conversion_report
from realm_tf.original.original_sources import Source
from realm_tf.original.original_weights import Encoder, FoundWeights
from tests.support import small_realm

PATH = pathlib.Path('model/variables')


def source(facts=None, left_over=None, block_embeddings=None):
  return Source(
    Sources(PATH, None, None, None),
    FoundWeights(PATH, 12, (), None, left_over or {}, None),
    facts or GraphFacts(),
    {},
    block_embeddings,
  )


def test_what_was_found():
  describe = conversion_report.describe
  assert describe(source()) == 'found      model/variables: weights; 12 tensors'
  # A checkpoint's graph has tags, but no signature.
  assert 'weights; 12' in describe(source(GraphFacts(tags=(('train',),))))
  module = GraphFacts(((), ('a', 'train')), frozenset({'query', 'default'}))
  assert describe(source(module, None, np.zeros([24, 8]))) == (
    'found      model/variables: SavedModel with tags {} {a, train}, signatures'
    ' default, query; 12 tensors; block_emb [24, 8]'
  )
  # None at all is not the same as no block embeddings.
  assert describe(source(None, None, np.zeros([0, 8]))).endswith('[0, 8]')


def test_each_reason_has_a_line_and_three_names():
  said = []
  left_over = {
    'unknown': ['c', 'a', 'b'],
    'the step': ['global_step'],
    "the optimizer's": ['d/m', 'a/m', 'c/m', 'b/m'],
  }
  conversion_report.tell_left_over(source(left_over=left_over), said.append)
  assert said == [
    'left over  3 (unknown): a, b, c',
    'left over  1 (the step): global_step',
    "left over  4 (the optimizer's): a/m, b/m, c/m ...",
  ]
  conversion_report.tell_left_over(source(), said.append)
  assert len(said) == 3


@pytest.fixture(scope='module')
def bert():
  encoder = encoder_lib.build_encoder(small_realm.CONFIG)
  head = encoder_lib.build_mlm_head(small_realm.CONFIG, encoder)
  return weights.Bert(small_realm.CONFIG, encoder, head)


def missing(bert, *names, **more):
  """What is said if all but `names` are there."""
  variables = weights.variables_by_name(bert.encoder, bert.mlm_head)
  there = {n: v.numpy() for n, v in variables.items() if n not in names}
  said = []
  conversion_report.tell_missing(
    bert, Encoder('', {**there, **more}), said.append
  )
  return said


def test_only_weights_that_are_missing_are_told(bert):
  assert missing(bert) == missing(bert, unknown=np.zeros(3)) == []
  word, bias = weight_names.WORD_EMBEDDINGS, 'cls/predictions/output_bias'
  assert missing(bert, word, bias) == [
    f'missing    2, which are random now: {word}, {bias}'
  ]
  # Without its head a BERT needs none.
  headless = weights.Bert(bert.config, bert.encoder)
  assert missing(headless) == []
