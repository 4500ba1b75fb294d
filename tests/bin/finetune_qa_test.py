# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""bin/finetune_qa from questions to an export, and what it refuses."""

import json
import shutil

import pytest

from realm_tf.hub import hub_modules
from realm_tf.training import run_directory, summaries
from realm_tf.training.run_directory import RunDirectory
from tests.support import tiny_world

pytestmark = pytest.mark.timeout(1200)


def _losses(model_dir, kind, name='loss'):
  return {
    line['step']: line[name]
    for line in summaries.read_metrics(model_dir / 'metrics.jsonl')
    if line['kind'] == kind
  }


def test_learns_and_exports(finetuned):
  result = finetuned.result
  assert result.returncode == 0, result.stdout + result.stderr
  train = _losses(finetuned.model_dir, 'train', 'reader_loss')
  assert list(train) == [10, 20, 30, 40]
  assert train[40] < 0.8 * train[10]
  assert list(_losses(finetuned.model_dir, 'eval')) == [0, 20, 40]
  printed = dict(
    line.split('\t') for line in result.stdout.splitlines() if '\t' in line
  )
  assert 0 <= float(printed['exact_match']) <= 1
  assert float(printed['answer_in_beam']) == 1
  exports = finetuned.model_dir / 'export' / 'tf_hub'
  assert run_directory.list_exports(exports) == [0, 40]
  info = hub_modules.read_info(exports / '40' / 'span_reader', 'span_reader')
  assert info['reader_seq_len'] == 64
  metadata = json.loads(
    (finetuned.directory / 'index' / '0' / 'metadata.json').read_text()
  )
  assert (
    info['document_embedder_fingerprint'] == (metadata['embedder_fingerprint'])
  )
  assert (
    RunDirectory(finetuned.model_dir)
    .export()
    .startswith(str(finetuned.model_dir / 'export' / 'tf_hub_best'))
  )


def test_a_restart_goes_on_and_other_settings_are_refused(finetuned, tmp_path):
  model_dir = shutil.copytree(finetuned.model_dir, tmp_path / 'qa')
  flags = [*finetuned.flags, f'--model_dir={model_dir}']
  before = _losses(model_dir, 'train')
  refused = tiny_world.call_forked('finetune_qa', *flags, '--batch_size=5')
  assert 'batch_size' in tiny_world.last_line(refused)
  again = tiny_world.call_forked('finetune_qa', *flags, '--train_steps=50')
  assert again.returncode == 0, again.stderr
  losses = _losses(model_dir, 'train')
  assert {step: losses[step] for step in before} == before
  assert list(losses) == [10, 20, 30, 40, 50]


def test_regular_expressions_are_learnt_from(finetuned, tmp_path):
  questions = tmp_path / 'regex.jsonl'
  with open(questions, 'w') as f:
    for record in finetuned.questions:
      pattern = rf'\b{record["answer"][0].upper()}\b'
      f.write(json.dumps({**record, 'answer': [pattern]}) + '\n')
  result = tiny_world.call_forked(
    'finetune_qa',
    *(f for f in finetuned.flags if not f.startswith('--dev_questions')),
    f'--model_dir={tmp_path}/qa',
    f'--train_questions={questions}',
    '--is_regex',
    '--train_steps=20',
    '--log_every_steps=5',
  )
  assert result.returncode == 0, result.stderr
  losses = _losses(tmp_path / 'qa', 'train', 'reader_loss')
  assert losses[20] < 0.9 * losses[5]
  assert _losses(tmp_path / 'qa', 'train', 'answer_in_beam')[20] == 1


def test_gold_paragraphs_are_learnt_from(finetuned, tmp_path):
  knowledge = finetuned.directory / 'knowledge.jsonl'
  lines = [json.loads(line) for line in knowledge.read_text().splitlines()]
  ids = {line['title']: line['id'] for line in lines}
  questions = tmp_path / 'qa.jsonl'
  with open(questions, 'w') as f:
    for record in finetuned.questions:
      title = record['question'].removeprefix('What is the capital of ')[:-1]
      f.write(json.dumps({**record, 'paragraph_id': ids[title]}) + '\n')
  result = tiny_world.call_forked(
    'finetune_qa',
    *finetuned.flags,
    f'--model_dir={tmp_path}/qa',
    f'--train_questions={questions}',
    '--add_gold',
    '--reader_gold_loss=1',
    '--retriever_gold_loss=1',
    '--reader_beam=5',
    '--train_steps=20',
    '--log_every_steps=5',
  )
  assert result.returncode == 0, result.stderr
  assert 'have their paragraph in the corpus' in result.stderr
  for name in ('retriever_gold_loss', 'reader_gold_loss'):
    losses = _losses(tmp_path / 'qa', 'train', name)
    assert losses[20] < losses[5]
  # The gold paragraph is read in training, wherever it was found.
  assert _losses(tmp_path / 'qa', 'train', 'gold_in_reader')[20] == 1


def test_goes_on_from_an_earlier_reader(finetuned, tmp_path):
  export = finetuned.model_dir / 'export' / 'tf_hub' / '40'
  flags = [
    *(flag for flag in finetuned.flags if not flag.startswith('--bert')),
    f'--model_dir={tmp_path}/qa',
    f'--embedder={export}/embedder',
    '--train_steps=10',
    '--log_every_steps=1',
  ]
  refused = tiny_world.call_forked('finetune_qa', *flags)
  assert 'give --bert or --span_reader, and not both' in refused.stderr
  result = tiny_world.call_forked(
    'finetune_qa', *flags, f'--span_reader={export}/span_reader'
  )
  assert result.returncode == 0, result.stderr
  anew = _losses(finetuned.model_dir, 'eval', 'reader_loss')
  later = _losses(tmp_path / 'qa', 'eval', 'reader_loss')
  assert later[0] == pytest.approx(anew[40], rel=1e-3)


@pytest.mark.parametrize(
  ('flag', 'message'),
  [
    ('--reader_seq_len=500', '128 positions'),
    ('--index_dir=/nowhere', '/nowhere'),
    ('--train_questions=/nowhere.jsonl', '/nowhere.jsonl'),
    ('--add_gold', 'no question names its paragraph'),
    ('--retriever_beam=2', 'reader_beam'),
  ],
)
def test_what_cannot_be_is_told_in_a_line(finetuned, tmp_path, flag, message):
  result = tiny_world.call_forked(
    'finetune_qa', *finetuned.flags, f'--model_dir={tmp_path}/qa', flag
  )
  assert message in tiny_world.last_line(result)
