# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import json

from tests.support import tiny_world


def test_makes_what_pretrain_bert_reads(world, tmp_path):
  # Of each text two sentences name the land.
  output = tmp_path / 'pairs.jsonl'
  result = tiny_world.call(
    'make_lookup_pairs',
    f'--input={world}/spans/spans-*',
    f'--output={output}',
  )
  assert result.returncode == 0, result.stderr
  pairs = [json.loads(line) for line in output.read_text().splitlines()]
  assert f'{len(pairs)} pairs from 60 of 60 documents' in result.stdout
  for pair in pairs:
    start, limit = pair['span']
    assert pair['query'][start:limit] in pair['text']
  result = tiny_world.call_forked(
    'pretrain_bert',
    f'--model_dir={tmp_path}/bert',
    f'--train_passages={output}',
    f'--bert={world}/bert_config.json',
    f'--vocab_file={world}/vocab.txt',
    '--train_steps=2',
    '--batch_size=4',
  )
  assert result.returncode == 0, result.stderr
  assert 'not a passage' not in result.stderr


def test_errors_are_one_line(world, tmp_path):
  (tmp_path / 'none.gz').write_bytes(b'no records')
  result = tiny_world.call_forked(
    'make_lookup_pairs',
    f'--input={tmp_path}/none.gz',
    f'--output={tmp_path}/pairs.jsonl',
  )
  assert f'{tmp_path}/none.gz' in tiny_world.last_line(result)
  assert not (tmp_path / 'pairs.jsonl').exists()
