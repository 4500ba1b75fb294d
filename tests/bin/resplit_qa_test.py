# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import gzip
import json

from realm_tf.questions import qa_split
from tests.questions.natural_questions_test import _simplified
from tests.support import tiny_world


def _records(path):
  return [json.loads(line) for line in path.read_text().splitlines()]


def test_splits_questions_of_several_formats(tmp_path):
  lines = [
    {'question': f'which number is {i}', 'answer': [str(i)], 'paragraph_id': i}
    for i in range(300)
  ]
  with gzip.open(tmp_path / 'a.jsonl.gz', 'wt') as f:
    f.writelines(json.dumps(line) + '\n' for line in lines)
    f.write('broken\n')
  (tmp_path / 'b.csv').write_text("why is it\t['c', 'd']\n")
  (tmp_path / 'nq-train-00.jsonl').write_text(
    json.dumps(_simplified((3, 4))) + '\n' + json.dumps(_simplified()) + '\n'
  )
  done = tiny_world.call(
    'resplit_qa',
    f'--input={tmp_path}/a.jsonl.gz,{tmp_path}/b.csv,{tmp_path}/nq-*',
    f'--output_dir={tmp_path}/out',
    '--name=Numbers',
  )
  assert done.returncode == 0, done.stderr
  assert 'a.jsonl.gz:301: not JSON' in done.stderr
  train, dev = (
    tmp_path / 'out' / f'Numbers.resplit.{part}.jsonl'
    for part in ('train', 'dev')
  )
  kept = [
    *lines,
    {'question': 'why is it', 'answer': ['c', 'd']},
    {
      'id': 5328212470870865242,
      'question': 'how long is the rhine',
      'answer': ['Rhine'],
      'title': 'Rhine (river)',
    },
  ]
  is_dev = qa_split.is_dev([line['question'] for line in kept])
  assert 10 < is_dev.sum() < 60
  assert _records(dev) == [x for x, d in zip(kept, is_dev) if d]
  assert _records(train) == [x for x, d in zip(kept, is_dev) if not d]
  assert done.stdout.splitlines() == [
    '302 of 304 lines are questions (left out: 1 malformed, 1 no short answer)',
    f'train {302 - is_dev.sum():9}  {train}',
    f'dev   {is_dev.sum():9}  {dev}',
  ]


def test_errors_are_one_line_and_leave_nothing(tmp_path):
  path = tmp_path / 'a.jsonl'
  path.write_text(
    '{"question": "a", "answer": ["b"]}\n{"question": "c", "answer": ["(d"]}\n'
  )
  flags = (f'--input={path}', f'--output_dir={tmp_path}/out', '--name=A')
  for more, message in (
    (('--is_regex', '--strict'), f'{path}:2: not a regular expression'),
    (('--format=dpr',), 'none of 2 lines'),
  ):
    last = tiny_world.last_line(
      tiny_world.call_forked('resplit_qa', *flags, *more)
    )
    assert last.startswith('resplit_qa: '), last
    assert message in last
  assert not (tmp_path / 'out').exists()
