# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_hub as hub

from realm_tf.bert.bert_config import BertConfig
from realm_tf.hub import hub_modules, span_reader_module
from realm_tf.modeling.span_reader import SpanReader
from realm_tf.text.tokenizer import BertTokenizer
from tests.support import ranks, small_realm

VOCAB = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', *'abcdefgh']
CONFIG = BertConfig(
  vocab_size=len(VOCAB),
  hidden_size=8,
  num_layers=1,
  num_heads=2,
  intermediate_size=16,
  max_positions=32,
)
INPUTS = {
  'input_word_ids': tf.constant([[2, 5, 3, 6, 7, 3], [2, 3, 7, 3, 0, 0]]),
  'input_mask': tf.constant([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]]),
  'input_type_ids': tf.constant([[0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 0, 0]]),
  'block_mask': tf.constant([[0, 0, 0, 1, 1, 0], [0, 0, 1, 0, 0, 0]]),
}


def logits(reader):
  """What the layer says, one block a question."""
  joint = {name: value[:, tf.newaxis] for name, value in INPUTS.items()}
  return reader(joint, joint['block_mask'])[:, 0]


@pytest.fixture(scope='module')
def exported(tmp_path_factory):
  """A reader and the directory of its second export."""
  reader = SpanReader(CONFIG, max_span_width=3, span_hidden_size=64, seed=1)
  module = span_reader_module.SpanReaderModule(
    reader,
    BertTokenizer(VOCAB),
    query_seq_len=8,
    reader_seq_len=20,
    document_embedder_fingerprint='abc',
  )
  directory = tmp_path_factory.mktemp('modules') / 'span_reader'
  module.save(directory, 10)
  small_realm.shaken(reader, 0)
  module.save(directory, 20, document_embedder_fingerprint='def')
  return reader, str(directory)


def test_loads_the_same_reader(exported):
  reader, directory = exported
  loaded = span_reader_module.load_span_reader(directory)
  assert loaded.max_span_width == 3 and loaded.span_hidden_size == 64
  np.testing.assert_array_equal(logits(loaded), logits(reader))


def test_reads_weights_in_place(exported):
  reader, directory = exported
  other = SpanReader(CONFIG, max_span_width=3, span_hidden_size=64, seed=9)
  kernel = other.projection.kernel
  span_reader_module.read_span_reader_weights(other, directory)
  assert other.projection.kernel is kernel
  np.testing.assert_array_equal(logits(other), logits(reader))


def test_signature(exported):
  reader, directory = exported
  signatures = hub.load(directory).signatures
  found = signatures['serving_default'](**INPUTS)['default']
  assert found.shape == (2, 2, 3)
  np.testing.assert_allclose(found, logits(reader), atol=1e-6)
  # Two wordpieces have three spans, one has one.
  assert (found.numpy() > -1e8).sum((1, 2)).tolist() == [3, 1]
  with open(signatures['tokenization_info']()['vocab_file'].numpy()) as f:
    assert f.read().split('\n')[:-1] == VOCAB
  ranks.check_ranks(tf.saved_model.load(directory))


def test_keras_layer_can_train_it(exported):
  reader, directory = exported
  layer = hub.KerasLayer(directory, trainable=True)
  assert len(layer.trainable_weights) == len(reader.trainable_variables)
  np.testing.assert_allclose(layer(INPUTS), logits(reader), atol=1e-6)
  with tf.GradientTape() as tape:
    loss = tf.reduce_logsumexp(layer(INPUTS, training=True))
  gradients = tape.gradient(loss, layer.trainable_weights)
  assert sum(g is not None for g in gradients) == len(reader.used_variables)
  first, second = (layer(INPUTS, training=True) for _ in range(2))
  assert not np.array_equal(first, second)  # dropout


def test_info(exported):
  _, directory = exported
  info = hub_modules.read_info(directory, 'span_reader')
  assert BertConfig(**info['bert_config']) == CONFIG
  assert info['step'] == 20
  assert (info['query_seq_len'], info['reader_seq_len']) == (8, 20)
  # That of the second export.
  assert info['document_embedder_fingerprint'] == 'def'
  tokenizer = hub_modules.load_tokenizer(directory)
  assert tokenizer.fingerprint == info['vocab_fingerprint']
  with pytest.raises(ValueError, match="kind 'span_reader', not 'bert'"):
    hub_modules.load_reader(directory)


def test_exports_once(tmp_path):
  reader = SpanReader(CONFIG, seed=4)
  span_reader_module.export_span_reader(
    reader,
    BertTokenizer(VOCAB),
    tmp_path / 'module',
    5,
    query_seq_len=8,
    reader_seq_len=20,
    document_embedder_fingerprint='abc',
  )
  loaded = span_reader_module.load_span_reader(tmp_path / 'module')
  np.testing.assert_array_equal(logits(loaded), logits(reader))
