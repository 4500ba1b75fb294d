# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import json

from tests.support import tiny_world


def test_tags_and_shows(tmp_path):
  tiny_world.write(tmp_path / 'world')
  out = tmp_path / 'spans'
  done = tiny_world.call(
    'tag_salient_spans',
    f'--input={tmp_path}/world/text.jsonl',
    f'--output_dir={out}',
  )
  assert done.returncode == 0, done.stderr
  counts = json.loads((out / 'manifest.json').read_text())['counts']
  assert counts['read'] == counts['kept'] == 60
  assert counts['sentences'] == 120
  # Land and capital in the first sentence, land and river in the second.
  assert counts['spans_NAME'] == 240
  shown = tiny_world.call_forked('describe', '--num=1', str(out))
  assert shown.returncode == 0, shown.stderr
  sentence = json.loads(
    (tmp_path / 'world' / 'text.jsonl').read_text().splitlines()[0]
  )['text'].split('.')[0]
  assert sentence in shown.stdout.replace('[[', '').replace(']]', '')
  assert 'People in [[' in shown.stdout


def test_errors_are_one_line(tmp_path):
  for flags, message in (
    (('--input=/no/x', f'--output_dir={tmp_path}'), 'no file matches'),
    (
      (
        f'--input={__file__}',
        f'--output_dir={tmp_path}',
        '--gazetteer=/no/names',
      ),
      '--gazetteer: /no/names',
    ),
  ):
    done = tiny_world.call_forked('tag_salient_spans', *flags)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith('tag_salient_spans: ')
    assert message in last
    assert 'Traceback' not in done.stderr
