# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import dataclasses
import json
import shutil

import numpy as np
import pytest
import tf_keras as keras

from realm_tf.configs.update_config import UpdateConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.corpus.document import CorpusError
from realm_tf.hub import hub_modules
from realm_tf.index import embed_corpus
from realm_tf.index.index import Index
from realm_tf.indexing import corpus_update
from realm_tf.io import atomic, compatibility
from realm_tf.modeling.embedder import Embedder
from realm_tf.text.tokenizer import BertTokenizer

TOWN = {'title': 'Oslo', 'text': 'A town near the sea.'}


@pytest.fixture
def update(world, indexed, tmp_path):
  """Updates into `tmp_path/out`, with other settings as they are given."""

  def run(**kwargs):
    settings = {
      'corpus_dir': str(world / 'corpus'),
      'index_dir': str(indexed[0] / 'index' / '3'),
      'output_dir': str(tmp_path / 'out'),
      'progress': False,
    }
    return corpus_update.update_corpus(UpdateConfig(**{**settings, **kwargs}))

  return run


def embedded(encoding, documents):
  return embed_corpus.embed_documents(
    documents.select(range(4)),
    encoding.embed_fn,
    special=encoding.tokenizer.special,
    config=encoding.embedding_config,
    progress=False,
  )


def test_it_embeds_as_the_index_says_it_was(world, indexed):
  root, _, documents, *_ = indexed
  path = str(root / 'index' / '3')
  index = Index.open(path)
  assert (index.metadata.max_length, index.metadata.precision) == (
    48,
    'float32',
  )
  expected = index.embeddings[:4].copy()
  index.close()

  def encoding(metadata, **kwargs):
    return corpus_update.encoding_of(path, metadata, **kwargs)

  exact = encoding(index.metadata)
  assert exact.embedding_config.candidate_seq_len == 48
  np.testing.assert_allclose(embedded(exact, documents), expected, atol=1e-5)
  rounded = dataclasses.replace(index.metadata, precision='bfloat16')
  found = embedded(encoding(rounded), documents)
  assert 1e-4 < np.abs(found - expected).max() < 0.1
  assert keras.mixed_precision.global_policy().name == 'float32'
  # Flags are stronger; indexes of before do not say it.
  found = embedded(encoding(rounded, mixed_precision=False), documents)
  np.testing.assert_allclose(found, expected, atol=1e-5)
  given = encoding(rounded, max_length=7)
  assert given.embedding_config.candidate_seq_len == 7
  silent = dataclasses.replace(index.metadata, max_length=None, precision=None)
  assert encoding(silent).embedding_config.candidate_seq_len == 288


def lines(path, *values):
  path.write_text(''.join(json.dumps(v) + '\n' for v in values))
  return str(path)


def test_the_next_edition_and_the_one_after_it(world, update, tmp_path):
  old = Corpus.open(world / 'corpus' / 'documents')
  title = old.titles([3])[0]
  add = lines(tmp_path / 'new.jsonl', TOWN, {**TOWN, 'title': title})
  for name in ('out', 'others'):
    (tmp_path / f'.{name}.tmp-999999999-0123abcd').mkdir()
  path, counts = update(add=add, replace_titles=True, retrain=True)
  (other,) = tmp_path.glob('.*')  # What is left of its own output is gone.
  assert other.name.startswith('.others.')
  assert counts == {
    'read': 2,
    'documents_to_add': 2,
    'blocks_added': 2,
    'blocks_already_there': 0,
    'blocks_removed': 1,
    'not_there_to_remove': 0,
    'blocks': 61,
  }
  second = Corpus.open(tmp_path / 'out/corpus/documents')
  assert second.titles([3, 59, 60]) == [old.titles([4])[0], 'Oslo', title]
  manifest = atomic.read_json(tmp_path / 'out/corpus/manifest.json')
  assert manifest['settings']['updated']['from_corpus'] == old.fingerprint
  assert manifest['counts']['blocks_added'] == 2
  assert manifest['settings']['max_block_length'] == 288
  assert manifest['lower_case'] is True
  # A removal needs no embedder.
  shutil.rmtree(f'{path}/embedder')
  gone = lines(tmp_path / 'gone.jsonl', {'row': 59})
  path, _ = update(
    corpus_dir=str(tmp_path / 'out/corpus'),
    index_dir=str(tmp_path / 'out/index'),
    output_dir=str(tmp_path / 'third'),
    remove=gone,
  )
  third = Corpus.open(tmp_path / 'third/corpus/documents')
  rows = [*range(59), 60]
  assert third.bodies(range(60)) == second.bodies(rows)
  its, before = (
    np.load(tmp_path / name / 'index/3/embeddings.npy')
    for name in ('third', 'out')
  )
  np.testing.assert_array_equal(its, before[rows])
  index = Index.open(path, third)
  index.close()


@pytest.mark.parametrize(
  ('names', 'said'),
  [
    (
      {'add': 'bad'},
      r'`add`: no document in .* problem is .*bad\.jsonl:1',
    ),
    ({'add': 'bad', 'strict': True}, r'bad\.jsonl:1: no "text"'),
    ({'add': 'none'}, '`add`: no file matches'),
    ({'remove': 'none'}, '`remove`: no file matches'),
    ({'add': 'empty'}, r'`add`: no document in .*empty\.jsonl'),
    ({'remove': 'nobody'}, r'nothing to change \(1 not_there_to_remove\)'),
    ({'remove': 'nobody', 'strict': True}, r'nobody\.jsonl:1: there is no'),
    ({'add': 'there'}, r'nothing to change \(1 blocks_already_there,'),
  ],
)
def test_nothing_is_written(world, update, tmp_path, names, said):
  old = Corpus.open(world / 'corpus' / 'documents')
  lines(tmp_path / 'bad.jsonl', {'title': 'Oslo'})
  lines(tmp_path / 'empty.jsonl')
  lines(tmp_path / 'nobody.jsonl', {'title': 'Nobody'})
  there = {'title': old.titles([5])[0], 'text': old.bodies([5])[0]}
  lines(tmp_path / 'there.jsonl', there)
  names = {
    k: str(tmp_path / f'{v}.jsonl') if isinstance(v, str) else v
    for k, v in names.items()
  }
  with pytest.raises(CorpusError, match=said):
    update(**names)
  assert not (tmp_path / 'out').exists()


def test_only_an_update_is_replaced_and_only_if_told_so(update, tmp_path):
  out = tmp_path / 'out'
  out.mkdir()
  gone = lines(tmp_path / 'gone.jsonl', {'row': 1})
  with pytest.raises(CorpusError, match='is there already.*`overwrite`'):
    update(remove=gone)
  update(remove=gone, overwrite=True)
  both = lines(tmp_path / 'both.jsonl', {'row': 1}, {'row': 2})
  assert update(remove=both, overwrite=True)[1]['blocks'] == 58
  manifest = out / 'corpus' / 'manifest.json'
  original = manifest.read_text()
  for path in ('model.txt', 'index/mine', 'corpus/manifest.json'):
    (out / path).write_text('{"settings": {}}')
    with pytest.raises(CorpusError, match='out holds something else'):
      update(remove=gone, overwrite=True)
    (out / path).unlink()
    manifest.write_text(original)
  out.rename(tmp_path / 'kept')
  out.write_text('a file')
  with pytest.raises(CorpusError, match='out is a file'):
    update(remove=gone, overwrite=True)
  assert out.read_text() == 'a file'


def test_what_is_given_stays_as_it_is(world, indexed, update, tmp_path):
  gone = lines(tmp_path / 'gone.jsonl', {'row': 1})
  first = tmp_path / 'out'
  update(remove=gone)
  (tmp_path / 'link').symlink_to(first)
  given = {
    'corpus_dir': str(first / 'corpus'),
    'index_dir': str(first / 'index'),
    'remove': gone,
    'overwrite': True,
  }
  for output in (
    first,
    first / 'corpus',
    first / 'index' / '4',
    tmp_path,
    tmp_path / 'link',
  ):
    with pytest.raises(CorpusError, match='which stays as it is') as error:
      update(output_dir=str(output), **given)
    assert str(output) in str(error.value)
  assert len(Corpus.open(first / 'corpus/documents')) == 59
  # The API as well.
  opened = corpus_update.open_live(given['corpus_dir'], given['index_dir'])
  for output in (first, first / 'index', first / 'index/3/x', tmp_path):
    with pytest.raises(CorpusError, match='which stays as it is'):
      opened.save(output)
  opened.close()


def test_what_does_not_belong_together_is_refused(indexed, update, tmp_path):
  root, tokenizer, _, embedder, *_ = indexed
  add = lines(tmp_path / 'new.jsonl', TOWN)
  copy = tmp_path / 'index' / '3'
  shutil.copytree(root / 'index' / '3', copy)
  metadata = atomic.read_json(copy / 'metadata.json')
  other = BertTokenizer([*tokenizer.vocab[:-1], 'zanzibar'])
  hub_modules.export_embedder(embedder, other, tmp_path / 'other', 3)
  third = Embedder(embedder.bert_config, 16, seed=9)
  hub_modules.export_embedder(third, tokenizer, tmp_path / 'third', 3)
  atomic.write_json(
    copy / 'metadata.json', {**metadata, 'corpus_fingerprint': 'another'}
  )
  with pytest.raises(compatibility.MismatchError, match='corpus another'):
    update(add=add, index_dir=str(copy))
  # The same weights with other words.
  with pytest.raises(compatibility.MismatchError, match=other.fingerprint):
    update(add=add, embedder=str(tmp_path / 'other'))
  with pytest.raises(compatibility.MismatchError, match='`embedder` .* has'):
    update(add=add, embedder=str(tmp_path / 'third'))
  atomic.write_json(copy / 'metadata.json', metadata)
  shutil.rmtree(copy / 'embedder')
  with pytest.raises(ValueError, match='give `embedder`'):
    update(add=add, index_dir=str(copy))
  # Documents that were cut at another length have other vectors.
  with pytest.raises(compatibility.MismatchError, match='`candidate_seq_len`'):
    update(add=add, candidate_seq_len=6)
  assert not (tmp_path / 'out').exists()
