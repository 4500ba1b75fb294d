# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A material of few and short documents, made once."""

import pathlib

import pytest

from realm_tf.benchmarks import material as material_lib

TESTDATA = pathlib.Path(__file__).resolve().parents[2] / 'testdata'
# Arguments of PipelineConfig.
TOY = {
  'preset': 'tiny',
  'batch_size': 2,
  'num_candidates': 3,
  'query_seq_len': 32,
  'candidate_seq_len': 48,
  'max_masks': 5,
}


@pytest.fixture(scope='session')
def material(tmp_path_factory) -> material_lib.Material:
  return material_lib.Material(
    directory=str(tmp_path_factory.mktemp('material')),
    knowledge=str(TESTDATA / 'knowledge.jsonl'),
    queries=str(TESTDATA / 'pretraining.jsonl'),
    vocab_file=str(TESTDATA / 'vocab.txt'),
    num_documents=60,
    num_words=25,
  )


@pytest.fixture
def toy() -> dict:
  return dict(TOY)
