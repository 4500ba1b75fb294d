# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import json
import logging as python_logging

import numpy as np
import pytest
import safetensors.numpy
import tensorflow as tf

from realm_tf.bert import weights
from realm_tf.bert.bert_config import BertConfig
from tests.support import shared_data
from tests.support.numpy_bert import NumpyBert

CONFIG = BertConfig(
  vocab_size=40,
  hidden_size=16,
  num_layers=2,
  num_heads=4,
  intermediate_size=24,
  max_positions=20,
)
VOCAB = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']
VOCAB += [f'word{i}' for i in range(35)]


@pytest.fixture
def bert(tmp_path):
  """A small BERT in which every weight counts, biases and norms too."""
  (tmp_path / 'start').mkdir()
  path = tmp_path / 'start' / 'bert_config.json'
  path.write_text(json.dumps(CONFIG.to_json()))
  (tmp_path / 'start' / 'vocab.txt').write_text('\n'.join(VOCAB) + '\n')
  made = weights.load_bert(path, seed=3)
  rng = np.random.default_rng(0)
  for v in [*made.encoder.variables, *made.mlm_head.variables]:
    v.assign(rng.normal(size=v.shape).astype(np.float32) * 0.3)
  return made


def features(vocab_size=40, batch=3, length=9):
  rng = np.random.default_rng(1)
  lengths = [length, 4, 6][:batch]
  return {
    'input_word_ids': tf.constant(
      rng.integers(0, vocab_size, (batch, length)), tf.int32
    ),
    'input_mask': tf.sequence_mask(lengths, length, tf.int32),
    'input_type_ids': tf.constant(
      rng.integers(0, 2, (batch, length)), tf.int32
    ),
  }


def assert_equal(first, second, **tolerance):
  a, b = first.encoder.get_weights(), second.encoder.get_weights()
  if first.mlm_head is not None and second.mlm_head is not None:
    a, b = a + first.mlm_head.get_weights(), b + second.mlm_head.get_weights()
  for x, y in zip(a, b, strict=True):
    np.testing.assert_allclose(x, y, **tolerance or {'rtol': 0})


def assert_equals_numpy(bert, reference, inputs):
  outputs = bert.encoder(inputs)['sequence_output']
  positions = tf.constant([[1, 3]] * len(outputs))
  logits = bert.mlm_head(outputs, positions)
  for row, output in enumerate(outputs):
    mask = inputs['input_mask'][row].numpy()
    expected = reference.encode(
      inputs['input_word_ids'][row].numpy(),
      mask,
      inputs['input_type_ids'][row].numpy(),
    )
    np.testing.assert_allclose(
      output[: mask.sum()], expected[: mask.sum()], atol=2e-5
    )
    np.testing.assert_allclose(
      logits[row], reference.mlm_logits(expected[[1, 3]]), atol=2e-4
    )


def test_config_alone_gives_random_weights_by_seed(tmp_path):
  path = tmp_path / 'bert_config.json'
  path.write_text(json.dumps(CONFIG.to_json()))
  first = weights.load_bert(path, seed=1)
  assert first.config == CONFIG
  assert first.vocab_file is None
  assert_equal(first, weights.load_bert(path, seed=1))
  with pytest.raises(AssertionError):
    assert_equal(first, weights.load_bert(path, seed=2))


def test_preset_with_overrides():
  bert = weights.load_bert('tiny', vocab_size=60, with_mlm_head=False)
  assert bert.config == BertConfig.preset('tiny', vocab_size=60)
  assert bert.encoder.get_embedding_table().shape == (60, 128)
  assert bert.mlm_head is None


@pytest.mark.parametrize(
  'dtype, tolerance', [('float32', {'rtol': 0}), ('float16', {'rtol': 5e-4})]
)
def test_saved_and_loaded(bert, tmp_path, dtype, tolerance):
  weights.save_bert(bert, tmp_path / 'saved', dtype=dtype)
  found = weights.load_bert(tmp_path / 'saved')
  assert found.config == CONFIG
  assert found.lower_case
  assert_equal(found, bert, atol=1e-7, **tolerance)
  with open(found.vocab_file) as f:
    assert f.read().split() == VOCAB
  tensors = safetensors.numpy.load_file(tmp_path / 'saved/model.safetensors')
  assert {t.dtype for t in tensors.values()} == {np.dtype(dtype)}
  # Saving again, over what was loaded from, keeps the vocabulary too.
  weights.save_bert(found, tmp_path / 'saved', dtype=dtype)
  assert_equal(weights.load_bert(tmp_path / 'saved'), found)


def test_saved_tensors_are_hugging_faces(bert, tmp_path):
  weights.save_bert(bert, tmp_path / 'saved')
  tensors = safetensors.numpy.load_file(tmp_path / 'saved/model.safetensors')
  assert_equals_numpy(bert, NumpyBert(tensors, 4), features())


def _rewrite(directory, change):
  path = directory / 'model.safetensors'
  tensors = safetensors.numpy.load_file(path)
  safetensors.numpy.save_file(change(tensors), path)


@pytest.mark.parametrize(
  'change',
  [
    lambda t: {
      k.replace('LayerNorm.weight', 'LayerNorm.gamma').replace(
        'LayerNorm.bias', 'LayerNorm.beta'
      ): v
      for k, v in t.items()
    },
    lambda t: {k.removeprefix('bert.'): v for k, v in t.items()},
    lambda t: {
      **t,
      'bert.embeddings.position_ids': np.arange(20)[None],
      'cls.seq_relationship.weight': np.ones((2, 16), np.float32),
    },
  ],
  ids=['old norms', 'no prefix', 'extras'],
)
def test_other_names(bert, tmp_path, change):
  weights.save_bert(bert, tmp_path / 'saved')
  _rewrite(tmp_path / 'saved', change)
  assert_equal(weights.load_bert(tmp_path / 'saved'), bert)


def test_what_a_file_lacks_is_new_and_reported(bert, tmp_path, caplog):
  weights.save_bert(bert, tmp_path / 'saved')
  _rewrite(
    tmp_path / 'saved',
    lambda t: {
      k: v for k, v in t.items() if 'pooler' not in k and 'cls' not in k
    },
  )
  with caplog.at_level(python_logging.WARNING, logger='absl'):
    found = weights.load_bert(tmp_path / 'saved')
  assert 'initialized randomly: bert/pooler/dense/bias' in caplog.text
  assert 'cls/predictions/output_bias' in caplog.text
  np.testing.assert_array_equal(
    found.encoder(features())['sequence_output'],
    bert.encoder(features())['sequence_output'],
  )
  kernel = found.encoder.pooler_layer.kernel.numpy()
  assert 0 < np.abs(kernel).max() < 0.05
  np.testing.assert_array_equal(found.mlm_head.bias, np.zeros(40))


def test_missing_layer_is_refused(bert, tmp_path):
  weights.save_bert(bert, tmp_path / 'saved')
  _rewrite(
    tmp_path / 'saved',
    lambda t: {k: v for k, v in t.items() if 'layer.1.' not in k},
  )
  with pytest.raises(
    ValueError, match=r'have `num_layers` 1, but its config says 2'
  ):
    weights.load_bert(tmp_path / 'saved')


def test_layers_that_the_config_lacks_are_refused(bert, tmp_path):
  weights.save_bert(bert, tmp_path / 'saved')
  config = {**CONFIG.to_json(), 'num_hidden_layers': 1}
  (tmp_path / 'saved/config.json').write_text(json.dumps(config))
  with pytest.raises(ValueError, match='`num_layers` 2, but its config says 1'):
    weights.load_bert(tmp_path / 'saved')


def test_wrong_shape_is_refused(bert, tmp_path):
  weights.save_bert(bert, tmp_path / 'saved')
  config = {**CONFIG.to_json(), 'intermediate_size': 30}
  (tmp_path / 'saved/config.json').write_text(json.dumps(config))
  with pytest.raises(
    ValueError, match='`intermediate_size` 24, but its config says 30'
  ):
    weights.load_bert(tmp_path / 'saved')


def test_vocabulary_must_fit(bert, tmp_path):
  weights.save_bert(bert, tmp_path / 'saved')
  with pytest.raises(ValueError, match='has 40 wordpieces, not 41'):
    weights.load_bert(tmp_path / 'saved', vocab_size=41)
  vocab = tmp_path / 'saved/vocab.txt'
  vocab.write_text('\n'.join([*VOCAB, 'more']) + '\n')
  with pytest.raises(ValueError, match='vocab.txt: 41 wordpieces'):
    weights.load_bert(tmp_path / 'saved')


def test_case_is_told_by_the_vocabulary(bert, tmp_path):
  weights.save_bert(bert, tmp_path / 'saved')
  (tmp_path / 'saved/tokenizer_config.json').unlink()
  assert weights.load_bert(tmp_path / 'saved').lower_case
  (tmp_path / 'saved/vocab.txt').write_text('\n'.join([*VOCAB[:-1], 'Rome']))
  assert not weights.load_bert(tmp_path / 'saved').lower_case


def test_half_precision_overflow_is_refused(bert, tmp_path):
  bert.mlm_head.bias.assign(np.full(40, 1e6, np.float32))
  with pytest.raises(ValueError, match='output_bias.*not finite in float16'):
    weights.save_bert(bert, tmp_path / 'saved', dtype='float16')
  assert not (tmp_path / 'saved').exists()


def test_real_weights_equal_an_independent_bert():
  path = shared_data.path('weights', 'bert_tiny_mlm')
  tensors = safetensors.numpy.load_file(path / 'model.safetensors')
  bert = weights.load_bert(path)
  assert bert.lower_case
  assert bert.vocab_file == str(path / 'vocab.txt')
  assert_equals_numpy(bert, NumpyBert(tensors, 2), features(30522, length=24))


def test_hub_module_equals_the_original():
  """Its graph computes GELU by tanh, whatever the goldens' README says."""
  path = shared_data.path('goldens', 'modules', 'tiny', 'bert')
  golden = np.load(shared_data.path('goldens', 'bert_tiny.npz'))
  rows = np.load(shared_data.path('goldens', 'featurization.npz'))
  bert = weights.load_bert(path)
  assert bert.config == BertConfig.preset('tiny', activation='gelu_new')
  assert bert.vocab_file == str(path / 'assets' / 'vocab.txt')
  outputs = bert.encoder(
    {
      'input_word_ids': golden['joint_ids'],
      'input_mask': golden['joint_mask'],
      'input_type_ids': golden['joint_segments'],
    }
  )
  for key in ('sequence_output', 'pooled_output'):
    np.testing.assert_allclose(outputs[key], golden[key], atol=1e-5)
  positions = tf.constant(rows['mlm_positions'][:1], tf.int32)
  logits = bert.mlm_head(outputs['sequence_output'][:1], positions)
  np.testing.assert_allclose(logits[0], golden['mlm_logits_0'], atol=2e-5)
