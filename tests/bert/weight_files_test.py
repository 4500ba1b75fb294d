# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import dataclasses
import json
import struct

import numpy as np
import pytest
import safetensors.numpy
import tensorflow as tf
import tensorflow_hub as hub
from official.nlp.modeling import models, networks

from realm_tf.bert import weight_files, weights
from tests.bert.weights_test import CONFIG, VOCAB, assert_equal
from tests.bert.weights_test import bert as bert  # a fixture
from tests.support import original_files

GOOGLE_CONFIG = {
  k: v
  for k, v in CONFIG.to_json().items()
  if k not in ('model_type', 'architectures', 'layer_norm_eps')
}


def _google_arrays(bert):
  """As Google's first release has them, by weights of our layers' names."""
  arrays = {}
  for name, variable in weights.variables_by_name(
    bert.encoder, bert.mlm_head
  ).items():
    value = variable.numpy()
    if 'attention/self' in name:
      value = value.reshape(*value.shape[: value.ndim - 2], 16)
    elif 'attention/output/dense/kernel' in name:
      value = value.reshape(16, 16)
    arrays[name] = value
  return arrays


def _write_tf1(arrays, prefix):
  with tf.Graph().as_default(), tf.compat.v1.Session() as session:
    variables = [
      tf.compat.v1.get_variable(name, initializer=value)
      for name, value in arrays.items()
    ]
    session.run(tf.compat.v1.global_variables_initializer())
    tf.compat.v1.train.Saver(variables).save(session, str(prefix))


@pytest.mark.parametrize('scope', ['', 'module/'])
@pytest.mark.parametrize('state_file', [True, False])
def test_tf1_checkpoint(bert, tmp_path, scope, state_file):
  directory = tmp_path / 'uncased'
  directory.mkdir()
  arrays = {scope + k: v for k, v in _google_arrays(bert).items()}
  arrays[f'{scope}bert/pooler/dense/kernel/adam_m'] = np.zeros((16, 16), 'f4')
  arrays['global_step'] = np.int64(7)
  _write_tf1(arrays, directory / 'bert_model.ckpt')
  (directory / 'bert_config.json').write_text(json.dumps(GOOGLE_CONFIG))
  (directory / 'vocab.txt').write_text('\n'.join(VOCAB) + '\n')
  if not state_file:
    (directory / 'checkpoint').unlink()
  for path in (directory, directory / 'bert_model.ckpt'):
    found = weights.load_bert(path)
    assert found.config == CONFIG
    assert found.vocab_file == str(directory / 'vocab.txt')
    assert_equal(found, bert)


def test_several_checkpoints_must_be_told_apart(bert, tmp_path):
  for name in ('a.ckpt', 'b.ckpt'):
    _write_tf1(_google_arrays(bert), tmp_path / name)
  (tmp_path / 'checkpoint').unlink()
  with pytest.raises(ValueError, match='several checkpoints; name one'):
    weight_files.find(tmp_path)
  assert weight_files.find(tmp_path / 'b.ckpt').weights.name == 'b.ckpt'


def _model_garden(bert, network):
  encoder = network(
    vocab_size=40,
    hidden_size=16,
    num_layers=2,
    num_attention_heads=4,
    max_sequence_length=20,
    type_vocab_size=2,
    inner_dim=24,
  )
  pretrainer = models.BertPretrainerV2(encoder)
  pretrainer(
    {
      'input_word_ids': tf.zeros([1, 4], tf.int32),
      'input_mask': tf.ones([1, 4], tf.int32),
      'input_type_ids': tf.zeros([1, 4], tf.int32),
      'masked_lm_positions': tf.zeros([1, 2], tf.int32),
    }
  )
  encoder.set_weights(bert.encoder.get_weights())
  pretrainer.masked_lm.set_weights(bert.mlm_head.get_weights())
  return pretrainer


@pytest.mark.parametrize(
  'network', [networks.BertEncoder, networks.BertEncoderV2]
)
@pytest.mark.parametrize('whole', [True, False])
def test_tf2_checkpoint(bert, tmp_path, network, whole):
  pretrainer = _model_garden(bert, network)
  items = (
    {'model': pretrainer} if whole else {'encoder': pretrainer.encoder_network}
  )
  tf.train.Checkpoint(**items).write(str(tmp_path / 'bert_model.ckpt'))
  (tmp_path / 'bert_config.json').write_text(json.dumps(GOOGLE_CONFIG))
  found = weights.load_bert(tmp_path, with_mlm_head=whole)
  assert_equal(found, bert)


def test_saved_model_without_config(bert, tmp_path):
  exported = tf.Module()
  exported.weights = [*bert.encoder.variables, *bert.mlm_head.variables]

  @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)])
  def encode(ids):
    return bert.encoder(
      {
        'input_word_ids': ids,
        'input_mask': tf.ones_like(ids),
        'input_type_ids': tf.zeros_like(ids),
      }
    )['sequence_output']

  exported.encode = encode
  tf.saved_model.save(exported, str(tmp_path / 'hub'))
  found = weights.load_bert(tmp_path / 'hub')
  assert found.config == CONFIG
  assert_equal(found, bert)


def test_own_export_says_its_config(bert, tmp_path):
  exported = tf.Module()
  exported.weights = [*bert.encoder.variables, *bert.mlm_head.variables]
  tf.saved_model.save(exported, str(tmp_path / 'export'))
  config = dataclasses.replace(CONFIG, dropout=0.25)
  (tmp_path / 'export/assets.extra').mkdir()
  (tmp_path / 'export/assets.extra/realm.json').write_text(
    json.dumps({'bert_config': dataclasses.asdict(config), 'lower_case': False})
  )
  found = weights.load_bert(tmp_path / 'export')
  assert found.config == config
  assert not found.lower_case


def test_two_encoders_in_one_file_are_refused(bert, tmp_path):
  arrays = _google_arrays(bert)
  both = {
    f'{scope}/{k}': v for k, v in arrays.items() for scope in ('query', 'doc')
  }
  _write_tf1(both, tmp_path / 'model.ckpt')
  with pytest.raises(ValueError, match='several encoders are in it'):
    weights.load_bert(tmp_path)


def test_bfloat16(bert, tmp_path):
  weights.save_bert(bert, tmp_path / 'saved')
  path = tmp_path / 'saved' / 'model.safetensors'
  raw = path.read_bytes()
  (size,) = struct.unpack('<Q', raw[:8])
  header = json.loads(raw[8 : 8 + size])
  data, offset = b'', 0
  for name, entry in header.items():
    if name == '__metadata__':
      continue
    start, limit = entry['data_offsets']
    values = np.frombuffer(raw[8 + size :][start:limit], '<u4')
    halves = (values >> 16).astype('<u2').tobytes()
    entry.update(dtype='BF16', data_offsets=[offset, offset + len(halves)])
    data += halves
    offset += len(halves)
  packed = json.dumps(header).encode()
  packed += b' ' * (-len(packed) % 8)
  path.write_bytes(struct.pack('<Q', len(packed)) + packed + data)
  # Cutting off 16 of 24 bits of the fraction: at most one part in 128.
  assert_equal(weights.load_bert(tmp_path / 'saved'), bert, rtol=1 / 128)


@pytest.mark.parametrize(
  'files, message',
  [
    ({}, 'neither model.safetensors nor pytorch_model.bin'),
    ({'config.json': '{}'}, 'to start from random weights'),
  ],
)
def test_nothing_to_load(tmp_path, files, message):
  for name, text in files.items():
    (tmp_path / name).write_text(text)
  with pytest.raises(FileNotFoundError, match=message):
    weights.load_bert(tmp_path)


def test_no_such_path():
  with pytest.raises(FileNotFoundError, match='/no/where: no such preset'):
    weights.load_bert('/no/where')


def test_address_of_a_module(monkeypatch):
  module = original_files.RELEASE / 'modules' / 'bert'
  asked = []

  def resolve(address):
    asked.append(address)
    if 'none' in address:
      raise OSError('404')
    return str(module)

  monkeypatch.setattr(hub, 'resolve', resolve)
  found = weights.load_bert('https://tfhub.dev/google/bert/1')
  assert asked == ['https://tfhub.dev/google/bert/1']
  assert found.vocab_file == str(module / 'assets/vocab.txt')
  assert found.lower_case and found.config.num_heads == 2
  with pytest.raises(ValueError, match='none/1: cannot be fetched: 404'):
    weights.load_bert('https://tfhub.dev/none/1')
  with pytest.raises(ValueError, match='copy it to a disk first'):
    weights.load_bert('gs://bucket/bert')


def test_hugging_face_realm():
  folder = original_files.HUGGING_FACE
  found = weights.load_bert(folder / 'encoder', vocab_size=111)
  assert (found.config.num_heads, found.config.activation) == (4, 'gelu_new')
  with pytest.raises(ValueError, match='several encoders are in it'):
    weights.load_bert(folder / 'openqa')


def test_sharded_tensors(bert, tmp_path):
  weights.save_bert(bert, tmp_path / 'saved')
  whole = tmp_path / 'saved' / 'model.safetensors'
  tensors = safetensors.numpy.load_file(whole)
  names = sorted(tensors)
  parts = {'a.safetensors': names[::2], 'b.safetensors': names[1::2]}
  for part, its in parts.items():
    safetensors.numpy.save_file(
      {n: tensors[n] for n in its}, tmp_path / 'saved' / part
    )
  whole.unlink()
  weight_map = {n: part for part, its in parts.items() for n in its}
  index = tmp_path / 'saved' / 'model.safetensors.index.json'
  index.write_text(json.dumps({'weight_map': weight_map}))
  assert_equal(weights.load_bert(tmp_path / 'saved'), bert)
  assert_equal(weights.load_bert(index), bert)


def test_broken_file_is_named(tmp_path):
  (tmp_path / 'model.safetensors').write_bytes(b'x' * 100)
  with pytest.raises(ValueError, match='model.safetensors: not a safetensors'):
    weights.load_bert(tmp_path)


def test_a_weight_that_is_not_finite_is_named(bert, tmp_path):
  weights.save_bert(bert, tmp_path)
  path = tmp_path / 'model.safetensors'
  tensors = safetensors.numpy.load_file(path)
  name = next(name for name in tensors if 'layer.0.output' in name)
  tensors[name].flat[2] = np.nan
  safetensors.numpy.save_file(tensors, path)
  with pytest.raises(ValueError, match=f'model.safetensors: {name} is not fin'):
    weights.load_bert(tmp_path)
