# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import safetensors.numpy
import tensorflow as tf

from realm_tf.original import original_weights
from tests.support import original_files

MODULES = original_files.RELEASE / 'modules'


def arrays_of(prefix, scope):
  reader = tf.train.load_checkpoint(str(prefix))
  return {
    scope + name: reader.get_tensor(name)
    for name in reader.get_variable_to_shape_map()
  }


def module(name, scope=''):
  return arrays_of(MODULES / name / 'variables' / 'variables', scope)


def write(path, arrays):
  """As safetensors: names with slashes are as good as any."""
  safetensors.numpy.save_file(
    {k: np.ascontiguousarray(v) for k, v in arrays.items()}, str(path)
  )
  return path


def kinds(found):
  return {e.scope: e.kind for e in found.encoders}


def test_modules_of_the_release():
  found = original_weights.read(MODULES / 'bert/variables/variables')
  assert kinds(found) == {'': 'bert'} and not found.left_over
  found = original_weights.read(MODULES / 'embedder/variables/variables')
  (encoder,) = found.encoders
  assert (encoder.scope, encoder.kind) == ('module', 'embedder')
  assert encoder.norm_name == 'layer_normalization'
  (names,) = found.left_over.values()
  assert sorted(names)[0] == 'module/cls/predictions/output_bias'
  assert not any(name.startswith('cls/') for name in encoder.used())


def test_block_embeddings():
  found = original_weights.read(MODULES / 'embedder/encoded/encoded.ckpt')
  assert found.block_embeddings.shape == (24, 8) and not found.encoders


def test_a_fine_tuning_of_orqa():
  checkpoint = original_files.RELEASE / 'orqa/export/best_default/checkpoint'
  found = original_weights.read(checkpoint / 'model.ckpt-30')
  assert kinds(found) == {
    'module/module': 'embedder',
    'reader/module': 'span_reader',
  }
  assert found.step == 30
  assert found.left_over["the optimizer's"] == [
    'reader/dense/bias/adam_m',
    'reader/dense/bias/adam_v',
  ]
  assert original_weights.UNKNOWN not in found.left_over


def test_names_of_the_published_realm_models(tmp_path):
  """Modules within modules, and a layer normalization of slim layers."""
  embedder = {
    name.replace('layer_normalization', 'LayerNorm'): value
    for name, value in module('embedder', 'module/module/').items()
  }
  reader = {
    **module('bert', 'reader/module/'),
    'reader/dense/kernel': np.ones([16, 24], np.float32),
    'reader/dense_1/kernel': np.ones([12, 1], np.float32),
  }
  found = original_weights.read(
    write(tmp_path / 'm.safetensors', {**embedder, **reader})
  )
  assert kinds(found) == {
    'module/module/module': 'embedder',
    'reader/module': 'span_reader',
  }
  assert found.encoders[0].norm_name == 'LayerNorm'
  np.testing.assert_array_equal(
    found.encoders[0].weights['projection/kernel'],
    module('embedder')['dense/kernel'],
  )


def test_a_checkpoint_of_a_pre_training(tmp_path):
  arrays = {**module('bert', 'bert/'), **module('embedder', 'embedder/')}
  arrays['strange/thing'] = np.ones(3, np.float32)
  found = original_weights.read(write(tmp_path / 'm.safetensors', arrays))
  assert kinds(found) == {'bert': 'bert', 'embedder/module': 'embedder'}
  assert found.left_over[original_weights.UNKNOWN] == ['strange/thing']


def test_what_stands_on_no_encoder_is_left_over(tmp_path):
  arrays = module('bert', 'bert/')
  arrays['classifier/dense/kernel'] = np.ones([16, 2], np.float32)
  found = original_weights.read(write(tmp_path / 'm.safetensors', arrays))
  assert kinds(found) == {'bert': 'bert'}
  assert found.left_over == {'unknown': ['classifier/dense/kernel']}


@pytest.mark.parametrize(
  'name, expected',
  [
    ('scorer', {'embedder': 'embedder', 'query_embedder': 'embedder'}),
    ('encoder', {'': 'bert'}),
    ('openqa', {'embedder': 'embedder', 'reader': 'span_reader'}),
  ],
)
def test_hugging_face(name, expected):
  path = original_files.HUGGING_FACE / name / 'pytorch_model.bin'
  found = original_weights.read(path)
  assert kinds(found) == expected
  assert original_weights.UNKNOWN not in found.left_over
  assert (found.block_embeddings is not None) == (name == 'openqa')


def test_one_weight_twice_is_refused(tmp_path):
  arrays = module('bert')
  name = 'bert/pooler/dense/bias'
  arrays['bert.pooler.dense.bias'] = arrays[name]
  with pytest.raises(ValueError, match=f'{name} is in it twice'):
    original_weights.read(write(tmp_path / 'm.safetensors', arrays))
