# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""SIGKILL at bad moments: the run goes on as if nothing had happened."""

import os
import pathlib
import random
import signal
import subprocess
import sys

from realm_tf.indexing.index_directory import IndexDirectory
from realm_tf.training import summaries
from tests.support import killable_run

ROOT = pathlib.Path(__file__).resolve().parents[2]


def start(model_dir):
  return subprocess.Popen(
    [sys.executable, '-m', 'tests.support.killable_run', str(model_dir)],
    cwd=ROOT,
    env={**os.environ, 'PYTHONPATH': str(ROOT), 'TF_CPP_MIN_LOG_LEVEL': '3'},
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )


def run_until(model_dir, is_the_moment):
  """Kills the run at the moment; returns what it said, and whether killed."""
  process = start(model_dir)
  said = []
  assert process.stdout is not None and process.stderr is not None
  for line in process.stdout:
    said.append(line.split())
    if is_the_moment(said[-1]):
      os.kill(process.pid, signal.SIGKILL)
      break
  said += [line.split() for line in process.stdout]
  errors = process.stderr.read()
  process.wait(30)
  process.stdout.close()
  process.stderr.close()
  if process.returncode not in (0, -signal.SIGKILL):
    raise AssertionError(errors)
  return said, process.returncode != 0


def train_lines(model_dir):
  lines = summaries.read_metrics(model_dir / 'metrics.jsonl')
  return [(line['step'], line['loss'], line['goodness']) for line in lines]


def test_killed_thrice_the_curve_has_no_break(tmp_path):
  unbroken, broken = tmp_path / 'unbroken', tmp_path / 'broken'
  _, was_killed = run_until(unbroken, lambda words: False)
  assert not was_killed

  some_step = random.Random(os.getpid()).choice([5, 20, 25])
  moments = [
    lambda words: words == ['step', str(some_step)],
    lambda words: words[0] == 'publishing' and int(words[1]) >= 30,
    lambda words: words[0] == 'exporting' and int(words[1]) >= 45,
  ]
  begins = []
  for moment in moments:
    said, was_killed = run_until(broken, moment)
    assert was_killed, said
    begins.append(next(words for words in said if words[0] == 'begin'))
    # What stands under a final name is whole, whenever the kill came.
    for directory, part in (('export/tf_hub', 'embedder'), ('index', '')):
      for step in IndexDirectory(broken / directory).versions():
        path = broken / directory / str(step) / part
        assert killable_run.read_parts(path) == step
  # The kill in the middle of a publication or an export left a half one.
  assert [p for p in (broken / 'export/tf_hub').iterdir() if '.tmp-' in p.name]
  said, was_killed = run_until(broken, lambda words: False)
  assert not was_killed
  begins.append(next(words for words in said if words[0] == 'begin'))
  steps = [int(words[1]) for words in begins]
  # Fresh; at a checkpoint at or before some_step; at those of 30 and 45.
  assert steps[0] == 0 and steps[1] <= some_step
  assert steps[2] in (20, 30, 40) and steps[3] >= 45, begins
  assert all(int(words[2]) <= int(words[1]) for words in begins)
  # The first index in use is the one that the checkpoint was made with.
  swapped = [int(words[1]) for words in said if words[0] == 'swapped']
  assert swapped[0] == int(begins[3][2])
  assert train_lines(broken) == train_lines(unbroken)
  for directory in ('export/tf_hub', 'index', 'checkpoints'):
    left = [p.name for p in (broken / directory).iterdir() if 'tmp' in p.name]
    assert not left
