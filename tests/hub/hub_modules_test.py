# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_hub as hub
import tf_keras as keras

from realm_tf.bert import weights
from realm_tf.bert.bert_config import BertConfig
from realm_tf.hub import hub_modules
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.reader import KnowledgeAugmentedReader
from realm_tf.text.tokenizer import BertTokenizer
from tests.support import ranks

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
  'input_word_ids': tf.constant([[2, 5, 3, 6, 3], [2, 7, 3, 0, 0]]),
  'input_mask': tf.constant([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]),
  'input_type_ids': tf.constant([[0, 0, 0, 1, 1], [0, 0, 0, 0, 0]]),
}
ORIGINAL = {
  'input_ids': INPUTS['input_word_ids'],
  'input_mask': INPUTS['input_mask'],
  'segment_ids': INPUTS['input_type_ids'],
}


@pytest.fixture(scope='module')
def tokenizer():
  return BertTokenizer(VOCAB)


@pytest.fixture(scope='module', params=[False, True], ids=['shared', 'towers'])
def embedder(request, tmp_path_factory, tokenizer):
  """An embedder and the directory of its second export."""
  embedder = Embedder(CONFIG, 6, separate_towers=request.param, seed=1)
  module = hub_modules.EmbedderModule(embedder, tokenizer)
  directory = tmp_path_factory.mktemp('modules') / 'embedder'
  module.save(directory, 10)
  # Later saves take another way; they must write the weights of their time.
  rng = np.random.default_rng(0)
  for variable in embedder.trainable_variables:
    variable.assign_add(rng.normal(scale=0.1, size=variable.shape))
  module.save(directory, 20)
  return embedder, str(directory)


def test_loads_the_same_embedder(embedder):
  embedder, directory = embedder
  loaded = hub_modules.load_embedder(directory)
  assert loaded.separate_towers == embedder.separate_towers
  for embed in ('embed_queries', 'embed_documents'):
    np.testing.assert_array_equal(
      getattr(loaded, embed)(INPUTS), getattr(embedder, embed)(INPUTS)
    )
  is_same = np.array_equal(
    embedder.embed_queries(INPUTS), embedder.embed_documents(INPUTS)
  )
  assert is_same != embedder.separate_towers


def test_reads_weights_in_place(embedder):
  embedder, directory = embedder
  other = Embedder(CONFIG, 6, separate_towers=embedder.separate_towers, seed=9)
  kernel = other.query_tower.projection.kernel
  hub_modules.read_embedder_weights(other, directory)
  assert other.query_tower.projection.kernel is kernel
  np.testing.assert_array_equal(
    other.embed_documents(INPUTS), embedder.embed_documents(INPUTS)
  )


def test_a_weight_that_is_not_finite_is_named(tokenizer, tmp_path):
  embedder = Embedder(CONFIG, 6)
  kernel = embedder.query_tower.projection.kernel
  kernel.assign(tf.fill(kernel.shape, np.inf))
  hub_modules.export_embedder(embedder, tokenizer, tmp_path / 'module', 1)
  with pytest.raises(
    ValueError, match='module/variables.*/kernel:0 is not fin'
  ):
    hub_modules.load_embedder(tmp_path / 'module')


def test_embedder_signatures(embedder):
  """Wrong in the original: of two towers it exports that of documents twice."""
  embedder, directory = embedder
  signatures = hub.load(directory).signatures
  expected = embedder.embed_queries(INPUTS)
  np.testing.assert_allclose(
    signatures['projected'](**ORIGINAL)['default'], expected, atol=1e-6
  )
  np.testing.assert_allclose(
    signatures['serving_default'](**INPUTS)['default'], expected, atol=1e-6
  )
  np.testing.assert_allclose(
    signatures['projected_documents'](**ORIGINAL)['default'],
    embedder.embed_documents(INPUTS),
    atol=1e-6,
  )
  info = signatures['tokenization_info']()
  assert bool(info['do_lower_case'])
  with open(info['vocab_file'].numpy()) as f:
    assert f.read().split('\n')[:-1] == VOCAB
  ranks.check_ranks(tf.saved_model.load(directory))


def test_keras_layer_can_train_it(embedder):
  embedder, directory = embedder
  layer = hub.KerasLayer(directory, trainable=True)
  assert len(layer.trainable_weights) == len(embedder.trainable_variables)
  np.testing.assert_allclose(
    layer(INPUTS), embedder.embed_queries(INPUTS), atol=1e-6
  )
  with tf.GradientTape() as tape:
    loss = tf.reduce_sum(layer(INPUTS, training=True)[:, 0])
  gradients = tape.gradient(loss, layer.trainable_weights)
  assert sum(g is not None for g in gradients) > 10
  first, second = (layer(INPUTS, training=True) for _ in range(2))
  assert not np.array_equal(first, second)  # dropout


@pytest.mark.parametrize('embedder', [False], ids=['shared'], indirect=True)
def test_training_through_the_keras_layer_moves_the_weights(embedder):
  _, directory = embedder
  keras.utils.set_random_seed(1)
  layer = hub.KerasLayer(directory, trainable=True)
  inputs = {
    name: keras.Input([None], dtype=tf.int32, name=name) for name in INPUTS
  }
  model = keras.Model(inputs, keras.layers.Dense(1)(layer(inputs)))
  model.compile(keras.optimizers.legacy.Adam(1e-2), 'mse')
  before = {v.name: v.numpy() for v in layer.trainable_weights}
  targets = tf.constant([[1.0], [-1.0]])
  first = model.evaluate(INPUTS, targets, verbose=0)
  model.fit(INPUTS, targets, epochs=30, verbose=0)
  assert model.evaluate(INPUTS, targets, verbose=0) < first / 2
  moved = {
    v.name
    for v in layer.trainable_weights
    if not np.array_equal(v, before[v.name])
  }
  still = {name for name in before if name not in moved}
  # A bias of attention's keys adds the same to all scores.
  assert all('key/bias' in name for name in still), still
  assert any('word_embeddings' in name for name in moved)


def test_no_path_of_this_machine_is_in_it(embedder):
  _, directory = embedder
  here = [tempfile.gettempdir(), os.getcwd(), os.path.expanduser('~')]
  for path in pathlib.Path(directory).rglob('*'):
    if path.is_file():
      found = [p for p in here if p.encode() + b'/' in path.read_bytes()]
      assert not found, path


def test_the_tf1_loader_reads_it(embedder):
  embedder, directory = embedder
  expected = embedder.embed_queries(INPUTS).numpy()
  with tf.Graph().as_default(), tf.compat.v1.Session() as session:
    graph = tf.compat.v1.saved_model.load(session, ['serve'], directory)
    signature = graph.signature_def['projected']
    output = session.run(
      signature.outputs['default'].name,
      {
        signature.inputs[name].name: tf.get_static_value(value)
        for name, value in ORIGINAL.items()
      },
    )
  np.testing.assert_allclose(output, expected, atol=1e-6)


def test_info_and_tokenizer(embedder, tokenizer):
  embedder, directory = embedder
  info = hub_modules.read_info(directory, 'embedder')
  assert (info['step'], info['projection_size']) == (20, 6)
  assert BertConfig(**info['bert_config']) == CONFIG
  assert hub_modules.load_tokenizer(directory).fingerprint == (
    tokenizer.fingerprint
  )
  with pytest.raises(ValueError, match="kind 'embedder', not 'bert'"):
    hub_modules.load_reader(directory)
  with pytest.raises(ValueError, match='no TF Hub module of realm_tf'):
    hub_modules.load_embedder(os.path.dirname(directory))


def test_nothing_of_keras_is_in_the_module(embedder):
  _, directory = embedder
  model = tf.saved_model.load(directory)
  assert not hasattr(model.embedder, 'keras_api')
  graph = tf.io.gfile.GFile(f'{directory}/saved_model.pb', 'rb').read()
  assert b'_tf_keras_layer' not in graph


@pytest.fixture(scope='module')
def bert(tmp_path_factory, tokenizer):
  reader = KnowledgeAugmentedReader(CONFIG, seed=3)
  directory = tmp_path_factory.mktemp('modules') / 'bert'
  hub_modules.export_bert(
    CONFIG, reader.encoder, reader.mlm_head, tokenizer, directory, 7
  )
  return reader, str(directory)


def test_bert_signatures(bert):
  reader, directory = bert
  signatures = hub.load(directory).signatures
  expected = reader.encoder(INPUTS)
  for outputs in (
    signatures['tokens'](**ORIGINAL),
    signatures['serving_default'](**INPUTS),
  ):
    for name in ('pooled_output', 'sequence_output'):
      np.testing.assert_allclose(outputs[name], expected[name], atol=1e-6)
  positions = tf.constant([[1, 3], [1, 2]])
  ranks.check_ranks(tf.saved_model.load(directory))
  outputs = signatures['mlm'](mlm_positions=positions, **ORIGINAL)
  np.testing.assert_allclose(
    outputs['mlm_logits'],
    reader.mlm_head(expected['sequence_output'], positions),
    atol=1e-6,
  )


_ALONE = """
import sys
import numpy as np
import tensorflow as tf
import tensorflow_hub as hub

folder = sys.argv[1]
expected = np.load(folder + '/expected.npz')
inputs = {name: tf.constant(expected[name]) for name in INPUTS}
names = ['input_ids', 'input_mask', 'segment_ids']
original = dict(zip(names, inputs.values()))
for name in ('embedder', 'bert'):
  module = hub.load(f'{folder}/{name}')
  info = module.signatures['tokenization_info']()
  assert tf.io.read_file(info['vocab_file']).numpy().startswith(b'[PAD]')
  layer = hub.KerasLayer(f'{folder}/{name}', trainable=True)
  assert layer.trainable_weights
  if name == 'embedder':
    found = [module.signatures['projected'](**original)['default']]
    found += [module.signatures['serving_default'](**inputs)['default']]
    found += [layer(inputs)]
  else:
    found = [module.signatures['tokens'](**original)['sequence_output']]
    found += [layer(inputs)['sequence_output']]
    places = tf.constant([[1], [1]])
    mlm = module.signatures['mlm'](mlm_positions=places, **original)
    found += [mlm['sequence_output']]
  for x in found:
    np.testing.assert_allclose(x, expected[name], atol=1e-6)
assert not {'realm_tf', 'official', 'tensorflow_text'} & set(sys.modules)
print('alone')
"""


@pytest.mark.parametrize('embedder', [False], ids=['shared'], indirect=True)
def test_a_process_with_tensorflow_hub_alone(bert, embedder, tmp_path):
  reader, directory = bert
  shutil.copytree(directory, tmp_path / 'bert')
  shutil.copytree(embedder[1], tmp_path / 'embedder')
  np.savez(
    tmp_path / 'expected.npz',
    embedder=embedder[0].embed_queries(INPUTS),
    bert=reader.encoder(INPUTS)['sequence_output'],
    **INPUTS,
  )
  program = _ALONE.replace('INPUTS', repr(list(INPUTS)))
  result = subprocess.run(
    [sys.executable, '-c', program, str(tmp_path)],
    cwd=tmp_path,
    capture_output=True,
    text=True,
  )
  assert result.returncode == 0, result.stderr
  assert result.stdout == 'alone\n'


def test_loads_the_same_reader(bert):
  reader, directory = bert
  loaded = hub_modules.load_reader(directory)
  joint = {name: value[:, None] for name, value in INPUTS.items()}
  positions = tf.constant([[1, 2], [1, 1]])
  np.testing.assert_allclose(
    loaded.logits(joint, positions), reader.logits(joint, positions), atol=1e-6
  )


def test_load_bert_takes_the_module(bert):
  reader, directory = bert
  loaded = weights.load_bert(directory)
  assert dataclasses.replace(loaded.config, num_heads=2) == CONFIG
  np.testing.assert_allclose(
    loaded.encoder(INPUTS)['sequence_output'],
    reader.encoder(INPUTS)['sequence_output'],
    atol=1e-6,
  )
  assert loaded.vocab_file == os.path.join(directory, 'assets', 'vocab.txt')
