# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import collections
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import psutil

from realm_tf.corpus import processes, readers


def _batches(count):
  for i in range(count):
    yield [readers.RawRecord('a', i, 'text', i)]


def _squares(settings):
  def process(batch):
    if settings == 'die':
      os.kill(os.getpid(), signal.SIGKILL)
    record = b'%d' % (batch[0].line ** 2)
    return processes.Result([record], collections.Counter(read=1), [])

  return process


def _slow(parent):
  """Is slow here and fast in other processes, so that those take over."""
  process = _squares('')

  def wait(batch):
    if os.getpid() == parent:
      time.sleep(0.2)
    result = process(batch)
    return result._replace(problems=[str(os.getpid())])

  return wait


def test_one_process():
  results = list(processes.in_order(_batches(5), _squares, '', 1))
  assert [r.records[0] for r in results] == [b'0', b'1', b'4', b'9', b'16']


def test_more_processes_take_over_in_order():
  results = list(processes.in_order(_batches(150), _slow, os.getpid(), 2))
  assert [r.records[0] for r in results] == [b'%d' % i**2 for i in range(150)]
  workers = {r.problems[0] for r in results}
  assert len(workers - {str(os.getpid())}) >= 1


def test_a_dead_worker_is_reported():
  # In a process of its own: while workers start, batches are done there.
  code = (
    'from realm_tf.corpus import processes\n'
    'from realm_tf.corpus.document import CorpusError\n'
    'from tests.corpus import processes_test as t\n'
    'if __name__ == "__main__":\n'
    '  try:\n'
    '    made = processes.in_order(t._batches(2000), t._die_elsewhere, 0, 2)\n'
    '    print(len(list(made)))\n'
    '  except CorpusError as e:\n'
    '    print(e)\n'
  )
  done = subprocess.run(
    [sys.executable, '-c', code], capture_output=True, text=True, timeout=200
  )
  assert 'a worker process died' in done.stdout, done.stderr


def _die_elsewhere(_):
  if multiprocessing.parent_process() is None:
    return lambda batch: time.sleep(0.1) or _squares('')(batch)
  return _squares('die')


def test_abandoned_results_leave_no_process():
  before = set(psutil.Process().children(recursive=True))
  results = processes.in_order(_batches(10**6), _squares, '', 2)
  next(results)
  results.close()
  for child in set(psutil.Process().children(recursive=True)) - before:
    # The resource tracker of multiprocessing lives on.
    assert 'resource_tracker' in ' '.join(child.cmdline())
