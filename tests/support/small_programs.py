# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""All programs that build or train, with flags for seconds of work."""

import json
import pathlib

TESTDATA = pathlib.Path(__file__).resolve().parents[2] / 'testdata'
STEPS = 8
_TRAINING = (
  f'--train_steps={STEPS}',
  '--batch_size=2',
  '--learning_rate=1e-3',
  '--save_checkpoints_steps=2',
  '--eval_every=4',
  '--log_every_steps=1',
  '--noprogress',
)
_LENGTHS = ('--query_seq_len=24', '--candidate_seq_len=48')
_JOB = ('--records_per_shard=512', '--num_processes=1', '--noprogress')


def write_inputs(directory: pathlib.Path) -> None:
  """Writes the texts that the programs read."""
  directory.mkdir(parents=True, exist_ok=True)
  for name, count in (('knowledge', 1300), ('pretraining', 1300)):
    lines = (TESTDATA / f'{name}.jsonl').read_text().splitlines(True)
    (directory / f'{name}.jsonl').write_text(''.join(lines[:count]))
  record = {'title': 'Zanzibar', 'text': 'Zanzibar is an island.'}
  (directory / 'new.jsonl').write_text(json.dumps(record))
  pair = {'query': 'Emma was born in Ulm.', 'span': [17, 20], 'text': 'Ulm'}
  (directory / 'pairs.jsonl').write_text((json.dumps(pair) + '\n') * 9)
  (directory / 'names.conll').write_text('He O\nsaw O\nUlm B-LOC\n. O\n\n' * 9)


def flags(
  inputs: pathlib.Path, before: pathlib.Path, output: pathlib.Path
) -> dict[str, tuple[str, ...]]:
  """Returns the flags of each program, in an order in which they can be run.

  Args:
    inputs: Directory that `write_inputs` filled.
    before: Directory of what the programs before it made.
    output: Directory that gets one directory for each program, of its name.
  """
  bert = f'--bert={TESTDATA}/bert'
  corpus = f'--corpus_dir={before}/build_corpus'
  index = f'--index_dir={before}/build_index'
  hub = f'export/tf_hub/{STEPS}'
  questions = TESTDATA / 'qa'
  return {
    'build_corpus': (
      f'--input={inputs}/knowledge.jsonl',
      bert,
      f'--output_dir={output}/build_corpus',
      *_JOB,
    ),
    'tag_salient_spans': (
      f'--input={inputs}/pretraining.jsonl',
      f'--output_dir={output}/tag_salient_spans',
      *_JOB,
    ),
    'pretrain_ict': (
      f'--model_dir={output}/pretrain_ict',
      *(corpus, bert, *_LENGTHS, *_TRAINING),
      '--export_schedule=0-:4',
      '--projection_size=16',
      '--eval_batches=2',
    ),
    'build_index': (
      f'--embedder={before}/pretrain_ict/{hub}/embedder',
      corpus,
      f'--index_dir={output}/build_index',
      '--noprogress',
    ),
    'pretrain_realm': (
      f'--model_dir={output}/pretrain_realm',
      f'--train_examples={before}/tag_salient_spans/spans-*',
      f'--embedder={before}/pretrain_ict/{hub}/embedder',
      *(corpus, bert, *_LENGTHS, *_TRAINING),
      f'--refresh_schedule=0-:{STEPS}',
      '--num_candidates=3',
    ),
    'finetune_qa': (
      f'--model_dir={output}/finetune_qa',
      f'--bert={before}/pretrain_realm/{hub}/bert',
      f'--train_questions={questions}/train.jsonl',
      f'--dev_questions={questions}/dev.jsonl',
      *(corpus, index, *_TRAINING),
      '--query_seq_len=24',
      '--reader_seq_len=64',
      '--eval_questions=4',
    ),
    'update_index': (
      *(corpus, index),
      f'--add={inputs}/new.jsonl',
      f'--output_dir={output}/update_index',
      '--overwrite',
      '--noprogress',
    ),
    'export_serving': (
      f'--model_dir={before}/finetune_qa',
      *(corpus, index),
      f'--output_dir={output}/export_serving',
    ),
    'pretrain_bert': (
      f'--model_dir={output}/pretrain_bert',
      f'--train_passages={inputs}/pairs.jsonl',
      *(bert, *_TRAINING),
      '--max_length=32',
    ),
    'train_tagger': (
      f'--model_dir={output}/train_tagger',
      f'--train_files={inputs}/names.conll',
      *(bert, *_TRAINING),
      '--max_length=32',
      '--overlap=8',
    ),
  }
