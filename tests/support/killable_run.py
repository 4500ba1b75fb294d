# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A training that kill_test.py kills: says on stdout what it is about to do.

python -m tests.support.killable_run MODEL_DIR
"""

import os
import sys
import time

import tensorflow as tf

from realm_tf.configs.refresh_schedule import RefreshSchedule
from realm_tf.indexing import index_builder, index_refresh
from realm_tf.indexing.index_directory import IndexDirectory
from realm_tf.io import atomic
from realm_tf.training import estimator
from realm_tf.training.example_generation import ExampleGenerator
from realm_tf.training.run_directory import RunDirectory
from realm_tf.training.task import Listener
from tests.training import estimator_test

STEPS = 60
PARTS = 5


def say(*words):
  print(*words, flush=True)


def write_parts(directory, what, step):
  """Writes files slowly, so that a kill can come between them."""
  for part in range(PARTS):
    with open(os.path.join(directory, f'part{part}'), 'w') as f:
      f.write(str(step))
    if part == PARTS // 2:
      say(what, step)
    time.sleep(0.02)


def read_parts(directory):
  """The step of a whole directory; anything missing is an error."""
  steps = set()
  for part in range(PARTS):
    with open(os.path.join(directory, f'part{part}')) as f:
      steps.add(int(f.read()))
  (step,) = steps
  return step


class Slot:
  def __init__(self):
    self.step = -1

  def swap(self, new):
    self.step = new
    say('swapped', new)


def main(model_dir):
  indexes = IndexDirectory(os.path.join(model_dir, 'index'))
  slot = Slot()

  def build(embedder_dir, step, check):
    check()
    assert read_parts(embedder_dir) == step
    with atomic.atomic_directory(indexes.version_path(step)) as made:
      write_parts(made, 'publishing', step)

  def batches(start):
    for batch in estimator_test.Batches(start):
      batch.index_step = slot.step
      time.sleep(0.01)
      yield batch

  class Narrator(Listener):
    def begin(self, step, index_step):
      say('begin', step, index_step)

    def report(self, step):
      say('step', step)
      return {}

  class KillableTask(estimator_test.RegressionTask):
    export_schedule = RefreshSchedule.parse('0-:15')
    evaluates = False

    def export(self, directory, step):
      embedder_dir = os.path.join(directory, 'embedder')
      os.mkdir(embedder_dir)
      write_parts(embedder_dir, 'exporting', step)

    def train_batches(self, start):
      return ExampleGenerator(lambda: batches(start), ahead=3)

    def listeners(self):
      builder = index_builder.IndexBuilder(
        RunDirectory(model_dir).exports, indexes, build, poll_seconds=0.05
      )
      return [
        index_builder.BuilderThread(builder),
        index_refresh.IndexRefresher(
          indexes, slot, read_parts, poll_seconds=0.05
        ),
        Narrator(),
      ]

  config = estimator_test.config(model_dir, train_steps=STEPS)
  estimator.run_task(config, KillableTask())


if __name__ == '__main__':
  tf.config.threading.set_intra_op_parallelism_threads(1)
  main(sys.argv[1])
