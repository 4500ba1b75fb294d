# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A program of stages, some of which fail: `staged_run DATASET PREDICTIONS`.

It is a process of its own, since what its stages show goes past sys.stdout, and
one of them is interrupted.
"""

import signal
import sys

from bin.stages import Stages

# Ends with as many as it has arguments but one.
_COUNT = (
  'import os, sys; print(sys.argv[1:], os.environ["TF_CPP_MIN_LOG_LEVEL"]);'
  'sys.exit(len(sys.argv) - 2)'
)
_KILLED = 'import os, signal; os.kill(os.getpid(), signal.SIGKILL)'
_INTERRUPTED = (
  'import os, signal, time; os.kill(os.getppid(), signal.SIGINT);time.sleep(60)'
)


def main() -> None:
  # Who starts a process in the background lets it ignore this.
  signal.signal(signal.SIGINT, signal.default_int_handler)
  stages = Stages('staged_run')
  dataset = f'--dataset={sys.argv[1]}'
  predictions = f'--predictions={sys.argv[2]}'

  def attempt(name, run, *arguments, **options):
    print(f'--- {name}', flush=True)
    try:
      print(f'returned {run(*arguments, **options)!r}', flush=True)
    except SystemExit as e:
      print(f'ended: {e.code}', flush=True)

  def score(name, *arguments, **options):
    attempt(name, stages.run, 'score_predictions', *arguments, **options)

  score('shown', dataset, predictions, '--json')
  score('captured', dataset, predictions, '--json', capture=True)
  score('failing', dataset, '--predictions=no file')
  score('failing captured', dataset, '--predictions=no file', capture=True)
  attempt('program', stages.run_python, 'count', _COUNT, "it's")
  attempt('failing program', stages.run_python, 'count', _COUNT, *'abc')
  attempt('killed', stages.run_python, 'killed', _KILLED)
  attempt('interrupted', stages.run_python, 'interrupted', _INTERRUPTED)
  score('captured again', dataset, predictions, '--json', capture=True)


if __name__ == '__main__':
  main()
