# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""bin/run_local from plain text to the table at its end."""

import re

import pytest

from realm_tf.hub import hub_modules
from realm_tf.index import versions
from realm_tf.training import exporters
from tests.support import tiny_world

pytestmark = pytest.mark.timeout(1200)
STAGES = [
  'build_corpus',
  'tag_salient_spans',
  'tag_salient_spans',
  'pretrain_ict',
  'pretrain_realm',
  'evaluate_blanks',
]


def stages(output):
  return re.findall(r'^=== python -m bin\.(\w+) ', output, re.MULTILINE)


def test_goes_the_whole_way(local_run):
  result, out = local_run.result, local_run.directory
  assert result.returncode == 0, result.stdout + result.stderr
  assert stages(result.stdout) == STAGES
  assert exporters.list_exports(out / 'ict/export/tf_hub')[-1] == 4
  assert exporters.list_exports(out / 'realm/export/tf_hub')[-1] == 6
  tokenizers = [
    hub_modules.load_tokenizer(out / name)
    for name in (
      'ict/export/tf_hub/4/embedder',
      'realm/export/tf_hub/6/embedder',
      'realm/export/tf_hub/6/bert',
    )
  ]
  assert len({tokenizer.fingerprint for tokenizer in tokenizers}) == 1
  assert versions.latest_index(out / 'realm/index') is not None
  for label in ('random weights', 'BERT and ICT', 'REALM'):
    (row,) = re.findall(rf'^{label} .*$', result.stdout, re.MULTILINE)
    figures = [float(word) for word in row.removeprefix(label).split()]
    assert len(figures) == 4 and all(0 <= f <= 1 for f in figures), row
  assert '(30 held-out sentences)' in result.stdout
  assert '2 more sentences were left out' in result.stdout
  last = result.stdout.strip().splitlines()[-1].strip()
  assert last.endswith(
    f' -m bin.search --model_dir={out}/realm --corpus_dir={out}/corpus'
  )


def test_goes_on_where_it_was_and_ends_with_the_stage_that_fails(local_run):
  made = [
    local_run.directory / name
    for name in (
      'corpus/manifest.json',
      'ict/export/tf_hub/4/embedder/saved_model.pb',
    )
  ]
  times = [path.stat().st_mtime_ns for path in made]
  result = tiny_world.call_forked(
    'run_local', *local_run.flags, '--refresh_schedule=5-:3', timeout=1200
  )
  assert tiny_world.last_line(result).startswith(
    'run_local: pretrain_realm ended with code 1'
  )
  assert '--refresh_schedule' in result.stdout + result.stderr
  assert stages(result.stdout) == STAGES[:-1]
  assert times == [path.stat().st_mtime_ns for path in made]


@pytest.mark.parametrize('flag', ['knowledge', 'heldout_blanks', 'bert'])
def test_a_missing_file_is_told_before_anything_is_done(tmp_path, flag):
  result = tiny_world.call_forked(
    'run_local', f'--output_dir={tmp_path}/out', f'--{flag}={tmp_path}/none'
  )
  assert result.returncode != 0
  output = result.stdout + result.stderr
  assert 'Traceback' not in output
  assert re.search(rf'--{flag}: .*{tmp_path}/none', output), output
  assert not (tmp_path / 'out').exists()
