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

from realm_tf.corpus import readers, workers


def _batches(count):
  for i in range(count):
    yield [readers.RawRecord('a', i, 'text', i)], -i


def _squares(settings):
  def process(batch):
    if settings == 'die':
      os.kill(os.getpid(), signal.SIGKILL)
    return workers.Result(batch[0].line ** 2, collections.Counter(read=1), [])

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
  results = list(workers.in_order(_batches(5), _squares, '', 1))
  assert [r.output for r, _ in results] == [0, 1, 4, 9, 16]
  assert [tag for _, tag in results] == [0, -1, -2, -3, -4]


def test_more_processes_take_over_in_order():
  results = list(workers.in_order(_batches(150), _slow, os.getpid(), 2))
  assert [(r.output, tag) for r, tag in results] == [
    (i**2, -i) for i in range(150)
  ]
  ids = {r.problems[0] for r, _ in results}
  assert len(ids - {str(os.getpid())}) >= 1


def test_a_dead_worker_is_reported():
  # In a process of its own: while workers start, batches are done there.
  code = (
    'from realm_tf.corpus import workers\n'
    'from realm_tf.corpus.document import CorpusError\n'
    'from tests.corpus import workers_test as t\n'
    'if __name__ == "__main__":\n'
    '  try:\n'
    '    made = workers.in_order(t._batches(2000), t._die_elsewhere, 0, 2)\n'
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
  results = workers.in_order(_batches(10**6), _squares, '', 2)
  next(results)
  results.close()
  for child in set(psutil.Process().children(recursive=True)) - before:
    # The resource tracker of multiprocessing lives on.
    assert 'resource_tracker' in ' '.join(child.cmdline())
