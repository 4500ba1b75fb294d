# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Starts binaries without importing TensorFlow for each: it takes 8 s.

    python -m tests.bin.fork_server

imports what they need, then reads one request a line from standard input and
answers in a line with the exit code. A request is JSON: `argv`, the path of a
binary and its flags; `stdin`, `stdout` and `stderr`, paths of files; `timeout`
in seconds. Each is run in a process of its own, as `python -m` runs it.
"""

import importlib
import json
import os
import runpy
import signal
import sys
import time
import traceback

_WANTED = (
  'tensorflow',
  'tensorflow_text',
  'tf_keras',
  'official.nlp.modeling.networks',
  'realm_tf.training.finetuning',
  'realm_tf.training.pretraining',
)


def _run(argv: list[str]) -> int:
  """Runs a binary; returns the code that its process would end with."""
  sys.argv = argv
  name = os.path.basename(argv[0]).removesuffix('.py')
  try:
    runpy.run_module(f'bin.{name}', run_name='__main__', alter_sys=True)
  except SystemExit as e:
    if e.code is None or isinstance(e.code, int):
      return e.code or 0
    print(e.code, file=sys.stderr)
    return 1
  except BaseException:
    traceback.print_exc()
    return 1
  return 0


def _start(request: dict) -> int:
  """Forks a process for a request; returns its number."""
  pid = os.fork()
  if pid:
    return pid
  os.setpgid(0, 0)
  for number, name in enumerate(('stdin', 'stdout', 'stderr')):
    mode = os.O_WRONLY | os.O_CREAT if number else os.O_RDONLY
    os.dup2(os.open(request[name], mode), number)
  code = 1
  try:
    code = _run(request['argv'])
    sys.stdout.flush()
    sys.stderr.flush()
  finally:
    os._exit(code & 0xFF)


def _wait(pid: int, timeout: float) -> int:
  """The code a process ends with; -9 if it had to be killed."""
  end = time.monotonic() + timeout
  while time.monotonic() < end:
    ended, status = os.waitpid(pid, os.WNOHANG)
    if ended:
      return os.waitstatus_to_exitcode(status)
    time.sleep(0.02)
  os.killpg(pid, signal.SIGKILL)
  os.waitpid(pid, 0)
  return -signal.SIGKILL


def main() -> None:
  """Serves until standard input ends."""
  for name in _WANTED:
    importlib.import_module(name)
  for line in sys.stdin:
    request = json.loads(line)
    code = _wait(_start(request), request['timeout'])
    print(json.dumps(code), file=sys.__stdout__, flush=True)


if __name__ == '__main__':
  main()
