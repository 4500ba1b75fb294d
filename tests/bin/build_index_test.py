# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from realm_tf.bert.bert_config import BertConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.hub import hub_modules
from realm_tf.index import lexical
from realm_tf.index.index import Index
from realm_tf.io import atomic
from realm_tf.modeling.embedder import Embedder
from realm_tf.text import packing
from realm_tf.text.tokenizer import BertTokenizer
from tests.support import tiny_world


@pytest.fixture(scope='module')
def model(world, tmp_path_factory):
  """An embedder, and a model_dir with its export of step 5."""
  model_dir = tmp_path_factory.mktemp('model')
  tokenizer = BertTokenizer.from_file(world / 'vocab.txt')
  config = BertConfig.from_json(world / 'bert_config.json')
  embedder = Embedder(config, 16, seed=1)
  hub_modules.export_embedder(
    embedder, tokenizer, model_dir / 'export/tf_hub/5/embedder', 5
  )
  return model_dir, embedder, tokenizer


def check(path, world, model):
  _, embedder, tokenizer = model
  documents = Corpus.open(world / 'corpus' / 'documents')
  index = Index.open(path, documents)
  title_ids, body_ids = documents.gather([7, 30])
  expected = embedder.embed_documents(
    packing.pack_document(
      title_ids, body_ids, special=tokenizer.special, max_length=288
    )
  )
  np.testing.assert_allclose(index.embeddings[[7, 30]], expected, atol=1e-4)
  assert index.metadata.step == 5 and len(index.embeddings) == len(documents)
  assert index.embedder_dir is not None
  index.close()


def test_once(world, model, tmp_path):
  model_dir = model[0]
  result = tiny_world.call(
    'build_index',
    f'--corpus_dir={world}/corpus',
    f'--index_dir={tmp_path}',
    f'--embedder={model_dir}',
    '--retrieval=hybrid',
  )
  assert result.returncode == 0, result.stderr
  assert result.stdout.strip() == f'{tmp_path}/5'
  assert lexical.LexicalIndex.open(tmp_path / '5').metadata.num_documents == 60
  check(tmp_path / '5', world, model)


def test_lexical_needs_no_embedder(world, tmp_path):
  flags = f'--corpus_dir={world}/corpus', f'--index_dir={tmp_path}'
  result = tiny_world.call('build_index', *flags, '--retrieval=lexical')
  assert result.returncode == 0, result.stderr
  corpus = Corpus.open(world / 'corpus')
  path = tmp_path / 'lexical' / corpus.fingerprint
  assert result.stdout.strip() == str(path)
  index = lexical.LexicalIndex.open(tmp_path, corpus.fingerprint)
  rows, _ = index.search([corpus.titles([7])[0]], 1)
  assert rows.numpy() == 7
  result = tiny_world.call('build_index', *flags)
  assert result.returncode == 1
  assert 'with --model_dir, or --retrieval lexical' in result.stderr


def test_watch_ends_with_the_training(world, model, tmp_path):
  model_dir = model[0]
  atomic.write_json(model_dir / 'finished.json', {'step': 5})
  result = tiny_world.call_forked(
    'build_index',
    '--watch',
    f'--corpus_dir={world}/corpus',
    f'--model_dir={model_dir}',
    f'--index_dir={tmp_path}',
  )
  assert result.returncode == 0, result.stderr
  assert [p.name for p in tmp_path.iterdir()] == ['5']
  check(tmp_path / '5', world, model)


def test_a_wrong_embedder_is_told_in_one_line(world, model, tmp_path):
  tokenizer = model[2]
  other = BertTokenizer([*tokenizer.vocab[:-1], 'zanzibar'], lower_case=True)
  hub_modules.export_embedder(model[1], other, tmp_path / 'other', 5)
  for name, reason in (('none', 'no such preset'), ('other', 'vocabulary')):
    result = tiny_world.call_forked(
      'build_index',
      f'--corpus_dir={world}/corpus',
      f'--index_dir={tmp_path}/index',
      f'--embedder={tmp_path}/{name}',
    )
    said = tiny_world.last_line(result)
    assert said.startswith('build_index: ') and reason in said, said


def test_says_what_is_missing(world):
  result = tiny_world.call_forked('build_index', f'--corpus_dir={world}/corpus')
  assert result.returncode != 0
  assert 'give --embedder' in result.stdout + result.stderr
