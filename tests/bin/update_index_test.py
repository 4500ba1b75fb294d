# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest

from realm_tf.bert.bert_config import BertConfig
from realm_tf.configs.embedding_config import IndexConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.hub import hub_modules
from realm_tf.index.index import Index
from realm_tf.indexing import corpus_index
from realm_tf.modeling.embedder import Embedder
from realm_tf.text.tokenizer import BertTokenizer
from tests.support import damage, tiny_world


@pytest.fixture(scope='module')
def index_dir(world, tmp_path_factory):
  """The index of the tiny world, with its embedder in it."""
  directory = tmp_path_factory.mktemp('index')
  embedder = Embedder(
    BertConfig.from_json(world / 'bert_config.json'), 16, seed=1
  )
  hub_modules.export_embedder(
    embedder,
    BertTokenizer.from_file(world / 'vocab.txt'),
    directory / 'export',
    5,
  )
  config = IndexConfig(
    corpus_dir=str(world / 'corpus'),
    index_dir=str(directory / 'index'),
    progress=False,
  )
  corpus_index.build_once(config, str(directory / 'export'))
  return directory / 'index'


def flags(world, index_dir, tmp_path, **kwargs):
  values = {
    'corpus_dir': world / 'corpus',
    'index_dir': index_dir,
    'output_dir': tmp_path / 'out',
    **kwargs,
  }
  return [f'--{k}={v}' for k, v in values.items() if v is not None]


def test_a_document_is_replaced_and_another_removed(world, index_dir, tmp_path):
  old = Corpus.open(world / 'corpus' / 'documents')
  first, second = old.titles([4, 20])
  text = f'{first} is a land of old rules. Once great, it was near the river.'
  add = tmp_path / 'new.jsonl'
  add.write_text(
    json.dumps({'title': first, 'text': text})
    + '\n{"title": \n'
    + json.dumps({'title': old.titles([9])[0], 'text': old.bodies([9])[0]})
    + '\n'
  )
  gone = tmp_path / 'gone.txt'
  gone.write_text(f'{first}\n{second}\nNobody\n')
  result = tiny_world.call(
    'update_index', *flags(world, index_dir, tmp_path, add=add, remove=gone)
  )
  assert result.returncode == 0, result.stderr
  printed = result.stdout.splitlines()
  assert printed[-1] == f'{tmp_path}/out/index/5'
  counts = {line.split()[0]: int(line.split()[1]) for line in printed[:-1]}
  assert counts == {
    'read': 3,
    'malformed': 1,
    'malformed_not_json': 1,
    'documents_to_add': 2,
    'blocks_added': 1,
    'blocks_already_there': 1,
    'blocks_removed': 2,
    'not_there_to_remove': 1,
    'blocks': 59,
  }
  assert f'skipped: {add}:2: not JSON' in result.stderr
  assert f"{gone}:3: there is no block of title 'Nobody'" in result.stderr
  new = Corpus.open(tmp_path / 'out/corpus/documents')
  kept = [r for r in range(60) if r not in (4, 20)]
  assert new.bodies(range(59)) == [*old.bodies(kept), text]
  index = Index.open(printed[-1], new)
  before = Index.open(index_dir / '5')
  np.testing.assert_array_equal(index.embeddings[:58], before.embeddings[kept])
  # The new row is the one that a build of this corpus would have made.
  config = IndexConfig(
    corpus_dir=str(tmp_path / 'out/corpus'),
    index_dir=str(tmp_path / 'anew'),
    progress=False,
  )
  anew = Index.open(corpus_index.build_once(config, index.embedder_dir))
  np.testing.assert_allclose(index.embeddings, anew.embeddings, atol=1e-4)
  queries = anew.embeddings[[3, 58]] * 10
  np.testing.assert_array_equal(
    index.searcher.search(queries, 59)[0][:, :5],
    anew.searcher.search(queries, 59)[0][:, :5],
  )
  assert (
    anew.metadata.embedder_fingerprint == index.metadata.embedder_fingerprint
  )


def test_refusals_are_one_line(world, index_dir, tmp_path):
  gone = tmp_path / 'gone.txt'
  gone.write_text('\nNobody\n')
  result = tiny_world.call_forked(
    'update_index',
    *flags(world, index_dir, tmp_path, remove=gone, strict='true'),
  )
  said = tiny_world.last_line(result)
  assert said.startswith(f'update_index: {gone}:2: there is no block of title')
  (path,) = index_dir.glob('*/embeddings.npy')
  gone.write_text('Town 3\n')
  with damage.flipped(path):
    result = tiny_world.call_forked(
      'update_index', *flags(world, index_dir, tmp_path, remove=gone)
    )
    said = tiny_world.last_line(result)
    assert said.startswith(f'update_index: {path} is damaged')
    done = tiny_world.call_forked('describe', '--verify', str(index_dir))
    assert tiny_world.last_line(done).startswith(f'describe: {path} is damaged')
  assert not (tmp_path / 'out').exists()
