# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import os

import numpy as np
import pytest

from realm_tf.configs.embedding_config import EmbeddingConfig
from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.index import build_index, versions
from realm_tf.index.index import Index
from realm_tf.io import atomic, module_info
from realm_tf.modeling.embedder import PROJECTION_EPSILON
from tests.index.embed_corpus_test import SPECIAL, Embed, expected
from tests.support import toy_corpus

CONFIG = EmbeddingConfig(candidate_seq_len=40, batch_tokens=200)


def module(path, weights=b'1'):
  (path / 'variables').mkdir(parents=True)
  (path / 'variables' / 'variables.index').write_bytes(b'names')
  (path / 'variables' / 'variables.data-00000-of-00001').write_bytes(weights)
  (path / 'assets.extra').mkdir()
  atomic.write_json(path / module_info.INFO, {'kind': 'toy'})
  return path


def run(documents, embed_fn, index_dir, step, **kwargs):
  return build_index.build_index(
    documents,
    embed_fn,
    index_dir,
    step,
    special=SPECIAL,
    embedding_config=CONFIG,
    progress=False,
    **kwargs,
  )


def test_publishes_what_it_embedded(tmp_path):
  documents = toy_corpus.ToyDocuments(150)
  embedder = module(tmp_path / 'embedder')
  path = run(
    documents,
    Embed(),
    tmp_path / 'index',
    12,
    embedder_dir=embedder,
    built_at=99.0,
    searcher_config=SearcherConfig(searcher='exact'),
  )
  index = Index.open(path)
  assert index.metadata.corpus_fingerprint == 'toy-150-0'
  truth = expected(documents, 40)
  np.testing.assert_allclose(index.embeddings, truth, rtol=1e-6)
  assert index.metadata.step == 12
  assert index.metadata.built_at == 99.0
  assert index.metadata.num_documents == 150
  assert (
    index.metadata.embedder_fingerprint
    == build_index.fingerprint_embedder(embedder)
  )
  assert sorted(os.listdir(index.embedder_dir)) == ['assets.extra', 'variables']
  rows, _ = index.searcher.search(np.eye(4, dtype=np.float32), 1)
  np.testing.assert_array_equal(rows.numpy()[:, 0], truth.argmax(0))
  assert os.listdir(tmp_path / 'index') == ['12']


def test_keeps_the_latest(tmp_path):
  documents = toy_corpus.ToyDocuments(20)
  for step in (1, 2, 3):
    run(documents, Embed(), tmp_path, step, keep=2)
  assert sorted(os.listdir(tmp_path)) == ['2', '3']


def test_goes_on_after_a_failure_with_the_same_weights_only(tmp_path):
  documents = toy_corpus.ToyDocuments(150)
  old = module(tmp_path / 'old')
  new = module(tmp_path / 'new', b'2')
  index_dir = tmp_path / 'index'
  with pytest.raises(MemoryError):
    run(documents, Embed(fail_after=9), index_dir, 5, embedder_dir=old)
  assert versions.list_indexes(index_dir) == []
  # Another embedder under the same step: nothing of the old may be left.
  with pytest.raises(MemoryError):
    run(documents, Embed(fail_after=4), index_dir, 5, embedder_dir=new)
  rest = Embed()
  run(documents, rest, index_dir, 5, embedder_dir=new)
  whole = Embed()
  run(documents, whole, tmp_path / 'other', 5)
  assert len(rest.shapes) == len(whole.shapes) - 4
  assert os.listdir(index_dir) == ['5']


def test_without_a_fingerprint_nothing_is_resumed(tmp_path):
  documents = toy_corpus.ToyDocuments(150)
  with pytest.raises(MemoryError):
    run(documents, Embed(fail_after=9), tmp_path, 5)
  fn = Embed()
  run(documents, fn, tmp_path, 5)
  assert sum(rows for rows, _ in fn.shapes) == 150


def test_partial_embeddings_of_other_steps_are_removed(tmp_path):
  documents = toy_corpus.ToyDocuments(150)
  with pytest.raises(MemoryError):
    run(documents, Embed(fail_after=9), tmp_path, 5)
  assert len(os.listdir(tmp_path)) == 1
  run(documents, Embed(), tmp_path, 6)
  assert os.listdir(tmp_path) == ['6']


def test_check_is_called_before_the_searcher_is_built(tmp_path):
  documents = toy_corpus.ToyDocuments(3)
  calls = []

  def check():
    calls.append(1)
    if len(calls) == 2:
      raise TimeoutError

  with pytest.raises(TimeoutError):
    run(documents, Embed(), tmp_path, 5, check=check)
  assert versions.list_indexes(tmp_path) == []


def test_a_directory_without_weights_is_named(tmp_path):
  with pytest.raises(FileNotFoundError, match='no TF Hub module'):
    build_index.fingerprint_embedder(tmp_path)


def test_an_epsilon_of_its_own_is_in_the_fingerprint(tmp_path):
  directory = module(tmp_path / 'embedder')
  assert build_index._PROJECTION_EPSILON == PROJECTION_EPSILON
  found = [build_index.fingerprint_embedder(directory)]
  for epsilon in (PROJECTION_EPSILON, 1e-12, 1e-6):
    atomic.write_json(
      directory / module_info.INFO, {'projection_epsilon': epsilon}
    )
    found.append(build_index.fingerprint_embedder(directory))
  assert found[0] == found[1] and len(set(found)) == 3
