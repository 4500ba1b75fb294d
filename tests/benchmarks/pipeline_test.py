# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import itertools

import numpy as np
import pytest

from benchmarks.pipeline import VOCAB_SIZE, Pipeline, PipelineConfig


def test_batches_have_the_shapes_asked_for(material, toy):
  with Pipeline(PipelineConfig(**toy), material) as pipeline:
    assert pipeline.bert_config.vocab_size == VOCAB_SIZE
    pipeline.use_random_index()
    generator = pipeline.batches()
    first, second = itertools.islice(generator, 2)
    generator.close()
  with pytest.raises(RuntimeError, match='closed'):
    pipeline.slot.swap(None)
  assert [first.number, second.number] == [0, 1]
  ids = first.features['candidates']['input_word_ids']
  assert ids.shape[:2] == [2, 3] and ids.shape[2] <= 48
  assert first.features['query']['input_word_ids'].shape[1] <= 32
  assert first.features['mlm_positions'].shape == [2, 5]
  # The null document is [CLS] [SEP] [SEP]; the others are real.
  lengths = np.sum(first.features['candidates']['input_mask'], -1)
  assert (lengths[:, 0] == 3).all() and (lengths[:, 1:] > 20).all()
