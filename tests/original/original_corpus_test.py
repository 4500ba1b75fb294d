# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import json
import shutil

import pytest
import tensorflow as tf

from realm_tf.corpus import block_records
from realm_tf.corpus.document import CorpusError
from realm_tf.original import original_corpus
from realm_tf.spans import span_records
from tests.support import original_files

RELEASE = original_files.RELEASE


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
