# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import json
import re

import numpy as np
import pytest

from realm_tf.configs.corpus_config import CorpusConfig
from realm_tf.configs.spans_config import SpansConfig
from realm_tf.corpus import block_records, build_corpus
from realm_tf.corpus.document import CorpusError
from realm_tf.indexing import description
from realm_tf.io import atomic
from realm_tf.spans import salient_spans, span_records
from tests.support import damage, small_world


def _text(*args, **kwargs):
  return '\n'.join(description.describe(*map(str, args), **kwargs))


def test_blocks(corpus_file, tmp_path, vocab_file):
  build_corpus.build_corpus(
    CorpusConfig(
      input=[str(corpus_file)],
      output_dir=str(tmp_path / 'out'),
      vocab_file=vocab_file,
      num_processes=1,
      progress=False,
    )
  )
  out = tmp_path / 'out'
  assert list(description.verify([str(out)])) == [
    f'{out}: 14 files are as they were written'
  ]
  manifest = atomic.read_json(out / 'manifest.json')
  for name in manifest['crc32']:
    if (out / name).stat().st_size:
      with damage.flipped(out / name), pytest.raises(ValueError, match=name):
        list(description.verify([str(out)]))
  del manifest['crc32']
  atomic.write_json(out / 'manifest.json', manifest)
  assert list(description.verify([str(tmp_path)])) == [
    f'{out}: has no checksums'
  ]
  text = _text(tmp_path / 'out', num_records=2)
  assert 'read                                 1,300' in text
  assert 'malformed' in text
  assert text.count('--- block') == 2
  assert re.search(r'--- block 1\ntitle \(\d wordpieces\): Town 2\nbody', text)


def test_blocks_have_their_records(tmp_path):
  directory = tmp_path / 'corpus'
  ids, urls = ['7', '', 'é'], ['', 'u', 'https://a.example']
  small_world.store(directory, [('a', 'river')] * 3, ids, urls)
  info = atomic.read_json(directory / 'manifest.json')
  info['settings']['input'] = []
  atomic.write_json(directory / 'manifest.json', info)
  text = _text(directory)
  for line in ('0 of record 7', '1, u', '2 of record é, https://a.example'):
    assert f'--- block {line}\ntitle' in text


def test_spans_stand_in_brackets(tmp_path):
  (tmp_path / 'a.jsonl').write_text(
    json.dumps({'title': 'Z', 'text': 'Zürich met Ann in 1990. It is.'})
  )
  salient_spans.tag_salient_spans(
    SpansConfig(
      input=[str(tmp_path / 'a.jsonl')],
      output_dir=str(tmp_path / 'out'),
      progress=False,
    )
  )
  text = _text(tmp_path / 'out')
  assert '[[Zürich]] met [[Ann]] in [[1990]].\n  It is.' in text


def test_finds_span_records(tmp_path):
  example = span_records.encode_document(b'A', b'A is.', [(0, 5)], [(0, 1)])
  block = block_records.encode_block(b'A', b'A is.', [1], [2])
  files = {'spans': [example], 'blocks': [block], 'empty': [], 'bad': [b'\xff']}
  for name, records in files.items():
    with block_records.record_writer(tmp_path / f'{name}.gz') as writer:
      for record in records:
        writer.write(record)
  spans = str(tmp_path / 'spans.gz')
  assert description.span_files(spans) == [spans]
  for other in ('blocks.gz', 'empty.gz', 'no-such', '.'):
    assert description.span_files(str(tmp_path / other)) == []
  with pytest.raises(CorpusError, match=r'bad.gz: record 1: no tf.train'):
    description.span_files(str(tmp_path / 'bad.gz'))
  for kind, found in (('spans', [spans]), ('blocks', [])):
    manifest = {'kind': kind, 'shards': ['spans.gz']}
    (tmp_path / 'manifest.json').write_text(json.dumps(manifest))
    assert description.span_files(str(tmp_path)) == found


def test_index_versions(tmp_path):
  for step, rows in (('20', np.eye(4)), ('100', np.ones((6, 4)))):
    (tmp_path / step).mkdir()
    (tmp_path / step / 'metadata.json').write_text(json.dumps({'step': step}))
    np.save(tmp_path / step / 'embeddings.npy', rows.astype(np.float32))
  text = _text(tmp_path)
  assert text.index('/20\n') < text.index('/100\n')
  assert 'length of the mean direction 0.500' in text
  assert 'length of the mean direction 1.000' in text
  assert 'float32 [6, 4]' in text


def test_exports_below_a_model_directory(tmp_path):
  for step in (20, 100):
    for name in ('embedder', 'bert'):
      info = tmp_path / f'tf_hub/{step}/{name}/assets.extra/realm.json'
      info.parent.mkdir(parents=True)
      info.write_text(json.dumps({'kind': name}))
  text = _text(tmp_path)
  assert text.count('kind') == 4 and text.count('  size') == 4
  assert text.index('/20/bert\n') < text.index('/100/bert\n')


def test_errors(tmp_path):
  with pytest.raises(CorpusError, match='neither a record file nor'):
    _text(tmp_path)
  (tmp_path / 'a.txt').write_text('not records at all, but long enough')
  with pytest.raises(
    CorpusError, match=r'a.txt: record 1: damaged TFRecord: corrupted'
  ):
    _text(tmp_path / 'a.txt')
  with block_records.record_writer(tmp_path / 'b.gz') as writer:
    writer.write(b'\xff\xff\xff')
  with pytest.raises(CorpusError, match=r'b.gz: record 1: no tf.train.Example'):
    _text(tmp_path / 'b.gz')
