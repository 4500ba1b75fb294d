# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import gzip
import json

import pytest

from realm_tf.corpus.corpus import Corpus
from realm_tf.original import original_corpus
from realm_tf.questions import qa_split
from tests.questions.natural_questions_test import _simplified
from tests.support import original_files, tiny_world

MODULES = original_files.RELEASE / 'modules'
DOCS = str(original_files.RELEASE / 'docs' / 'docs.small.tfr.gz-*')
VOCAB = f'--vocab_file={original_files.VOCAB}'


def convert(*flags):
  result = tiny_world.call_forked('convert', *flags)
  assert result.returncode == 0, result.stderr
  return result.stdout.splitlines()


def test_modules_are_converted_and_searched(tmp_path):
  source = original_files.RELEASE / 'orqa_corpus'
  said = convert(f'--from={source}', f'--to={tmp_path}/corpus', VOCAB)
  assert said == [f'24 blocks in {tmp_path}/corpus']
  result = tiny_world.call(
    'convert',
    f'--from={MODULES}',
    f'--to={tmp_path}/model',
    f'--corpus_dir={tmp_path}/corpus',
  )
  assert result.returncode == 0, result.stderr
  words = [line.split('  ')[0] for line in result.stdout.splitlines()]
  assert words == [
    *('found', 'found', 'mapped', 'mapped', 'compared', 'mapped'),
    *('left over', 'written', 'written', 'written'),
  ]
  result = tiny_world.call_forked(
    'ask',
    f'--model_dir={tmp_path}/model',
    f'--corpus_dir={tmp_path}/corpus',
    '--nojson',
    typed='The capital of Bali is [MASK].',
  )
  assert result.returncode == 0, result.stderr
  assert '(no document)' in result.stdout and 'blank 1:' in result.stdout


def test_corpora_there_and_back(tmp_path):
  said = convert(f'--from={DOCS}', f'--to={tmp_path}/ours', VOCAB)
  assert said == [f'24 blocks in {tmp_path}/ours']
  assert len(Corpus.open(tmp_path / 'ours')) == 24
  for kind, source in (('realm', 'realm/docs.tfr.gz-*'), ('orqa', 'orqa')):
    convert(
      f'--from={tmp_path}/ours',
      f'--to={tmp_path}/{kind}',
      f'--to_format={kind}',
      '--num_shards=3',
      VOCAB,
    )
    again = list(original_corpus.read(str(tmp_path / source)))
    assert again == list(original_corpus.read(DOCS))


def _records(path):
  return [json.loads(line) for line in path.read_text().splitlines()]


def test_questions_of_several_formats_are_split(tmp_path):
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
  done = tiny_world.call_forked(
    'convert',
    f'--from={tmp_path}/a.jsonl.gz,{tmp_path}/b.csv,{tmp_path}/nq-*',
    f'--to={tmp_path}/out',
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


@pytest.mark.parametrize(
  'flags, reason',
  [
    (['--from=/no/where'], '/no/where: no such'),
    ([f'--from={MODULES}', '--corpus_dir=/no/where'], '/no/where'),
    ([f'--from={original_files.HUGGING_FACE}/openqa'], 'give --vocab_file'),
    ([f'--from={DOCS}', '--vocab_file=/no/vocab'], '/no/vocab'),
    ([f'--from={DOCS},{MODULES}'], '--from are of several kinds'),
  ],
)
def test_errors_are_one_line(tmp_path, flags, reason):
  result = tiny_world.call_forked('convert', f'--to={tmp_path}/out', *flags)
  said = tiny_world.last_line(result)
  assert said.startswith('convert: ') and reason in said, said
  assert not (tmp_path / 'out').exists()
  (tmp_path / 'precious').touch()
  result = tiny_world.call_forked('convert', f'--to={tmp_path}', *flags[:1])
  if MODULES.name in flags[0] and ',' not in flags[0]:
    assert 'exists already' in tiny_world.last_line(result)


def test_errors_in_questions_are_one_line_and_leave_nothing(tmp_path):
  path = tmp_path / 'a.jsonl'
  path.write_text(
    '{"question": "a", "answer": ["b"]}\n{"question": "c", "answer": ["(d"]}\n'
  )
  flags = (f'--from={path}', f'--to={tmp_path}/out')
  for more, message in (
    (('--name=A', '--is_regex', '--strict'), f'{path}:2: not a regular'),
    (('--name=A', '--format=dpr',), 'none of 2 lines'),
    ((), 'give --name'),
  ):  # fmt: skip
    last = tiny_world.last_line(
      tiny_world.call_forked('convert', *flags, *more)
    )
    assert last.startswith('convert: '), last
    assert message in last
  assert not (tmp_path / 'out').exists()
