# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""bin/predict from standard input and from a file; bad lines."""

import gzip
import json

import pytest

from realm_tf.answering.answerer import Answerer
from realm_tf.index import versions
from realm_tf.training import exporters
from tests.support import tiny_world

pytestmark = pytest.mark.timeout(1200)


def test_each_line_has_its_answer(finetuned, tmp_path):
  asked = [record['question'] for record in finetuned.questions[:5]]
  typed = '\n'.join(
    [asked[0], '', json.dumps({'question': asked[1]}), '{"a": 1}', *asked[2:]]
  )
  result = tiny_world.call(
    'predict',
    *finetuned.answering_flags(),
    '--top_n=2',
    '--batch_size=3',
    typed=typed + '\n',
  )
  assert result.returncode == 0, result.stderr
  records = [json.loads(line) for line in result.stdout.splitlines()]
  assert len(records) == 7
  bad = [i for i, record in enumerate(records) if 'error' in record]
  assert bad == [1, 3]
  for number in (2, 4):
    assert f'not answered: standard input:{number}: ' in result.stderr
  good = [record for record in records if 'error' not in record]
  assert [record['question'] for record in good] == asked
  for record in good:
    assert len(record['answers']) == 2
    evidence = record['evidence'].encode()
    start, limit = record['byte_start'], record['byte_end']
    assert evidence[start:limit].decode() == record['prediction'] != ''
  answerer = Answerer.open(
    exporters.best_or_newest(finetuned.model_dir),
    finetuned.directory / 'corpus',
    versions.find_index(finetuned.directory / 'index'),
  )
  found = answerer.answer(asked, top_n=2)
  answerer.close()
  for i, record in enumerate(good):
    for answer, expected in zip(record['answers'], found.to_records(i)):
      assert answer == pytest.approx(expected, abs=1e-4)
  rounded = tiny_world.call_forked(
    'predict',
    *finetuned.answering_flags(),
    '--mixed_precision',
    typed=asked[0] + '\n',
  )
  (near,) = (json.loads(line) for line in rounded.stdout.splitlines())
  assert near['score'] != good[0]['score']
  assert near['score'] == pytest.approx(good[0]['score'], abs=0.5)
  path = tmp_path / 'questions.txt'
  path.write_text(typed)
  refused = tiny_world.call_forked(
    'predict', *finetuned.answering_flags(), f'--input={path}', '--strict'
  )
  assert f'{path}:2: ' in tiny_world.last_line(refused)


def test_a_bad_line_costs_no_other_its_answer(finetuned, tmp_path):
  asked = [record['question'] for record in finetuned.questions[:3]]
  lines = [
    b'\xef\xbb\xbf' + json.dumps({'question': asked[0]}).encode(),
    rb'{"question": "Who wrote \ud83d Emma?"}',
    b'{"question": ' + b'[' * 100_000,
    b'Who wrote \xff Emma?',
    asked[1].encode(),
    b'x' * 100_000,
    asked[2].encode(),
  ]
  path = tmp_path / 'questions.txt'
  path.write_bytes(b'\n'.join(lines))
  flags = [*finetuned.answering_flags(), f'--input={path}', '--batch_size=3']
  result = tiny_world.call_forked('predict', *flags)
  assert result.returncode == 0, result.stderr
  records = [json.loads(line) for line in result.stdout.splitlines()]
  assert [record.get('error', '')[:16] for record in records] == [
    *('', 'not UTF-8: half ', 'nested too deepl', 'not UTF-8 at byt'),
    *('', '', ''),
  ]
  for number in (2, 3, 4):
    assert f'{path}:{number}: ' in result.stderr
  assert '3 lines are not answered' in result.stderr
  for i, question in ((0, asked[0]), (4, asked[1]), (6, asked[2])):
    assert records[i]['question'] == question
    assert records[i]['prediction']
  # Blocks at once change what is in memory, not the answers.
  few = tiny_world.call_forked('predict', *flags, '--blocks_at_once=2')
  assert few.returncode == 0, few.stderr
  others = [json.loads(line) for line in few.stdout.splitlines()]
  for record, other in zip(records, others, strict=True):
    assert record['prediction'] == other['prediction']


def test_a_damaged_file_is_answered_as_far_as_it_can_be_read(
  finetuned, tmp_path
):
  asked = [record['question'] for record in finetuned.questions] * 200
  path = tmp_path / 'questions.txt.gz'
  packed = gzip.compress('\n'.join(asked).encode(), 0)
  path.write_bytes(packed[:300])
  result = tiny_world.call_forked(
    'predict', *finetuned.answering_flags(), f'--input={path}'
  )
  assert result.returncode != 0
  assert 'damaged file' in tiny_world.last_line(result)
  records = [json.loads(line) for line in result.stdout.splitlines()]
  assert 0 < len(records) < 20
  assert [r['question'] for r in records] == asked[: len(records)]
