# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Two logical CPUs, so that distribution can be tested.

They are made when this is imported, which pytest does before it imports any
test or another conftest.py: once TensorFlow has started they cannot be changed.
"""

import json
import pathlib
import random

import pytest
import tensorflow as tf

tf.config.set_logical_device_configuration(
  tf.config.list_physical_devices('CPU')[0],
  [tf.config.LogicalDeviceConfiguration()] * 2,
)

# ruff: noqa: E402

from benchmarks import material as material_lib
from realm_tf.bert.bert_config import BertConfig
from realm_tf.configs.embedding_config import EmbeddingConfig
from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.hub import hub_modules
from realm_tf.indexing import corpus_index
from realm_tf.modeling.embedder import Embedder
from realm_tf.text.tokenizer import BertTokenizer
from tests.support import finetuned as finetuned_lib
from tests.support import local_run as local_run_lib
from tests.support import small_qa, small_realm, tiny_world
from tests.support.shared_fixture import make_once


@pytest.fixture(scope='session')
def two_replicas() -> tf.distribute.Strategy:
  """One strategy for all tests.

  A second one in the process would name its collective ops as the first did,
  and fail.
  """
  devices = tf.config.list_logical_devices('CPU')
  assert len(devices) == 2
  return tf.distribute.MirroredStrategy([d.name for d in devices])


_WORDS = (
  *('river', 'town', 'king', 'land', 'old', 'great', 'flows', 'through'),
  *('was', 'is', 'the', 'of', 'in', 'built', 'near'),
)


@pytest.fixture(scope='session')
def vocab_file(tmp_path_factory) -> str:
  """Returns a vocabulary of some words, all letters and digits."""
  letters = 'abcdefghijklmnopqrstuvwxyz0123456789'
  pieces = [
    *('[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'),
    *_WORDS,
    *letters,
    *(f'##{c}' for c in letters),
    *'.,?!"()-\'',
    *'東京',
  ]
  path = tmp_path_factory.mktemp('vocab') / 'vocab.txt'
  path.write_text('\n'.join(pieces) + '\n')
  return str(path)


@pytest.fixture
def corpus_file(tmp_path) -> pathlib.Path:
  """Returns JSONL of 1,300 documents: 3 batches; lines 5 and 700 are broken."""
  rng = random.Random(1)
  path = tmp_path / 'corpus.jsonl'
  with open(path, 'w') as f:
    for i in range(1300):
      if i == 4:
        f.write('{"title": "broken"\n')
        continue
      if i == 699:
        f.write('{"title": "no text"}\n')
        continue
      text = ' '.join(
        ' '.join(rng.choices(_WORDS, k=rng.randint(3, 30))).capitalize() + '.'
        for _ in range(rng.randint(1, 9))
      )
      record = {'title': f'Town {i}', 'text': text}
      if i % 100 == 0:  # Is left out, as Wikipedia's.
        record |= {'title': f'List of {i}', 'url': 'https://a.wikipedia.org/b'}
      f.write(json.dumps(record) + '\n')
  return path


@pytest.fixture(scope='session')
def realm(tmp_path_factory):
  return small_realm.make(tmp_path_factory.mktemp('realm'))


@pytest.fixture(scope='session', params=['exact', 'scann'])
def qa(request, tmp_path_factory):
  """What a fine-tuning leaves behind, with an index of either kind."""
  return small_qa.make(tmp_path_factory.mktemp('qa'), request.param)


@pytest.fixture(scope='session')
def world(tmp_path_factory):
  """The tiny world's files, its corpus and its spans."""
  directory = tmp_path_factory.mktemp('world')
  tiny_world.build(directory)
  return directory


@pytest.fixture(scope='session')
def indexed(world, tmp_path_factory):
  """Documents, tokenizer, an embedder, its module and the index of that."""
  root = tmp_path_factory.mktemp('index')
  tokenizer = BertTokenizer.from_file(world / 'vocab.txt')
  documents = Corpus.open(world / 'corpus' / 'documents')
  embedder = Embedder(BertConfig.from_json(world / 'bert_config.json'), 16)
  module = hub_modules.EmbedderModule(embedder, tokenizer)
  module.save(root / 'embedder-3', 3)
  indexer = corpus_index.CorpusIndexer(
    documents,
    tokenizer,
    str(root / 'index'),
    searcher=SearcherConfig(),
    embedding_config=EmbeddingConfig(candidate_seq_len=48),
  )
  indexer(str(root / 'embedder-3'), 3)
  return root, tokenizer, documents, embedder, module, indexer


@pytest.fixture(scope='session')
def local_run(tmp_path_factory):
  """One run of the whole way, as short as can be, for several tests."""
  return make_once(tmp_path_factory, 'local_run', local_run_lib.make)


@pytest.fixture(scope='session')
def finetuned(tmp_path_factory):
  """One fine-tuning, as short as can be, for several tests."""
  return make_once(tmp_path_factory, 'finetuned', finetuned_lib.make)


TESTDATA = pathlib.Path(__file__).resolve().parents[1] / 'testdata'
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
