# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""bin/predict from standard input and from a file; bad lines."""

import json

import pytest

from tests.bin import tiny_world

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
  assert 'line 2' in result.stderr and 'line 4' in result.stderr
  good = [record for record in records if 'error' not in record]
  assert [record['question'] for record in good] == asked
  for record in good:
    assert len(record['answers']) == 2
    evidence = record['evidence'].encode()
    start, limit = record['byte_start'], record['byte_limit']
    assert evidence[start:limit].decode() == record['prediction'] != ''
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
  assert f'{path}, line 2' in tiny_world.last_line(refused)
