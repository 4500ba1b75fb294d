# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import json
import pathlib

from realm_tf.hub import hub_modules
from realm_tf.training import run_directory, summaries
from tests.support import tiny_world


def run(world, model_dir, steps, *flags, call=tiny_world.call):
  return call(
    'pretrain_ict',
    f'--model_dir={model_dir}',
    f'--corpus_dir={world}/corpus',
    f'--bert={world}/bert_config.json',
    f'--vocab_file={world}/vocab.txt',
    '--projection_size=16',
    '--query_seq_len=32',
    '--candidate_seq_len=48',
    f'--train_steps={steps}',
    '--batch_size=16',
    '--learning_rate=0.003',
    '--warmup_steps=10',
    '--eval_batches=2',
    '--eval_every=1000',
    '--export_schedule=0-:50',
    '--log_every_steps=10',
    *flags,
  )


def test_trains_and_exports_an_embedder(world, tmp_path):
  # So few steps from random weights do not get beyond the noise of dropout.
  config = json.loads((world / 'bert_config.json').read_text())
  config |= {'initializer_range': 0.1}
  (tmp_path / 'bert_config.json').write_text(json.dumps(config))
  result = run(
    world,
    tmp_path,
    100,
    f'--bert={tmp_path / "bert_config.json"}',
    '--dropout=0',
  )
  assert result.returncode == 0, result.stderr
  metrics = dict(line.split('\t') for line in result.stdout.splitlines())
  # Chance is 1/16.
  assert float(metrics['accuracy']) > 0.2, result.stdout
  lines = summaries.read_metrics(tmp_path / 'metrics.jsonl')
  losses = [line['loss'] for line in lines if line['kind'] == 'train']
  assert len(losses) == 10 and losses[-1] < 0.8 * losses[0]
  assert run_directory.list_exports(tmp_path / 'export/tf_hub') == [0, 50, 100]
  embedder = hub_modules.load_embedder(tmp_path / 'export/tf_hub/100/embedder')
  assert embedder.projection_size == 16
  assert embedder.bert_config.dropout == 0.0


def test_errors_name_the_flag(world, tmp_path):
  flag = '--export_schedule=5-:50'
  result = run(world, tmp_path, 10, flag, call=tiny_world.call_forked)
  assert result.returncode != 0
  assert '--export_schedule' in result.stdout + result.stderr
  assert 'must start at 0' in result.stdout + result.stderr


def test_learns_from_questions_that_name_their_paragraph(world, tmp_path):
  lines = (world / 'knowledge.jsonl').read_text().splitlines()
  with open(tmp_path / 'questions.jsonl', 'w') as f:
    for number, line in enumerate(lines[:40]):
      title = json.loads(line)['title']
      question = {
        'question': f'What is the capital of {title}?',
        'answer': ['it'],
        'paragraph_id': number,
      }
      f.write(json.dumps(question) + '\n')
  questions = f'--questions={tmp_path}/questions.jsonl'
  model_dir = tmp_path / 'model'
  forked = tiny_world.call_forked
  result = run(
    world, model_dir, 20, questions, '--question_rate=1', call=forked
  )
  assert result.returncode == 0, result.stderr
  assert '40 of 40 questions have their paragraph' in result.stderr
  result = run(world, model_dir, 30, questions, call=forked)
  assert 'question_rate was 1.0 and is 0.5' in tiny_world.last_line(result)
  pathlib.Path(tmp_path, 'other.jsonl').write_text(
    '{"question": "Which?", "answer": ["it"]}\n'
  )
  questions = f'--questions={tmp_path}/other.jsonl'
  result = run(world, tmp_path / 'other', 9, questions, call=forked)
  assert 'no question names its paragraph' in tiny_world.last_line(result)
