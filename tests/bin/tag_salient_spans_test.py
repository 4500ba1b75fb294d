# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""bin/tag_salient_spans as a user calls it."""

import json

import pytest

from tests.support import tiny_world


def test_tags_and_makes_pairs_that_pretrain_bert_reads(world, tmp_path):
  out, pairs_file = tmp_path / 'spans', tmp_path / 'pairs.jsonl'
  done = tiny_world.call(
    'tag_salient_spans',
    f'--input={world}/text.jsonl',
    f'--output_dir={out}',
    f'--lookup_pairs={pairs_file}',
  )
  assert done.returncode == 0, done.stderr
  counts = json.loads((out / 'manifest.json').read_text())['counts']
  assert counts['read'] == counts['kept'] == 60
  assert counts['sentences'] == 120
  # Land and capital in the first sentence, land and river in the second.
  assert counts['spans_NAME'] == 240
  assert 'sentences with a span: 100.0% of 120' in done.stdout
  # Two sentences of each text name the land.
  pairs = [json.loads(line) for line in pairs_file.read_text().splitlines()]
  assert f'{len(pairs)} pairs from 60 of 60 documents' in done.stderr
  for pair in pairs:
    start, limit = pair['span']
    assert pair['query'][start:limit] in pair['text']
  done = tiny_world.call_forked(
    'pretrain_bert',
    f'--model_dir={tmp_path}/bert',
    f'--train_passages={pairs_file}',
    f'--bert={world}/bert_config.json',
    f'--vocab_file={world}/vocab.txt',
    '--train_steps=2',
    '--batch_size=4',
  )
  assert done.returncode == 0, done.stderr
  assert 'not a passage' not in done.stderr


def test_spans_without_pairs_are_shown_all_the_same(world, tmp_path):
  done = tiny_world.call_forked(
    'tag_salient_spans',
    f'--input={world}/text.jsonl',
    f'--output_dir={tmp_path}/out',
    '--labels=date',
    f'--lookup_pairs={tmp_path}/pairs.jsonl',
  )
  assert done.returncode == 0, done.stderr
  assert 'pairs.jsonl is empty: of 0 documents none' in done.stderr
  assert 'sentences with a span: 0.0%' in done.stdout
  assert (tmp_path / 'pairs.jsonl').read_text() == ''


@pytest.mark.parametrize(
  ('flags', 'message'),
  [
    (['--input=/no/x'], "--input: no file matches '/no/x'"),
    (['--gazetteer=/no/names'], '--gazetteer: /no/names: '),
    (['--tagger=bert'], '--bert_tagger is needed'),
    (
      ['--tagger=bert', f'--bert_tagger={__file__}'],
      f'{__file__} is neither a tagger nor the model_dir of',
    ),
    (['--labels=person'], "--labels: 'person' is nothing that this tagger"),
    (
      ['--beam_options=--x'],
      '--beam_options: --pipeline is local and does not',
    ),
  ],
)
def test_errors_are_one_line(world, tmp_path, flags, message):
  done = tiny_world.call_forked(
    'tag_salient_spans',
    f'--input={world}/text.jsonl',
    f'--output_dir={tmp_path}/out',
    *flags,
  )
  last = tiny_world.last_line(done)
  assert last.startswith('tag_salient_spans: ') and message in last
