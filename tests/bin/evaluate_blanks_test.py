# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""bin/evaluate_blanks on what bin/demo made."""

import json
import re

import pytest

from tests.support import tiny_world

pytestmark = pytest.mark.timeout(1200)


def evaluate(local_run, *flags):
  return tiny_world.call(
    'evaluate_blanks',
    f'--corpus_dir={local_run.directory}/corpus',
    *flags,
    timeout=1200,
  )


def system(local_run):
  export = local_run.directory / 'realm/export/tf_hub/6'
  return f'{export}/embedder,{export}/bert'


def test_prints_a_table_and_writes_the_figures(local_run, tmp_path):
  result = evaluate(
    local_run,
    f'--heldout={local_run.heldout}',
    f'--system=mine={system(local_run)}',
    '--system=chance=random',
    '--query_seq_len=48',
    '--candidate_seq_len=72',
    '--examples=2',
    f'--output={tmp_path}/figures.json',
  )
  assert result.returncode == 0, result.stderr
  figures = json.loads((tmp_path / 'figures.json').read_text())
  assert set(figures) == {'mine', 'chance'}
  for label, report in figures.items():
    assert (report['count'], report['skipped']) == (30, 2)
    values = [
      *(report['recall'][k] for k in ('1', '5')),
      *(report[name] for name in ('filled', 'closed_book')),
    ]
    assert all(0 <= value <= 1 for value in values)
    assert values[0] <= values[1]
    (row,) = re.findall(rf'^{label} .*$', result.stdout, re.MULTILINE)
    assert row.split()[1:] == [f'{value:.3f}' for value in values]
  assert result.stdout.count('(without retrieval: ') == 2
  assert re.search(
    r'^The first 2 of the blanks (filled correctly|measured).* of 30\)',
    result.stdout,
    re.MULTILINE,
  )
  # The demo's settings are the same.
  (row,) = re.findall(r'^mine .*$', result.stdout, re.MULTILINE)
  its = re.findall(r'^REALM .*$', local_run.result.stdout, re.MULTILINE)[0]
  assert row.split()[1:] == its.split()[1:]


@pytest.mark.parametrize(
  'given',
  ['REALM', 'REALM=a', '=a,b', 'A=random'],
)
def test_a_malformed_system_is_named(tmp_path, given):
  result = tiny_world.call_forked(
    'evaluate_blanks',
    f'--corpus_dir={tmp_path}',
    f'--heldout={tmp_path}',
    f'--system={given}',
  )
  assert result.returncode != 0
  output = result.stdout + result.stderr
  assert 'Traceback' not in output
  if given == 'A=random':
    assert '--system: at least one must not be random' in output
  else:
    expected = f'--system={given}: expected LABEL=EMBEDDER,BERT or LABEL=random'
    assert expected in output


@pytest.mark.parametrize(
  'line, reason',
  [
    ('{"text": "On a river.", "span": [3, 99]}', 'not within the text'),
    ('On a river.', 'JSONDecodeError'),
  ],
)
def test_a_malformed_blank_is_named(local_run, tmp_path, line, reason):
  heldout = tmp_path / 'heldout.jsonl'
  heldout.write_text(f'{{"text": "On a river.", "span": [0, 2]}}\n{line}\n')
  result = evaluate(
    local_run,
    f'--heldout={heldout}',
    f'--system=mine={system(local_run)}',
  )
  said = tiny_world.last_line(result)
  assert said.startswith(f'evaluate_blanks: {heldout}:2: not a blank'), said
  assert reason in said


def test_a_system_that_is_not_there_is_named(local_run, tmp_path):
  result = evaluate(
    local_run,
    f'--heldout={local_run.heldout}',
    f'--system=mine={tmp_path}/none,{local_run.bert}',
  )
  said = tiny_world.last_line(result)
  assert said.startswith('evaluate_blanks: ')
  assert f'{tmp_path}/none' in said
