# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import itertools
import json
import pathlib
import shutil

import pytest
import tensorflow as tf

from realm_tf.corpus import block_records
from realm_tf.corpus.corpus import Corpus
from realm_tf.corpus.document import CorpusError
from realm_tf.indexing import description
from realm_tf.io import records
from realm_tf.original import original_corpus
from realm_tf.spans import span_records
from realm_tf.text.tokenizer import BertTokenizer
from tests.support import original_files, shared_data

RELEASE = original_files.RELEASE
DOCS = str(RELEASE / 'docs' / 'docs.small.tfr.gz-*')


def blocks_of(source):
  return list(original_corpus.read(str(source)))


def test_realm_and_orqa_have_the_same_blocks():
  docs = blocks_of(RELEASE / 'docs' / 'docs.small.tfr.gz-*')
  assert len(docs) == 24
  assert docs[0].body.startswith(b'The capital of ')
  assert docs[0].title_ids and len(docs[0].body_ids) > 20
  assert docs == blocks_of(RELEASE / 'orqa_corpus')


def test_orqa_without_examples(tmp_path):
  for name in ('blocks.tfr', 'titles.tfr'):
    shutil.copy(RELEASE / 'orqa_corpus' / name, tmp_path)
  blocks = blocks_of(tmp_path)
  assert [b[:2] for b in blocks] == [
    b[:2] for b in blocks_of(RELEASE / 'orqa_corpus')
  ]
  assert blocks[5].title_ids is None and blocks[5].body_ids is None


def test_jsonl(tmp_path):
  path = tmp_path / 'docs.jsonl'
  lines = [{'title': 'é', 'body': ' a\n b '}, {'title': '', 'text': 'c'}]
  path.write_text(''.join(json.dumps(x) + '\n' for x in lines))
  # As they are: an index of the original's belongs to them.
  assert [b[:2] for b in blocks_of(path)] == [
    ('é'.encode(), b' a\n b '),
    (b'', b'c'),
  ]
  path.write_text('{"title": "a", "body": "b"}\n{"title": 1, "body": "b"}\n')
  with pytest.raises(CorpusError, match='docs.jsonl:2: no "title"'):
    blocks_of(path)


def test_columns_of_different_lengths(tmp_path):
  shutil.copytree(RELEASE / 'orqa_corpus', tmp_path / 'orqa')
  with tf.io.TFRecordWriter(str(tmp_path / 'orqa/titles.tfr')) as writer:
    writer.write(b'only one')
  with pytest.raises(CorpusError, match='one ends before record 2'):
    blocks_of(tmp_path / 'orqa')


def test_damaged_and_foreign_files(tmp_path):
  path = tmp_path / 'docs.tfr.gz-00000-of-00001'
  data = (RELEASE / 'docs/docs.small.tfr.gz-00000-of-00002').read_bytes()
  path.write_bytes(data[: len(data) // 2])
  with pytest.raises(CorpusError, match='record 4: .*damaged'):
    blocks_of(path)
  with block_records.record_writer(path) as writer:
    writer.write(tf.train.Example().SerializeToString())
  with pytest.raises(CorpusError, match='record 1: not a block record'):
    blocks_of(path)
  (tmp_path / 'a.txt').write_text('Once upon a time.')
  with pytest.raises(CorpusError, match='for `build_corpus`'):
    blocks_of(tmp_path / 'a.txt')
  with pytest.raises(CorpusError, match='^`sources`: no file matches'):
    blocks_of(tmp_path / 'none')


def test_examples_say_where_sentences_begin():
  path = str(RELEASE / 'orqa_corpus' / 'examples.tfr')
  records = list(tf.data.TFRecordDataset(path).as_numpy_iterator())
  assert len(records) == 24
  for record in records:
    feature = tf.train.Example.FromString(record).features.feature
    starts = list(feature['sentence_starts'].int64_list.value)
    ids = list(feature['token_ids'].int64_list.value)
    assert len(starts) in (2, 3) and starts[0] == 0
    assert all(ids[start - 1] == ids[-1] for start in starts[1:])


def test_the_originals_pre_training_records_are_ours():
  path = str(RELEASE / 'pretrain_corpus.tfrecord.gz')
  dataset = tf.data.TFRecordDataset(path, compression_type='GZIP')
  (batch,) = dataset.batch(100)
  found = tf.io.parse_example(batch, span_records.FEATURES)
  text = found['text'][0].numpy()
  (start,) = found['span_byte_start'].to_list()[0]
  (limit,) = found['span_byte_limit'].to_list()[0]
  assert text[:start].endswith(b' is ') and text[limit : limit + 1] == b'.'


@pytest.fixture(scope='module')
def tokenizer():
  return BertTokenizer.from_file(original_files.VOCAB)


def to_corpus(source, directory, tokenizer, **options):
  return original_corpus.to_corpus(
    original_corpus.read(source),
    str(directory),
    tokenizer,
    source=source,
    show_progress=False,
    **options,
  )


@pytest.fixture(scope='module')
def documents(tmp_path_factory, tokenizer):
  directory = tmp_path_factory.mktemp('converted') / 'corpus'
  return to_corpus(DOCS, directory, tokenizer)


def test_a_corpus_as_build_corpus_writes_it(documents):
  blocks = list(original_corpus.read(DOCS))
  rows = range(24)
  assert documents.bodies(rows) == [b.body.decode() for b in blocks]
  assert documents.titles(rows) == [b.title.decode() for b in blocks]
  title_ids, body_ids = documents.gather(rows)
  assert title_ids.to_list() == [b.title_ids for b in blocks]
  assert body_ids.to_list() == [b.body_ids for b in blocks]
  root = pathlib.Path(documents.directory)
  manifest = (root / 'manifest.json').read_text()
  assert documents.info['settings']['input'][0]['path'] == 'docs.small.tfr.gz-*'
  assert str(root) not in manifest
  assert documents.tokenizer.vocab_size == documents.vocab_size
  assert documents.counts == {'blocks': 24}
  assert 'corpus' in next(description.describe(str(root)))


def test_wordpieces_in_the_files_are_kept(tmp_path, tokenizer):
  """Where the original's differ from ours, its index is of its own."""
  blocks = [
    b._replace(body_ids=b.body_ids[:-1]) if i == 3 else b
    for i, b in enumerate(original_corpus.read(DOCS))
  ]
  made = original_corpus.to_corpus(
    blocks, str(tmp_path / 'a'), tokenizer, source='x', show_progress=False
  )
  assert made.gather([3])[1].to_list() == [blocks[3].body_ids]


def test_wordpieces_are_made_where_there_are_none(
  tmp_path, tokenizer, documents
):
  blocks = [original_corpus.Block(*b[:2]) for b in original_corpus.read(DOCS)]
  made = original_corpus.to_corpus(
    blocks, str(tmp_path / 'a'), tokenizer, source='x', show_progress=False
  )
  assert made.fingerprint == documents.fingerprint


def test_batches(tmp_path, tokenizer, documents, monkeypatch):
  monkeypatch.setattr(original_corpus, '_BATCH', 5)
  made = to_corpus(DOCS, tmp_path / 'a', tokenizer)
  assert made.fingerprint == documents.fingerprint


def test_another_vocabulary_is_refused(tmp_path, tokenizer):
  vocab = list(tokenizer.vocab)
  vocab[5], vocab[6] = vocab[6], vocab[5]  # `the` and `of`
  with pytest.raises(CorpusError, match='24 of the first 24 blocks have other'):
    to_corpus(DOCS, tmp_path / 'a', BertTokenizer(vocab))
  assert not (tmp_path / 'a').exists()


def test_no_block_is_refused(tmp_path, tokenizer):
  (tmp_path / 'a.jsonl').write_text('')
  with pytest.raises(CorpusError, match='there is no block'):
    to_corpus(str(tmp_path / 'a.jsonl'), tmp_path / 'a', tokenizer)


def test_to_realm_and_back(tmp_path, tokenizer, documents):
  paths = original_corpus.to_realm(
    documents, str(tmp_path / 'docs'), num_shards=5, show_progress=False
  )
  assert paths[1] == f'{tmp_path}/docs/docs.tfr.gz-00001-of-00005'
  assert [records.count([p]) for p in paths] == [5, 5, 5, 5, 4]
  pattern = f'{tmp_path}/docs/docs.tfr.gz-*'
  assert list(original_corpus.read(pattern)) == list(original_corpus.read(DOCS))
  # What the original's loader asks for.
  record = next(iter(records.read(paths[:1]))).numpy()
  feature = tf.train.Example.FromString(record).features.feature
  assert set(feature) == {
    *('title', 'body', 'title_token_ids', 'body_token_ids')
  }


def test_to_orqa_as_it_was(tmp_path, tokenizer, documents):
  paths = original_corpus.to_orqa(
    documents, str(tmp_path / 'orqa'), tokenizer, show_progress=False
  )
  for path in map(pathlib.Path, paths):
    ours, theirs = (
      [r.numpy() for r in tf.data.TFRecordDataset(str(p))]
      for p in (path, RELEASE / 'orqa_corpus' / path.name)
    )
    assert ours == theirs, path.name


def test_to_orqa_asks_for_the_same_vocabulary(tmp_path, tokenizer, documents):
  cased = BertTokenizer(tokenizer.vocab, lower_case=False)
  with pytest.raises(ValueError, match='`vocab_file` has the vocabulary'):
    original_corpus.to_orqa(documents, str(tmp_path / 'orqa'), cased)


def test_the_originals_corpus(tmp_path):
  """Its 5,000 documents through ours, ORQA's files, and ours again."""
  folder = shared_data.path('goldens')
  tokenizer = BertTokenizer.from_file(
    folder / 'modules/tiny/bert/assets/vocab.txt'
  )
  source = str(folder / 'corpus.jsonl.gz')
  blocks = list(itertools.islice(original_corpus.read(source), 800))
  made = original_corpus.to_corpus(
    blocks, str(tmp_path / 'a'), tokenizer, source='x', show_progress=False
  )
  original_corpus.to_orqa(
    made, str(tmp_path / 'orqa'), tokenizer, show_progress=False
  )
  again = to_corpus(str(tmp_path / 'orqa'), tmp_path / 'b', tokenizer)
  assert again.fingerprint == made.fingerprint
  assert len(Corpus.open(tmp_path / 'b' / 'documents')) == 800
