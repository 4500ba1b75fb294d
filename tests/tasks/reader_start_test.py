# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from realm_tf.bert import weights as weights_lib
from realm_tf.tasks import reader_start
from tests.support import small_qa, small_realm


@pytest.fixture(scope='module')
def qa(tmp_path_factory):
  return small_qa.make(tmp_path_factory.mktemp('qa'), 'exact')


def weights(reader):
  return [v.numpy() for v in reader.used_variables]


def test_an_earlier_reader_goes_on_with_all_its_weights(qa):
  start = reader_start.from_span_reader(
    str(qa.span_reader_dir), max_span_width=7, dropout=0.25, seed=3
  )
  assert start.tokenizer.fingerprint == qa.tokenizer.fingerprint
  assert start.span_hidden_size == qa.reader.span_hidden_size
  reader = start.make()
  assert reader.max_span_width == 7 != qa.reader.max_span_width
  assert reader.bert_config == start.bert_config
  assert reader.bert_config.dropout == 0.25
  assert len(weights(reader)) == len(weights(qa.reader))
  for mine, its in zip(weights(reader), weights(qa.reader)):
    np.testing.assert_array_equal(mine, its)


def test_a_bert_gets_a_new_mlp(tmp_path):
  bert = str(small_realm.make(tmp_path).export_dir / 'bert')
  small = {'max_span_width': 4, 'span_hidden_size': 6, 'dropout': None}
  starts = [
    reader_start.from_bert(bert, seed=seed, **small) for seed in (1, 1, 2)
  ]
  one, again, other = (start.make() for start in starts)
  assert one.max_span_width == 4
  assert one.span_hidden_size == starts[0].span_hidden_size == 6
  np.testing.assert_array_equal(one.score.kernel, again.score.kernel)
  assert np.abs(one.score.kernel - other.score.kernel).max() > 0
  expected = weights_lib.load_bert(bert).encoder.get_embedding_table()
  for reader in (one, other):
    np.testing.assert_array_equal(
      reader.encoder.get_embedding_table(), expected
    )


def test_what_is_no_reader_is_named(qa, tmp_path):
  settings = {'max_span_width': 4, 'dropout': None, 'seed': 0}
  with pytest.raises(ValueError, match='embedder.*span_reader'):
    reader_start.from_span_reader(str(qa.embedder_dir), **settings)
  with pytest.raises(ValueError, match='nowhere is no TF Hub module'):
    reader_start.from_span_reader(str(tmp_path / 'nowhere'), **settings)
