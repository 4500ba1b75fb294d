# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""bin/pretrain_realm as a user calls it, and as an unlucky one does."""

import os
import random
import signal
import subprocess
import time

import pytest

from realm_tf.hub import hub_modules
from realm_tf.index import versions
from realm_tf.index.index import Index
from realm_tf.training import run_directory, summaries
from tests.support import tiny_world

# Whole runs, on a machine that may be slow or busy.
pytestmark = pytest.mark.timeout(1200)


def flags(world, model_dir, *more):
  return [
    f'--model_dir={model_dir}',
    f'--corpus_dir={world}/corpus',
    f'--train_examples={world}/spans/spans-*.tfrecord.gz',
    f'--bert={world}/bert_config.json',
    f'--vocab_file={world}/vocab.txt',
    '--projection_size=16',
    '--batch_size=4',
    '--num_candidates=3',
    '--query_seq_len=32',
    '--candidate_seq_len=48',
    '--learning_rate=0.001',
    '--log_every_steps=5',
    '--save_checkpoints_steps=10',
    *more,
  ]


def train_lines(model_dir):
  lines = summaries.read_metrics(model_dir / 'metrics.jsonl')
  return [line for line in lines if line['kind'] == 'train']


@pytest.mark.parametrize('builder', ['thread', 'process'])
def test_refreshes_its_index_while_training(world, tmp_path, builder):
  flags_of = flags(
    world,
    tmp_path,
    '--train_steps=400',
    '--refresh_schedule=0-40:20,40-:100',
    f'--index_builder={builder}',
    f'--heldout_examples={world}/spans/spans-*.tfrecord.gz',
    '--eval_every=200',
    '--eval_batches=2',
  )
  result = tiny_world.call('pretrain_realm', *flags_of, timeout=1200)
  assert result.returncode == 0, result.stderr
  assert 'retrieval_utility' in result.stdout
  assert result.stderr.count('of the first 60 span records 0 give no') == 1
  lines = train_lines(tmp_path)
  assert [line['step'] for line in lines] == list(range(5, 401, 5))
  used = [line['index_version'] for line in lines]
  assert used == sorted(used) and used[0] == 0
  assert len(set(used)) >= 3, used
  delays = [line['off_policy_delay_steps'] for line in lines]
  assert all(
    line['step'] - version == delay
    for line, version, delay in zip(lines, used, delays)
  )
  assert lines[-1]['index_swaps'] >= 2
  assert lines[-1]['index_failures'] == 0
  assert lines[-1]['loss'] < lines[0]['loss']
  (best,) = run_directory.list_exports(tmp_path / 'export/tf_hub_best')
  assert best in (0, 200, 400)
  last = tmp_path / 'export/tf_hub/400'
  assert hub_modules.read_info(last / 'embedder')['step'] == 400
  assert hub_modules.load_reader(last / 'bert').bert_config.hidden_size == 32
  index = Index.open(versions.latest_index(tmp_path / 'index'))
  assert index.metadata.step >= 40
  index.close()
  # The build of the last export was given up, or done.
  assert not [name for name in _names(tmp_path / 'index') if name[0] == '.']
  # It is not gone on with by other settings.
  again = tiny_world.call_forked('pretrain_realm', *flags_of, '--batch_size=2')
  assert 'batch_size was 4 and is 2' in tiny_world.last_line(again)


def kill_when(world, model_dir, is_the_moment, *more):
  """Starts a run and kills it with SIGKILL at the moment."""
  process = subprocess.Popen(
    tiny_world.command('pretrain_realm', *flags(world, model_dir, *more)),
    cwd=tiny_world.ROOT,
    env=tiny_world.environment(),
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
  )
  deadline = time.monotonic() + 900
  while not is_the_moment():
    assert process.poll() is None, 'it ended before the moment to kill it'
    assert time.monotonic() < deadline
    time.sleep(0.001)
  os.kill(process.pid, signal.SIGKILL)
  process.wait()


def test_killed_twice_it_gives_the_curve_of_an_unbroken_run(world, tmp_path):
  # With one index for the whole run the curve does not depend on when an
  # index happens to be ready.
  more = ['--train_steps=60', '--refresh_schedule=0']
  unbroken, broken = tmp_path / 'unbroken', tmp_path / 'broken'
  result = tiny_world.call(
    'pretrain_realm', *flags(world, unbroken, *more), timeout=1200
  )
  assert result.returncode == 0, result.stderr

  index_dir = broken / 'index'

  def is_publishing():
    return any('.0.tmp-' in name for name in _names(index_dir))

  kill_when(world, broken, is_publishing, *more)
  assert not versions.list_indexes(index_dir)
  some_step = random.Random(os.getpid()).randrange(5, 45, 5)
  kill_when(
    world,
    broken,
    lambda: any(line['step'] >= some_step for line in train_lines(broken)),
    *more,
  )
  result = tiny_world.call(
    'pretrain_realm', *flags(world, broken, *more), timeout=1200
  )
  assert result.returncode == 0, result.stderr
  names = ('step', 'loss', 'retrieval_utility', 'index_version')
  expected = [[line[n] for n in names] for line in train_lines(unbroken)]
  found = [[line[n] for n in names] for line in train_lines(broken)]
  assert [row[0] for row in expected] == list(range(5, 61, 5))
  for mine, its in zip(found, expected, strict=True):
    # The order in which threads add gradients is not ours to decide.
    assert mine == pytest.approx(its, rel=1e-3, abs=1e-4)
  assert not [name for name in _names(index_dir) if 'tmp' in name]


def _names(directory):
  return os.listdir(directory) if directory.is_dir() else []
