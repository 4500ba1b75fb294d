# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import pytest

from realm_tf.configs.retrieval_config import RetrievalConfig


def test_training_tells_what_is_not_set():
  info = {'retrieval': {'retrieval': 'hybrid', 'lexical_weight': 0.25}}
  assert RetrievalConfig().filled(info) == RetrievalConfig(
    retrieval='hybrid', lexical_weight=0.25
  )
  given = RetrievalConfig(retrieval='dense', lexical_weight=0.5)
  assert given.filled(info) == given
  with pytest.raises(ValueError, match='hybrid needs a `lexical_weight`'):
    _ = RetrievalConfig(retrieval='hybrid').filled({'form': {}}).weights


@pytest.mark.parametrize('temperature, weight', [(0.05, 1.0), (None, 0.05)])
def test_untrained_unit_vectors_have_a_weight(temperature, weight):
  form = {'normalization': 'l2', 'temperature': temperature}
  config = RetrievalConfig(retrieval='hybrid').filled({'form': form})
  # A cosine of 1 adds 1 / temperature.
  assert config.weights == pytest.approx((1, weight))
  trained = {'form': form, 'retrieval': {'lexical_weight': 2.0}}
  assert RetrievalConfig().filled(trained).lexical_weight == 2
