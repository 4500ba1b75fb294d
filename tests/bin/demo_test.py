# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import re

import pytest

from realm_tf.hub import hub_modules
from realm_tf.index import versions
from realm_tf.training import run_directory
from tests.support import tiny_world

pytestmark = pytest.mark.timeout(1200)
STAGES = [
  'Corpus',
  'Salient spans',
  'Salient spans',
  'Inverse cloze task, 4 steps',
  'REALM, 6 steps',
  'Held-out blanks',
  'Index',
  'Fine-tuning, 2 steps',
  'Fine-tuning, 2 steps',
  'Test questions',
  'Corpus',
  'Index',
  'Questions about facts that the second edition changed',
  'SavedModel',
  'Questions to it, by a process without realm_tf',
]


def stages(output):
  return re.findall(r'^=== (\D[^:\n]*)', output, re.MULTILINE)


def test_pre_trains_and_fills_blanks(local_run):
  result, out = local_run.result, local_run.directory
  assert result.returncode == 0, result.stdout + result.stderr
  assert stages(result.stdout) == STAGES
  assert run_directory.list_exports(out / 'ict/export/tf_hub')[-1] == 4
  assert run_directory.list_exports(out / 'realm/export/tf_hub')[-1] == 6
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
    row = re.findall(rf'^{label} .*$', result.stdout, re.MULTILINE)[0]
    figures = [float(word) for word in row.removeprefix(label).split()]
    assert len(figures) == 4 and all(0 <= f <= 1 for f in figures), row
  assert '(30 held-out sentences)' in result.stdout
  assert '2 more sentences were left out' in result.stdout


def test_fine_tunes_and_answers_from_two_editions(local_run):
  output = local_run.result.stdout
  for name in ('without REALM', 'REALM', 'REALM, closed book'):
    row = re.findall(rf'^{name} +(\d.*)$', output, re.MULTILINE)[-1]
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
  # Neither edition has what only the other one says.
  assert found[0][2] == found[1][1] == '0'
  assert 'Who wrote Emma? -> ' in output
  assert 'realm_tf imported: False' in output
  out = local_run.directory
  assert output.splitlines()[-1] == (
    f'  python -m bin.ask --model_dir={out}/qa --corpus_dir={out}/corpus'
    f' --index_dir={out}/realm/index'
  )


def test_only_the_demo_speaks(local_run):
  # Bars and messages of this package, no time stamps, nothing of TensorFlow.
  for line in local_run.result.stderr.splitlines():
    assert not re.search(r'^[IWE]\d{4} |Assets written|tensorflow', line), line


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
    'demo', *local_run.flags, '--refresh_schedule=5-:3'
  )
  assert tiny_world.last_line(result).startswith(
    'demo: flag --refresh_schedule=5-:3: '
  )
  result = tiny_world.call_forked(
    'demo', *local_run.flags, '--realm_steps=3', timeout=1200
  )
  assert result.returncode == 0
  assert stages(result.stdout)[3:5] == [STAGES[3], 'REALM, 3 steps']
  assert times == [path.stat().st_mtime_ns for path in made]


@pytest.mark.parametrize('flag', ['knowledge', 'heldout_blanks', 'bert'])
def test_a_missing_file_is_told_before_anything_is_done(tmp_path, flag):
  result = tiny_world.call_forked(
    'demo', f'--output_dir={tmp_path}/out', f'--{flag}={tmp_path}/none'
  )
  last = tiny_world.last_line(result)
  assert last.startswith(f'demo: --{flag}: ') and f'{tmp_path}/none' in last
  assert not (tmp_path / 'out').exists()


def test_text_that_is_needed_is_named(tmp_path):
  result = tiny_world.call_forked('demo', f'--knowledge={__file__}')
  assert tiny_world.last_line(result) == 'demo: --pretraining is needed'
