# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import dataclasses
import functools
import os
import shutil
import threading

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.configs.embedding_config import EmbeddingConfig
from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.corpus.document import CorpusError, Document
from realm_tf.corpus.removals import Removal, by_title
from realm_tf.index import build_index, lexical, live, search_ops
from realm_tf.index.index import Index
from realm_tf.io import compatibility
from tests.support import small_world

needs_scann = pytest.mark.skipif(
  not search_ops.scann_is_installed(), reason='ScaNN is not installed'
)
KINDS = ['exact', pytest.param('scann', marks=needs_scann)]
CONFIG = EmbeddingConfig(candidate_seq_len=64, batch_tokens=512)
DIM = 16
WORDS = small_world.tokenizer().vocab[7:48]


def table(seed=0):
  size = small_world.tokenizer().vocab_size
  return np.random.default_rng(seed).standard_normal((size, DIM))


def embed(inputs, seed=0):
  """The mean of random vectors, one for each wordpiece."""
  mask = inputs['input_mask'].numpy()[:, :, None]
  vectors = table(seed)[inputs['input_word_ids'].numpy()] * mask
  return tf.constant(vectors.sum(1) / mask.sum(1), tf.float32)


def texts(count, seed):
  rng = np.random.default_rng(seed)
  return [
    Document(f'{seed} {i}', ' '.join(rng.choice(WORDS, rng.integers(4, 30))))
    for i in range(count)
  ]


def built(directory, documents, kind='exact'):
  store = small_world.store(directory / 'corpus', documents)
  path = build_index.build_index(
    store,
    embed,
    directory / 'index',
    3,
    special=small_world.tokenizer().special,
    searcher_config=SearcherConfig(searcher=kind, num_leaves=5),
    embedding_config=CONFIG,
    progress=False,
  )
  return store, path


def encoding(embed_fn=embed, **kwargs):
  return live.Encoding(
    small_world.tokenizer(),
    embed_fn,
    dataclasses.replace(CONFIG, **kwargs),
  )


def opened(directory, documents, kind='exact', **kwargs):
  store, path = built(directory, documents, kind)
  return live.LiveIndex(
    store, Index.open(path), kwargs.get('encoding', encoding())
  )


@functools.cache
def vector(document):
  """The row of a document of one block."""
  tokenizer = small_world.tokenizer()
  title, body = tokenizer.tokenize(list(document[:2])).to_list()
  special = tokenizer.special
  ids = [special.cls, *title, special.sep, *body, special.sep]
  return table()[ids].mean(0, keepdims=True).astype(np.float32)


def found(index, document, k=1):
  """Title and body of what is nearest to a document (by direction)."""
  with index.acquire() as edition:
    rows, _ = edition.index.searcher.search(100 * vector(document), k)
    rows = rows.numpy()[0]
    return list(
      zip(edition.documents.titles(rows), edition.documents.bodies(rows))
    )


@pytest.mark.parametrize('kind', KINDS)
def test_an_updated_index_is_one_built_anew(tmp_path, kind):
  old, new = texts(300, 1), texts(20, 2)
  index = opened(tmp_path / 'old', old, kind)
  removed = [by_title(d.title) for d in old[::30]]
  update = index.update(new, removed)
  assert update == live.Update(10, 20, 0, [])
  left = [d for i, d in enumerate(old) if i % 30] + new
  path = index.save(tmp_path / 'saved')
  assert path == str(tmp_path / 'saved/index/3')
  store, anew_path = built(tmp_path / 'anew', left, kind)
  saved_store = Corpus.open(tmp_path / 'saved/corpus/documents')
  assert saved_store.fingerprint == store.fingerprint
  anew = Index.open(anew_path)
  saved = Index.open(path, store)
  np.testing.assert_allclose(saved.embeddings, anew.embeddings, atol=1e-6)
  assert saved.metadata.rows_added == (20 if kind == 'scann' else 0)
  assert (saved.metadata.kind, saved.metadata.step) == (kind, 3)
  queries = np.concatenate([vector(d) for d in texts(40, 5)])
  truth = np.argsort(-(queries @ anew.embeddings.T), 1, 'stable')[:, :10]
  recalls = []
  with index.acquire() as edition:
    for searcher in (edition.index.searcher, saved.searcher, anew.searcher):
      rows = searcher.search(queries, 10)[0].numpy()
      recalls.append(np.mean([np.isin(a, b) for a, b in zip(rows, truth)]))
      if kind == 'exact':
        np.testing.assert_array_equal(rows, truth)
  assert recalls[0] == recalls[1] > recalls[2] - 0.03
  index.close()


@pytest.mark.parametrize('kind', KINDS)
def test_what_is_removed_is_never_found_and_what_is_added_is(tmp_path, kind):
  old = texts(100, 1)
  index = opened(tmp_path, old, kind)
  for n, document in enumerate(old[:5]):
    new = Document(f'new {n}', document.text)
    index.update([new], [by_title(document.title)])
    everything = found(index, document, 200)
    assert len(set(everything)) == len(everything) == 100
    assert document[:2] not in everything and new[:2] in everything
  index.close()


def test_who_searches_keeps_the_edition(tmp_path):
  old = texts(50, 1)
  index = opened(tmp_path, old)
  with index.acquire() as before:
    index.update([], [Removal('row', 0)])
    rows, _ = before.index.searcher.search(100 * vector(old[0]), 100)
    assert before.documents.titles(rows[0]).count('1 0') == 1
    with index.acquire() as after:
      assert len(after.documents) == 49 and len(before.documents) == 50
      assert after.documents.titles([0]) == ['1 1']
  # An open version goes on when its files are replaced.
  index.save(tmp_path / 'out')
  store = Corpus.open(tmp_path / 'out/corpus/documents')
  loaded = Index.open(tmp_path / 'out/index/3')
  index.update([], [Removal('row', 0)])
  index.save(tmp_path / 'out')
  assert store.titles([0, 48]) == ['1 1', '1 49']
  assert loaded.searcher.search(vector(old[1]), 100)[0].shape == (1, 49)
  np.testing.assert_allclose(loaded.embeddings[0], vector(old[1])[0], 1e-5)
  assert len(Corpus.open(tmp_path / 'out/corpus/documents')) == 48
  index.close()


@pytest.mark.parametrize('kind', KINDS)
def test_searches_while_it_is_updated(tmp_path, kind):
  old = texts(200, 1)
  index = opened(tmp_path, old, kind)
  stop, wrong, searched = threading.Event(), [], []

  def search_once():
    # Each row must be of the document whose vector it has.
    with index.acquire() as edition:
      rows, scores = edition.index.searcher.search(vector(old[9]), 5)
      titles = edition.documents.titles(rows[0])
      bodies = edition.documents.bodies(rows[0])
    for document, score in zip(zip(titles, bodies), scores.numpy()[0]):
      if abs(np.sum(vector(document) * vector(old[9])) - score) > 1e-3:
        wrong.append(document)
    searched.append(len(titles))

  def search():
    try:
      while not stop.is_set():
        search_once()
    except Exception as e:  # Of a thread nobody else would hear it.
      wrong.append(e)

  threads = [threading.Thread(target=search) for _ in range(2)]
  for thread in threads:
    thread.start()
  for n in range(8):
    index.update(texts(3, 10 + n), [Removal('row', n), Removal('row', 50 + n)])
  stop.set()
  for thread in threads:
    thread.join()
  assert wrong == []
  assert set(searched) == {5} and len(searched) > 4
  with index.acquire() as edition:
    assert len(edition.documents) == 200 - 16 + 24
  index.close()


def test_saves_without_an_embedder_that_is_gone(tmp_path, caplog):
  store, path = built(tmp_path, texts(5, 1))
  embedder = tmp_path / 'index' / '3' / 'embedder'
  embedder.mkdir()
  (embedder / 'weights').touch()
  index = live.LiveIndex(store, Index.open(path))
  saved = index.save(tmp_path / 'with')
  assert os.listdir(f'{saved}/embedder') == ['weights']
  assert 'is gone' not in caplog.text
  shutil.rmtree(embedder)
  saved = index.save(tmp_path / 'without')
  assert f'{embedder} is gone' in caplog.text
  assert Index.open(saved).embedder_dir is None
  index.close()


def test_replacing_embeds_only_what_changed(tmp_path):
  old = texts(50, 1)
  embedded = []

  def counting(inputs):
    embedded.append(len(inputs['input_mask']))
    return embed(inputs)

  index = opened(tmp_path, old, encoding=encoding(counting))
  edition2 = [
    d._replace(text=f'{d.text} river') if i in (7, 30) else d
    for i, d in enumerate(old)
  ]
  update = index.update(edition2, replace_titles=True)
  assert update == live.Update(2, 2, 48, [])
  # The last two; those before are compared with what is there.
  assert embedded[-1] == 2 and sum(embedded) < 20
  with index.acquire() as edition:
    kept = [d.title for i, d in enumerate(old) if i not in (7, 30)]
    assert edition.documents.titles(range(50)) == [*kept, '1 7', '1 30']
    assert edition.documents.bodies([49])[0].endswith('river')
  index.close()


def test_what_is_there_already_is_left_out(tmp_path):
  old = texts(20, 1)
  index = opened(tmp_path, old)
  new = Document('x', 'paris')
  # Once is enough; removed and added again is as it was.
  update = index.update([old[3], new, new, old[4]], [by_title(old[4].title)])
  assert update == live.Update(0, 1, 3, [])
  assert index.update([new, old[3]]) == live.Update(0, 0, 2, [])
  assert index.update() == live.Update(0, 0, 0, [])
  with index.acquire() as edition:
    assert len(edition.documents) == 21
  index.close()


def test_what_cannot_be_removed(tmp_path):
  index = opened(tmp_path, texts(3, 1))
  missing = by_title('nobody', 'gone.txt:2')
  update = index.update([], [missing, by_title('1 0')])
  assert update == live.Update(1, 0, 0, [missing])
  with pytest.raises(CorpusError, match=r"gone\.txt:2: .*'nobody'.*`strict`"):
    index.update([], [missing, by_title('1 1')], strict=True)
  with pytest.raises(CorpusError, match='no document would be left'):
    index.update([], [by_title('1 1'), by_title('1 2')])
  with index.acquire() as edition:
    assert len(edition.documents) == 2
  # All others may go if something comes.
  index.update([Document('x', 'paris')], [by_title('1 1'), by_title('1 2')])
  with index.acquire() as edition:
    assert (
      edition.documents.titles([0]) == ['x'] and len(edition.documents) == 1
    )
  index.close()


def test_embedders_that_do_not_belong_are_refused(tmp_path):
  documents = [*texts(20, 1), Document('long', 'paris ' * 20 + 'lima ' * 30)]
  store, path = built(tmp_path, documents)

  def other(inputs):
    return embed(inputs, seed=1)

  for its in (encoding(other), encoding(candidate_seq_len=24)):
    index = live.LiveIndex(store, Index.open(path), its)
    with pytest.raises(compatibility.MismatchError, match='other vectors'):
      index.update([Document('x', 'paris')])
    # Nothing was changed, and it still removes.
    assert index.update([], [by_title('long')]).removed == 1
    index.close()
  without = live.LiveIndex(store, Index.open(path))
  with pytest.raises(ValueError, match='without its embedder'):
    without.update([Document('x', 'paris')])
  assert without.update([], [by_title('long')]).removed == 1
  without.close()


def test_corpora_and_vocabularies_that_do_not_belong_are_refused(tmp_path):
  store, path = built(tmp_path / 'a', texts(5, 1))
  other, _ = built(tmp_path / 'b', texts(5, 2))
  index = Index.open(path)
  with pytest.raises(compatibility.MismatchError, match=other.fingerprint):
    live.LiveIndex(other, index)
  tokenizer = small_world.BertTokenizer(
    [*small_world.tokenizer().vocab, 'zanzibar']
  )
  with pytest.raises(compatibility.MismatchError, match=tokenizer.fingerprint):
    live.LiveIndex(store, index, live.Encoding(tokenizer, embed))
  index.close()


@needs_scann
def test_retraining_forgets_what_was_added(tmp_path, caplog):
  old, new = texts(60, 1), texts(60, 2)
  index = opened(tmp_path, old, 'scann')
  index.update(new[:5])
  assert '--retrain' not in caplog.text
  index.update(new[5:])
  assert '60 of 120 rows were added' in caplog.text
  with index.acquire() as edition:
    assert edition.index.metadata.rows_added == 60
  index.retrain()
  with index.acquire() as edition:
    assert edition.index.metadata.rows_added == 0
    assert edition.index.metadata.kind == 'scann'
    assert len(edition.documents) == edition.index.searcher.num_rows == 120
    rows, scores = edition.index.searcher.search(vector(new[30]), 120)
    expected = edition.index.embeddings[rows[0]] @ vector(new[30])[0]
    np.testing.assert_allclose(scores[0], expected, rtol=1e-4)
    assert sorted(rows.numpy()[0]) == list(range(120))
  index.close()


@pytest.mark.parametrize('alone', [True, False])
def test_words_are_counted_again(tmp_path, alone):
  store, path = built(tmp_path, texts(30, 1))
  lexical.publish(store, tmp_path / 'index')
  if alone:
    shutil.rmtree(path)
  index = Index.open(tmp_path / 'index', store)
  its = None if alone else encoding()
  opened = live.LiveIndex(store, index, its)
  new = Document('4 1', 'thames thames rome tiber')
  assert opened.update([new], [by_title('1 5')])[:2] == (1, 1)
  opened.retrain()
  written = opened.save(tmp_path / 'new')
  corpus = Corpus.open(tmp_path / 'new/corpus')
  assert corpus.titles([29]) == ['4 1'] and '1 5' not in corpus.titles(
    range(30)
  )
  expected = lexical.LexicalIndex.build(corpus)
  questions = ['the thames and the tiber', 'rome']
  rows, scores = expected.search(questions, 5)
  with opened.acquire() as edition:
    np.testing.assert_array_equal(
      edition.index.lexical.search(questions, 5)[0], rows
    )
  saved = Index.open(written, corpus)
  for mine, found in zip((rows, scores), saved.lexical.search(questions, 5)):
    np.testing.assert_array_equal(found, mine)
  assert saved.metadata.dim == (0 if alone else DIM)
  saved.lexical.search(questions, 5)
  # It is an edition, which may be replaced.
  with opened.acquire() as edition:
    edition.verify()
  opened.update([], [by_title('4 1')])
  assert opened.save(tmp_path / 'new')
  opened.close()
