# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import doctest
import importlib

import pytest

from realm_tf.configs.qa_config import OpenQAConfig
from realm_tf.modeling.embedder import Embedder, Tower
from realm_tf.modeling.ict_model import ICTModel
from realm_tf.modeling.mlm_model import MaskedLanguageModel
from realm_tf.modeling.open_qa import OpenQAModel
from realm_tf.modeling.reader import KnowledgeAugmentedReader
from realm_tf.modeling.realm_model import RealmModel
from realm_tf.modeling.retriever import Retriever
from realm_tf.modeling.span_reader import SpanReader
from realm_tf.modeling.token_classifier import TokenClassifier
from tests.modeling import (
  ict_model_test,
  mlm_model_test,
  open_qa_test,
  realm_model_test,
  token_classifier_test,
)
from tests.modeling.encoding_test import make_inputs
from tests.modeling.reader_test import JOINT, POSITIONS, TARGETS
from tests.modeling.span_reader_test import JOINT as BLOCKS
from tests.support import keras_checks

CONFIG = open_qa_test.CONFIG  # Two layers.
ENCODER, HEAD, PROJECTION = 2 * 16 + 7, 5, 4
MIXED = {'encoder_dtype': 'mixed_bfloat16'}


def embedder(**options):
  return Embedder(CONFIG, 4, separate_towers=True, **options)


def realm_model(seed):
  return RealmModel(
    Retriever(embedder(seed=seed), num_candidates=3),
    KnowledgeAugmentedReader(CONFIG, seed=seed),
  )


def open_qa_model(seed):
  config = OpenQAConfig(reader_gold_loss=0.5, recall_at=(1, 2))
  reader = SpanReader(CONFIG, max_span_width=3, span_hidden_size=6, seed=seed)
  return OpenQAModel(embedder(seed=seed), reader, config)


QUERY, CANDIDATES = (
  realm_model_test.FEATURES['query'],
  realm_model_test.FEATURES['candidates'],
)
QA = {**open_qa_test.FEATURES, 'query': open_qa_test.QUERY}
TWO_TOWERS = 2 * (ENCODER + PROJECTION)


@pytest.mark.parametrize(
  'make, arguments, num_weights, mixed',
  [
    (
      lambda **options: Tower(
        CONFIG,
        projection_size=4,
        projection_epsilon=1e-3,
        name='tower',
        **options,
      ),
      [make_inputs([6, 3], 7)],
      ENCODER + PROJECTION,
      MIXED,
    ),
    (
      embedder,
      [{'query': QUERY, 'document': make_inputs([4, 9], 10)}],
      TWO_TOWERS,
      MIXED,
    ),
    (
      lambda seed: Retriever(embedder(seed=seed), num_candidates=3),
      [QUERY, CANDIDATES],
      TWO_TOWERS,
      {},
    ),
    (
      lambda **options: KnowledgeAugmentedReader(CONFIG, **options),
      [JOINT, POSITIONS, TARGETS],
      ENCODER + HEAD,
      MIXED,
    ),
    (
      lambda **options: SpanReader(
        CONFIG, max_span_width=3, span_hidden_size=6, **options
      ),
      [BLOCKS, BLOCKS['block_mask']],
      ENCODER + 6,
      MIXED,
    ),
    (
      lambda seed: ICTModel(embedder(seed=seed)),
      [ict_model_test.FEATURES],
      TWO_TOWERS,
      {},
    ),
    (
      realm_model,
      [realm_model_test.FEATURES],
      TWO_TOWERS + ENCODER + HEAD,
      {},
    ),
    (open_qa_model, [QA], TWO_TOWERS + ENCODER + 6, {}),
    (
      lambda **options: MaskedLanguageModel(mlm_model_test.CONFIG, **options),
      [mlm_model_test.FEATURES],
      ENCODER + HEAD,
      MIXED,
    ),
    (
      lambda **options: TokenClassifier(CONFIG, 5, num_segments=7, **options),
      [token_classifier_test.INPUTS],
      ENCODER + 2,
      MIXED,
    ),
  ],
)
def test_is_at_home_in_keras(make, arguments, num_weights, mixed, tmp_path):
  keras_checks.check(make, arguments, num_weights, tmp_path, **mixed)


def test_what_is_frozen_stays_frozen():
  layer = embedder(seed=1)
  layer.trainable = False
  model = ICTModel.from_config(ICTModel(layer).get_config())
  assert not model.trainable_variables and len(model.weights) == TWO_TOWERS


@pytest.mark.parametrize(
  'module',
  [
    *('embedder', 'retriever', 'reader', 'span_reader', 'ict_model'),
    *('realm_model', 'open_qa', 'mlm_model', 'token_classifier'),
  ],
)
def test_examples_run(module):
  module = importlib.import_module(f'realm_tf.modeling.{module}')
  result = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
  assert result.attempted and not result.failed
