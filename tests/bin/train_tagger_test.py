# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""bin/train_tagger as a user calls it, and what it trains at work."""

import json

import pytest

from tests.support import tiny_world

pytestmark = pytest.mark.timeout(1200)


def _write_conll(world, path):
  """The facts of the small world: lands and rivers, a document each."""
  with open(path, 'w') as f:
    for line in (world / 'knowledge.jsonl').read_text().splitlines():
      f.write('-DOCSTART- O\n\n')
      for sentence in json.loads(line)['text'].split('. '):
        for token in sentence.strip('.').split():
          is_name = token[0].isupper() and token != 'The'
          f.write(f'{token} {"I-LOC" if is_name else "O"}\n')
        f.write('. O\n\n')


def test_trains_a_tagger_that_tags(world, tmp_path):
  conll = tmp_path / 'world.conll'
  _write_conll(world, conll)
  model_dir = tmp_path / 'tagger'
  done = tiny_world.call(
    'train_tagger',
    f'--model_dir={model_dir}',
    f'--train_files={conll}',
    f'--bert={world}/bert_config.json',
    f'--vocab_file={world}/vocab.txt',
    '--train_steps=40',
    '--warmup_steps=5',
    '--eval_every=20',
    '--learning_rate=0.01',
    '--max_length=64',
    '--overlap=16',
    '--swapped_copies=1',
    timeout=1200,
  )
  assert done.returncode == 0, done.stderr
  lines = done.stdout.splitlines()
  assert lines[-1].startswith(f'The tagger is {model_dir}/export/tf_hub_best/')
  assert any(line.startswith('gold \\ found') for line in lines)
  (scores,) = (line.split() for line in lines if line.startswith('all'))
  assert float(scores[3]) > 0.8

  out = tmp_path / 'spans'
  done = tiny_world.call_forked(
    'tag_salient_spans',
    f'--input={world}/text.jsonl',
    f'--output_dir={out}',
    '--tagger=bert',
    f'--bert_tagger={model_dir}',
    '--labels=location',
  )
  assert done.returncode == 0, done.stderr
  assert 'sentences with a span: ' in done.stdout
  found = json.loads((out / 'statistics.json').read_text())
  assert found['sentences'] == 120
  assert found['share_with_spans'] > 0.8
  assert found['spans_by_label'].keys() == {'LOC'}


def test_errors_are_one_line(world, tmp_path):
  bad = tmp_path / 'bad.conll'
  bad.write_text('a O\nb c O\n')
  result = tiny_world.call_forked(
    'train_tagger',
    f'--model_dir={tmp_path}/tagger',
    f'--train_files={bad}',
    '--bert=tiny',
  )
  said = tiny_world.last_line(result)
  assert said == (f'train_tagger: {bad}:2: 3 columns, but 2 in the first row')
