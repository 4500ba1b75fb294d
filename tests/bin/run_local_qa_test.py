# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""bin/run_local_qa from what bin/run_local made to an answer."""

import json
import re
import shutil

import pytest

from tests.support import tiny_world

pytestmark = pytest.mark.timeout(1200)
CHANGED = 5


def write_jsonl(path, records):
  path.parent.mkdir(parents=True, exist_ok=True)
  path.write_text(''.join(json.dumps(record) + '\n' for record in records))


@pytest.fixture(scope='module')
def testdata(local_run, tmp_path_factory):
  """Questions on the world of bin/run_local, and its second edition."""
  directory = tmp_path_factory.mktemp('testdata')
  shutil.copy(local_run.world / 'knowledge.jsonl', directory)
  tiny_world.write_questions(directory)
  (directory / 'questions').rename(directory / 'qa')
  shutil.copy(directory / 'qa/dev.jsonl', directory / 'qa/test.jsonl')
  lines = (directory / 'qa/dev.jsonl').read_text().splitlines()[:CHANGED]
  changes, text = [], (directory / 'knowledge.jsonl').read_text()
  for record in map(json.loads, lines):
    (old,) = record['answer']
    new = old[::-1]
    text = text.replace(old, new)
    changes.append({'question': record['question'], 'old': [old], 'new': [new]})
  write_jsonl(directory / 'edition2_changes.jsonl', changes)
  (directory / 'knowledge_edition2.jsonl').write_text(text)
  return directory


def test_goes_the_whole_way(local_run, testdata):
  assert local_run.result.returncode == 0
  result = tiny_world.call(
    'run_local_qa',
    f'--output_dir={local_run.directory}',
    f'--testdata={testdata}',
    f'--bert={local_run.bert}',
    '--steps=2',
    timeout=1200,
  )
  output = result.stdout
  assert result.returncode == 0, output + result.stderr
  for name in ('without REALM', 'REALM', 'REALM, closed book'):
    (row,) = re.findall(rf'^{name} +(\d.*)$', output, re.MULTILINE)
    match, _, _, _, first, fifth = re.findall(r'[\d.]+|to|-', row)
    assert 0 <= float(match) <= 1
    if 'closed' in name:
      assert float(match) == 0
      assert first == fifth == '-'
    else:
      assert 0 <= float(first) <= float(fifth) <= 1
  found = re.findall(
    r'^with the (\w+) edition, (\d) of 5 are answered by the old fact, (\d) by'
    ' the new one$',
    output,
    re.MULTILINE,
  )
  assert [edition for edition, _, _ in found] == ['first', 'second']
  # Neither edition holds what only the other one says.
  assert found[0][2] == found[1][1] == '0'
  assert 'Who wrote Emma? -> ' in output
  assert 'realm_tf imported: False' in output
  again = tiny_world.call_forked(
    'run_local_qa',
    f'--output_dir={testdata}/nothing',
    f'--testdata={testdata}',
  )
  assert 'bin/run_local' in tiny_world.last_line(again)
