# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import dataclasses
import gzip
import hashlib
import itertools
import json

import pytest
import tensorflow as tf

from realm_tf.configs.spans_config import SpansConfig
from realm_tf.corpus import block_records
from realm_tf.corpus.document import CorpusError
from realm_tf.spans import salient_spans
from tests.support import shared_data, tiny_world


def _config(path, output_dir, **kwargs):
  return SpansConfig(
    input=str(path),
    output_dir=str(output_dir),
    num_processes=1,
    progress=False,
    **kwargs,
  )


def _documents(output_dir, manifest):
  paths = [str(output_dir / s) for s in manifest['shards']]
  dataset = tf.data.TFRecordDataset(paths, compression_type='GZIP')
  found = []
  for record in dataset.as_numpy_iterator():
    feature = tf.train.Example.FromString(record).features.feature

    def pairs(name, feature=feature):
      return list(
        zip(
          feature[f'{name}_byte_start'].int64_list.value,
          feature[f'{name}_byte_limit'].int64_list.value,
        )
      )

    text = feature['text'].bytes_list.value[0]
    title = feature['title'].bytes_list.value[0].decode()
    found.append((title, text, pairs('sentence'), pairs('span')))
  return found


PRETRAINING = tiny_world.ROOT / 'testdata' / 'pretraining.jsonl'
TEXT = (
  'Zürich, in Switzerland, is a town.\n'
  'On 4 July 1776 Ann Lee went to Ōsaka. She came back in 1780.'
)


def test_offsets_are_into_the_text(tmp_path):
  path = tmp_path / 'a.jsonl'
  lines = [{'title': 'Z', 'text': TEXT}, {'title': 'N', 'text': 'no names.'}]
  path.write_text('\n'.join(json.dumps(line) for line in lines))
  manifest = salient_spans.tag_salient_spans(_config(path, tmp_path / 'out'))
  ((title, text, sentences, spans),) = _documents(tmp_path / 'out', manifest)
  assert (title, text.decode()) == ('Z', TEXT)
  assert [text[a:b].decode() for a, b in sentences] == [
    'Zürich, in Switzerland, is a town.',
    'On 4 July 1776 Ann Lee went to Ōsaka.',
    'She came back in 1780.',
  ]
  assert [text[a:b].decode() for a, b in spans] == [
    'Zürich',
    'Switzerland',
    '4 July 1776',
    'Ann Lee',
    'Ōsaka',
    '1780',
  ]
  assert manifest['kind'] == 'spans'
  assert manifest['counts'] == {
    'read': 2,
    'kept': 1,
    'skipped_no_spans': 1,
    'sentences': 4,
    'sentences_with_spans': 3,
    'spans_DATE': 2,
    'spans_NAME': 4,
  }


def test_blocks_keep_title_and_text(tmp_path):
  path = tmp_path / 'blocks-00000-of-00001.tfrecord.gz'
  body = b'Ann  went to &amp; fro.  '
  with block_records.record_writer(path) as writer:
    writer.write(block_records.encode_block(b' T ', body, [1], [2]))
  manifest = salient_spans.tag_salient_spans(_config(path, tmp_path / 'out'))
  ((title, text, sentences, _),) = _documents(tmp_path / 'out', manifest)
  assert (title, text) == (' T ', body)
  assert sentences == [(0, len(body) - 2)]


def test_another_gazetteer_is_another_setting(tmp_path):
  (tmp_path / 'a.jsonl').write_text('{"title": "A", "text": "Ann saw Bob."}')
  names = tmp_path / 'names.txt'
  names.write_text('Ann\n')
  config = _config(tmp_path / 'a.jsonl', tmp_path / 'out', gazetteer=str(names))
  manifest = salient_spans.tag_salient_spans(config)
  copy = tmp_path / 'copy.txt'
  copy.write_text('Ann\n')
  assert manifest == salient_spans.tag_salient_spans(
    dataclasses.replace(config, gazetteer=str(copy))
  )
  names.write_text('Bob\n')
  with pytest.raises(CorpusError, match='other settings .gazetteer is'):
    salient_spans.tag_salient_spans(config)


@pytest.mark.parametrize(
  ('settings', 'fingerprint', 'statistics'),
  [
    (
      {'records_per_shard': 1000},
      '862214cd090c5810dea917b9a49cc017fcaa41d1efbb8e9c73308020d42a9dae',
      '720af267b172dc2d8f1ffc7720806cf9',
    ),
    (
      {
        'labels': ('misc',),
        'min_span_chars': 4,
        'max_span_chars': 12,
        'unique_spans': True,
        'drop_spanless': 0.5,
      },
      'cca42e87f190b67db578ff06d42146ccbe52360460ec4f5d58d9cebabf1e5249',
      '9bd0696beffd1684a76ad8fbe9ce07d6',
    ),
  ],
)
def test_output_stays_the_same(tmp_path, settings, fingerprint, statistics):
  config = _config(PRETRAINING, tmp_path / 'out', **settings)
  manifest = salient_spans.tag_salient_spans(config)
  assert manifest['fingerprint'] == fingerprint
  found = (tmp_path / 'out' / 'statistics.json').read_text()
  content = json.dumps(json.loads(found), sort_keys=True)
  assert hashlib.md5(content.encode()).hexdigest() == statistics


def test_real_news(tmp_path):
  news = shared_data.path('wiki', 'wikinews_en.jsonl.gz')
  with gzip.open(news, 'rb') as f, open(tmp_path / 'a.jsonl', 'wb') as part:
    part.writelines(itertools.islice(f, 600))
  manifest = salient_spans.tag_salient_spans(
    _config(tmp_path / 'a.jsonl', tmp_path / 'out')
  )
  counts = manifest['counts']
  skipped = sum(n for k, n in counts.items() if k.startswith('skipped_'))
  assert counts['read'] == 600 == counts['kept'] + skipped
  assert counts['spans_DATE'] > counts['kept']
  for _, text, sentences, spans in _documents(tmp_path / 'out', manifest):
    for start, limit in spans:
      assert any(a <= start and limit <= b for a, b in sentences)
      text[start:limit].decode()
