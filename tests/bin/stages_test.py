# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import ast
import os
import pathlib
import re
import shlex
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def staged(tmp_path_factory):
  """What each stage of `staged_run` shows, line by line, and all errors."""
  data = tmp_path_factory.mktemp('data')
  (data / 'asked').write_text('{"question": "who?", "answer": ["Ann"]}\n')
  (data / 'said').write_text('{"question": "who?", "prediction": "ann"}\n')
  environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
  environment.pop('TF_CPP_MIN_LOG_LEVEL', None)
  done = subprocess.run(
    [
      *(sys.executable, '-m', 'tests.support.staged_run'),
      *(str(data / 'asked'), str(data / 'said')),
    ],
    cwd=ROOT,
    env=environment,
    capture_output=True,
    text=True,
    check=False,
  )
  assert done.returncode == 0, done.stderr
  parts = re.split(r'^--- (.*)\n', done.stdout, flags=re.MULTILINE)[1:]
  shown = {
    name: [line for line in text.splitlines() if line]
    for name, text in zip(parts[::2], parts[1::2])
  }
  return shown, done.stderr


def test_output_is_shown_or_returned(staged):
  command, *output, seconds, returned = staged[0]['shown']
  assert command.startswith('=== python -m bin.score_predictions --dataset=/')
  assert command.endswith(' --json')
  assert ast.literal_eval('\n'.join(output))['exact_match'] == 1.0
  assert re.fullmatch(r'=== score_predictions: \d+ s', seconds)
  assert returned == "returned ''"
  for name in ('captured', 'captured again'):
    first, seconds, returned = staged[0][name]
    assert first == command and seconds.startswith('=== score_predictions: ')
    returned = ast.literal_eval(returned.removeprefix('returned '))
    assert returned.splitlines() == output


def test_a_stage_that_fails_ends_the_program(staged):
  for name in ('failing', 'failing captured'):
    command, ended = staged[0][name]
    assert ended == (
      'ended: staged_run: score_predictions ended with code 1, see above'
    )
    # It can be typed in as it is shown.
    assert shlex.split(command)[-1] == '--predictions=no file'
  assert staged[1].count("no file matches 'no file'") == 2


def test_programs_have_their_arguments_and_a_quiet_tensorflow(staged):
  command, output, seconds, returned = staged[0]['program']
  assert shlex.split(command)[1:3] == ['python', '-c']
  assert shlex.split(command)[-1] == "it's"
  assert output == '["it\'s"] 3'
  assert re.fullmatch(r'=== count: \d+ s', seconds)
  assert returned == 'returned None'
  ended = staged[0]['failing program'][-1]
  assert ended == 'ended: staged_run: count ended with code 2, see above'
  assert 'killed ended with code -9' in staged[0]['killed'][-1]


def test_who_interrupts_is_told_how_to_go_on(staged):
  _, ended = staged[0]['interrupted']
  assert ended == (
    'ended: staged_run: stopped; the same command goes on from here'
  )
