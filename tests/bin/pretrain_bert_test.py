# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""bin/pretrain_bert as a user calls it."""

import json

import pytest

from realm_tf.bert import weights
from realm_tf.training import summaries
from tests.support import tiny_world

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope='module')
def passages(world, tmp_path_factory):
  """Pairs of a sentence with a span and the document that tells it."""
  directory = tmp_path_factory.mktemp('passages')
  tiny_world.write_heldout(directory / 'heldout.jsonl', world)
  texts = [
    json.loads(line)['text']
    for line in (world / 'knowledge.jsonl').read_text().splitlines()
  ]
  path = directory / 'passages.jsonl'
  with open(path, 'w') as f:
    for line, text in zip(
      (directory / 'heldout.jsonl').read_text().splitlines(), texts
    ):
      blank = json.loads(line)
      pair = {'query': blank['text'], 'span': blank['span'], 'text': text}
      f.write(json.dumps(pair) + '\n')
      f.write(json.dumps({'text': text}) + '\n')
    f.write('no passage\n')
  return path


def run(world, model_dir, passages, steps, *flags, call=tiny_world.call_forked):
  return call(
    'pretrain_bert',
    f'--model_dir={model_dir}',
    f'--train_passages={passages}',
    f'--bert={world}/bert_config.json',
    f'--vocab_file={world}/vocab.txt',
    f'--train_steps={steps}',
    '--batch_size=16',
    '--max_length=64',
    '--learning_rate=0.003',
    '--warmup_steps=5',
    '--log_every_steps=10',
    '--eval_batches=2',
    *flags,
    timeout=1200,
  )


def test_trains_weights_that_can_be_loaded_and_goes_on(
  world, passages, tmp_path
):
  result = run(
    world,
    tmp_path,
    passages,
    20,
    f'--heldout_passages={passages}',
    call=tiny_world.call,
  )
  assert result.returncode == 0, result.stderr
  assert result.stdout.splitlines()[-1] == (
    f'The weights are in {tmp_path}/bert'
  )
  metrics = dict(
    line.split('\t') for line in result.stdout.splitlines() if '\t' in line
  )
  assert {'loss', 'accuracy', 'span_accuracy'} <= set(metrics)
  before = weights.load_bert(tmp_path / 'bert')
  assert before.lower_case
  assert before.vocab_file == str(tmp_path / 'bert/vocab.txt')
  vocab = (tmp_path / 'bert/vocab.txt').read_text()
  assert vocab == (world / 'vocab.txt').read_text()

  result = run(world, tmp_path, passages, 40, '--weights_dtype=float16')
  assert result.returncode == 0, result.stderr
  lines = [
    line
    for line in summaries.read_metrics(tmp_path / 'metrics.jsonl')
    if line['kind'] == 'train'
  ]
  assert [line['step'] for line in lines] == [10, 20, 30, 40]
  assert lines[-1]['loss'] < lines[0]['loss']
  after = weights.load_bert(tmp_path / 'bert')
  tables = [b.encoder.get_embedding_table().numpy() for b in (before, after)]
  assert tables[0].shape == tables[1].shape
  assert (tables[0] != tables[1]).any()


def test_a_malformed_line_ends_a_strict_run(world, passages, tmp_path):
  result = run(world, tmp_path, passages, 2, '--strict')
  said = tiny_world.last_line(result)
  assert said.startswith(f'pretrain_bert: {passages}:121: not a passage')


def test_errors_are_one_line(world, passages, tmp_path):
  result = run(world, tmp_path, tmp_path / 'none', 2)
  said = tiny_world.last_line(result)
  assert said.startswith('pretrain_bert: ')
  assert f'{tmp_path}/none' in said
  result = tiny_world.call_forked(
    'pretrain_bert',
    f'--model_dir={tmp_path}/other',
    f'--train_passages={passages}',
    '--bert=tiny',
  )
  assert 'give --vocab_file' in tiny_world.last_line(result)
