# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""bin/benchmark as a user calls it."""

import json

from tests.support import tiny_world


def test_prints_figures_and_targets(tmp_path):
  output = tmp_path / 'benchmark.json'
  result = tiny_world.call(
    'benchmark', '--toy', '--only=peak,tokenizing', f'--output={output}'
  )
  assert result.returncode == 0, result.stderr
  report = json.loads(result.stdout)
  assert report == json.loads(output.read_text())
  assert list(report) == ['machine', 'settings', 'targets', 'results']
  assert report['settings']['toy'] is True
  assert report['settings']['vocab_file'] == 'testdata/vocab.txt'
  assert list(report['results']) == ['peak', 'tokenizing']
  peak, tokenizing = report['results'].values()
  for found, figure in (
    (peak, 'gigaflops_per_second'),
    (peak, 'bfloat16_gigaflops_per_second'),
    (tokenizing, 'megabytes_per_second'),
    (tokenizing, 'with_offsets_megabytes_per_second'),
  ):
    assert found[figure] > 0
  assert tokenizing['wordpieces'] > 10_000
  (target,) = report['targets']
  assert target['measurement'] == 'tokenizing'
  assert target['value'] == tokenizing['megabytes_per_second']
  assert target['met'] == (target['value'] >= target['at_least'])
  # People see how far it is, beside the JSON.
  assert [line.split()[0] for line in result.stderr.splitlines()] == [
    'peak',
    'tokenizing',
  ]


def test_measures_text_of_ones_own(world, tmp_path):
  result = tiny_world.call_forked(
    'benchmark',
    '--toy',
    '--only=tokenizing',
    f'--text={world}/knowledge.jsonl',
    f'--vocab_file={world}/vocab.txt',
    f'--work_dir={tmp_path}',
  )
  assert result.returncode == 0, result.stderr
  report = json.loads(result.stdout)
  assert report['settings']['text'] == f'{world}/knowledge.jsonl'
  assert report['results']['tokenizing']['megabytes_per_second'] > 0


def test_a_wrong_name_is_one_line(tmp_path):
  result = tiny_world.call_forked('benchmark', '--only=peek')
  assert result.returncode != 0
  output = result.stdout + result.stderr
  assert 'Traceback' not in output
  assert "--only: there is no measurement 'peek'; there are corpus," in output
  result = tiny_world.call_forked('benchmark', f'--vocab_file={tmp_path}/none')
  assert tiny_world.last_line(result) == (
    f'benchmark: {tmp_path}/none is not there'
  )
