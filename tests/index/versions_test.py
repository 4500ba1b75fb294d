# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import dataclasses
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.index import saved_searcher, search_ops, searcher, slot, versions
from realm_tf.index.index import Index
from realm_tf.io import atomic
from realm_tf.io.compatibility import MismatchError
from realm_tf.text import packing
from tests.support import clustered, damage, small_world

needs_scann = pytest.mark.skipif(
  not search_ops.scann_is_installed(), reason='ScaNN is not installed'
)
KINDS = ['exact', pytest.param('scann', marks=needs_scann)]

_OTHER_PROCESS = """
import sys
import numpy as np
from realm_tf.index.index import Index
directory, *names = sys.argv[1:]
for name in names:
  index = Index.open(f'{directory}/{name}')
  rows, scores = index.searcher.search(
    np.load(f'{directory}/queries.npy'), 7
  )
  np.savez(f'{directory}/{name}.npz', rows=rows, scores=scores)
"""
_KILLED_WHILE_PUBLISHING = """
import os, signal, sys
from realm_tf.index import versions
from tests.index import versions_test
copy = versions._copy_embeddings
def die(embeddings, path):
  copy(embeddings[:10], path)
  os.kill(os.getpid(), signal.SIGKILL)
versions._copy_embeddings = die
versions_test.publish(sys.argv[1], 7)
"""


def publish(index_dir, step, *, kind='exact', rows=500, **kwargs):
  embeddings = clustered.vectors(step, rows)
  config = SearcherConfig(searcher=kind)
  built = searcher.build_searcher(embeddings, config)
  metadata = versions.IndexMetadata(
    step=step,
    num_documents=rows,
    dim=32,
    kind=built.kind,
    corpus_fingerprint='corpus-1',
    vocab_fingerprint='vocab-1',
    embedder_fingerprint='embedder-1',
    searcher=config,
    built_at=12.5,
  )
  path = versions.publish_index(
    index_dir, step, embeddings, built, metadata, **kwargs
  )
  return path, embeddings, built


@pytest.mark.parametrize('kind', KINDS)
def test_what_is_published_is_loaded(tmp_path, kind):
  embedder = tmp_path / 'export' / 'embedder'
  embedder.mkdir(parents=True)
  (embedder / 'weights').write_text('w')
  path, embeddings, built = publish(
    tmp_path, 30, kind=kind, rows=3000, embedder_dir=embedder
  )
  assert path == str(tmp_path / '30')
  index = Index.open(path)
  assert index.metadata.step == 30
  assert index.metadata.built_at == 12.5
  assert index.metadata.searcher == SearcherConfig(searcher=kind)
  assert isinstance(index.embeddings, np.memmap)
  np.testing.assert_array_equal(index.embeddings, embeddings)
  assert os.listdir(index.embedder_dir) == ['weights']
  queries = clustered.vectors(2, 20)
  for mine, its in zip(
    built.search(queries, 7), index.searcher.search(queries, 7)
  ):
    np.testing.assert_array_equal(its, mine)
  index.close()
  index.close()
  assert len(index.embeddings) == 0
  with pytest.raises(RuntimeError, match='closed'):
    index.searcher.search(queries, 7)


def test_a_flipped_bit_is_found(tmp_path):
  embedder = tmp_path / 'export' / 'embedder'
  embedder.mkdir(parents=True)
  (embedder / 'weights').write_text('w')
  path = pathlib.Path(publish(tmp_path, 30, embedder_dir=embedder)[0])
  files = [p for p in path.rglob('*') if p.is_file()]
  files.remove(path / 'metadata.json')
  assert versions.verify(path) == len(files) >= 5
  for file in files:
    if file.stat().st_size:
      with damage.flipped(file), pytest.raises(ValueError, match=file.name):
        versions.verify(path)
  # As of earlier versions of the program.
  metadata = atomic.read_json(path / 'metadata.json')
  del metadata['crc32']
  atomic.write_json(path / 'metadata.json', metadata)
  assert versions.verify(path) == 0
  Index.open(path).close()


@needs_scann
def test_another_process_finds_the_same(tmp_path):
  built = {
    name: publish(tmp_path, step, kind=kind, rows=3000)[2]
    for name, step, kind in (('30', 30, 'exact'), ('40', 40, 'scann'))
  }
  queries = clustered.vectors(2, 20)
  np.save(tmp_path / 'queries.npy', queries)
  subprocess.run(
    [sys.executable, '-c', _OTHER_PROCESS, str(tmp_path), *built], check=True
  )
  for name, searcher_ in built.items():
    found = np.load(tmp_path / f'{name}.npz')
    rows, scores = searcher_.search(queries, 7)
    np.testing.assert_array_equal(found['rows'], rows)
    np.testing.assert_array_equal(found['scores'], scores)


def test_versions_are_listed_by_step_and_pruned(tmp_path):
  assert versions.list_indexes(tmp_path / 'none') == []
  assert versions.latest_index(tmp_path) is None
  for step in (0, 1000, 90):
    publish(tmp_path, step, rows=20)
  (tmp_path / '2000').mkdir()  # without metadata: somebody else's
  (tmp_path / 'failed-3.json').write_text('{}')
  names = [os.path.basename(p) for p in versions.list_indexes(tmp_path)]
  assert names == ['0', '90', '1000']
  assert versions.latest_index(tmp_path) == str(tmp_path / '1000')
  index = Index.open(tmp_path / '0')
  assert versions.prune(tmp_path, 1) == [
    str(tmp_path / '0'),
    str(tmp_path / '90'),
  ]
  assert versions.list_indexes(tmp_path) == [str(tmp_path / '1000')]
  # Its file is gone, but mapped.
  np.testing.assert_array_equal(index.embeddings, clustered.vectors(0, 20))
  with pytest.raises(ValueError, match='keep'):
    versions.prune(tmp_path, 0)


def test_a_version_is_replaced(tmp_path):
  publish(tmp_path, 5, rows=20)
  publish(tmp_path, 5, rows=30)
  assert len(Index.open(tmp_path / '5').embeddings) == 30


def test_half_written_is_never_listed(tmp_path, monkeypatch):
  publish(tmp_path, 3, rows=20)
  listed = []
  save = saved_searcher.save_searcher

  def look_and_fail(*args):
    save(*args)
    listed.extend(versions.list_indexes(tmp_path))
    raise OSError('no space')

  monkeypatch.setattr(saved_searcher, 'save_searcher', look_and_fail)
  with pytest.raises(OSError, match='no space'):
    publish(tmp_path, 4, rows=20)
  assert listed == [str(tmp_path / '3')] == versions.list_indexes(tmp_path)
  assert os.listdir(tmp_path) == ['3']


def test_killed_while_publishing(tmp_path):
  publish(tmp_path, 3, rows=20)
  result = subprocess.run(
    [sys.executable, '-c', _KILLED_WHILE_PUBLISHING, str(tmp_path)]
  )
  assert result.returncode == -signal.SIGKILL
  assert len(os.listdir(tmp_path)) == 2
  assert versions.latest_index(tmp_path) == str(tmp_path / '3')
  assert versions.prune(tmp_path, 5) == []
  assert os.listdir(tmp_path) == ['3']


def test_another_corpus_or_embedder_is_refused(realm, tmp_path):
  index = Index.open(realm.index_path, realm.corpus_dir)
  metadata = index.metadata
  index.close()
  made_by = metadata.embedder_fingerprint
  Index.open(realm.index_path, realm.documents, embedder=made_by).close()
  with pytest.raises(MismatchError, match=f'embedder {made_by}, .* has other'):
    Index.open(realm.index_path, embedder='other')
  other = small_world.store(tmp_path / 'corpus', [('Peru', 'Lima is .')])
  with pytest.raises(MismatchError) as raised:
    Index.open(realm.index_path, other)
  for word in (
    realm.index_path,
    metadata.corpus_fingerprint,
    other.directory,
    other.fingerprint,
    'build_index',
  ):
    assert word in str(raised.value)


def test_searches_for_text_with_its_own_embedder(realm, tmp_path):
  index = Index.open(realm.directory / 'index')
  queries = ['the capital of France', b'London']
  rows, scores = index.search(queries, 4)
  tokenizer = realm.tokenizer
  packed = packing.pack_query(
    tokenizer.tokenize(queries), special=tokenizer.special, max_length=40
  )
  embedded = realm.stale_embedder.embed_queries(packed).numpy()
  inner = embedded @ np.array(index.embeddings).T
  np.testing.assert_array_equal(rows, np.argsort(-inner, 1)[:, :4])
  np.testing.assert_allclose(scores, -np.sort(-inner, 1)[:, :4], rtol=1e-4)
  index.close()
  path, *_ = publish(tmp_path, 3, rows=20)
  with pytest.raises(ValueError, match='3 was published without its embedder'):
    Index.open(path).search(queries)


def test_what_is_no_index_is_named(tmp_path):
  with pytest.raises(FileNotFoundError, match='no index in .*nothing'):
    Index.open(tmp_path / 'nothing')
  path, *_ = publish(tmp_path, 3, rows=20)
  (tmp_path / '3' / 'metadata.json').write_text('{"version": 99}')
  with pytest.raises(ValueError, match=r'metadata.json: .* version 1'):
    Index.open(path)


def test_metadata_of_before_are_read(tmp_path):
  path, *_ = publish(tmp_path, 3)
  metadata = atomic.read_json(f'{path}/metadata.json')
  for name in ('rows_added', 'max_length', 'precision'):
    del metadata[name]
  atomic.write_json(f'{path}/metadata.json', metadata)
  found = Index.open(path).metadata
  assert (found.rows_added, found.max_length, found.precision) == (
    0,
    None,
    None,
  )


def test_the_embedder_of_a_version(tmp_path):
  path, *_ = publish(tmp_path, 3, rows=20)
  assert versions.embedder_fingerprint(path) == 'embedder-1'
  (tmp_path / '3' / 'metadata.json').write_text('{')
  assert versions.embedder_fingerprint(path) is None
  assert versions.embedder_fingerprint(tmp_path / 'nothing') is None


def test_parts_must_belong_together(tmp_path):
  _, embeddings, built = publish(tmp_path, 3, rows=20)
  metadata = Index.open(tmp_path / '3').metadata
  with pytest.raises(ValueError, match='different shapes'):
    versions.publish_index(tmp_path, 4, embeddings[1:], built, metadata)
  with pytest.raises(ValueError, match='step 3'):
    versions.publish_index(tmp_path, 4, embeddings, built, metadata)
  wrong = dataclasses.replace(metadata, kind='scann')
  with pytest.raises(ValueError, match='scann'):
    versions.publish_index(tmp_path, 3, embeddings, built, wrong)
  np.save(tmp_path / '3' / 'embeddings.npy', embeddings[1:])
  with pytest.raises(ValueError, match='different shapes'):
    Index.open(tmp_path / '3')


@needs_scann
def test_memory_is_flat_over_swaps(tmp_path):
  # 7 MB each: 20 of them would show.
  path, *_ = publish(tmp_path, 1, kind='scann', rows=20_000)
  queries = clustered.vectors(2, 8)
  process = psutil.Process()
  holder = slot.IndexSlot()
  used = []
  for _ in range(23):
    holder.swap(Index.open(path))
    with holder.acquire() as index:
      index.searcher.search(queries, 5)
    holder.join()
    used.append(process.memory_info().rss / 1e6)
  holder.close()
  assert used[-1] - used[2] < 20


@pytest.mark.parametrize('kind', KINDS)
def test_a_swap_takes_no_time(tmp_path, kind):
  path, *_ = publish(tmp_path, 1, kind=kind, rows=20_000)
  holder = slot.IndexSlot(Index.open(path))
  taken = []
  for _ in range(5):
    new = Index.open(path)
    # Of this thread: the machine may be busy with others.
    start = time.thread_time()
    holder.swap(new)
    taken.append(time.thread_time() - start)
  holder.close()
  assert sorted(taken)[2] < 0.05
