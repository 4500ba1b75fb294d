# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import json

import pytest

from realm_tf.configs.corpus_config import CorpusConfig
from realm_tf.corpus import block_records, build_corpus
from realm_tf.corpus.document import CorpusError
from realm_tf.text.tokenizer import BertTokenizer
from tests.support import shared_data


def _config(corpus_file, output_dir, vocab_file, **kwargs):
  return CorpusConfig(
    input=str(corpus_file),
    output_dir=str(output_dir),
    vocab_file=vocab_file,
    progress=False,
    **{'num_processes': 1, 'records_per_shard': 512, **kwargs},
  )


def test_the_same_bytes_with_any_number_of_processes(
  corpus_file, tmp_path, vocab_file
):
  contents = []
  for n in (1, 2):
    config = _config(
      corpus_file, tmp_path / str(n), vocab_file, num_processes=n
    )
    manifest = build_corpus.build_corpus(config)
    contents.append(
      [(tmp_path / str(n) / s).read_bytes() for s in manifest['shards']]
    )
  assert len(contents[0]) == 3
  assert contents[0] == contents[1]


def test_manifest_and_blocks_agree(corpus_file, tmp_path, vocab_file):
  manifest = build_corpus.build_corpus(
    _config(corpus_file, tmp_path / 'out', vocab_file, max_block_length=64)
  )
  assert manifest == json.loads((tmp_path / 'out/manifest.json').read_text())
  tokenizer = BertTokenizer.from_file(vocab_file)
  assert manifest['vocab_fingerprint'] == tokenizer.fingerprint
  assert manifest['vocab_size'] == tokenizer.vocab_size
  paths = [str(tmp_path / 'out' / s) for s in manifest['shards']]
  blocks = wordpieces = 0
  for batch in block_records.blocks_dataset(paths):
    blocks += batch['title'].shape[0]
    wordpieces += batch['body_token_ids'].values.shape[0]
  assert blocks == manifest['counts']['blocks'] > manifest['counts']['kept']
  assert wordpieces == manifest['counts']['wordpieces']
  assert sum(manifest['records_in_shards']) == blocks


def test_errors(corpus_file, tmp_path, vocab_file):
  with pytest.raises(CorpusError, match='--vocab_file: /no/vocab'):
    build_corpus.build_corpus(_config(corpus_file, tmp_path / 'o', '/no/vocab'))
  with pytest.raises(CorpusError, match='--input: no file matches'):
    build_corpus.build_corpus(_config('/no/file', tmp_path / 'o', vocab_file))


def test_mediawiki_sample(tmp_path):
  dump = next(shared_data.path('wiki', 'xml').iterdir())
  vocab = shared_data.path('goldens/modules/tiny/bert/assets/vocab.txt')
  config = _config(dump, tmp_path / 'out', str(vocab))
  manifest = build_corpus.build_corpus(config)
  counts = manifest['counts']
  assert counts['read'] == 206
  assert counts['skipped_redirect'] == 99
  assert counts['skipped_disambiguation'] == 8
  assert counts['skipped_list_or_index'] == 2
  assert counts['skipped_other_namespace'] == 1
  assert counts['kept'] == 96
  assert 1500 < counts['blocks'] < 3000
  path = str(tmp_path / 'out' / manifest['shards'][0])
  for batch in block_records.blocks_dataset([path]):
    lengths = (
      batch['title_token_ids'].row_lengths()
      + batch['body_token_ids'].row_lengths()
    )
    assert max(lengths.numpy()) <= 288 - 3
    text = b' '.join(batch['body'].numpy()).decode()
    for markup in ('{{', '}}', '[[', ']]', '<ref', '==', "'''"):
      assert markup not in text
