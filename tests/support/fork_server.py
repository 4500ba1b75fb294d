# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Starts binaries without importing TensorFlow for each: it takes 4 to 8 s.

A server process imports what they need, once. For each request it forks a
process, which goes on as `python -m bin.NAME` would.
"""

import atexit
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping

_WANTED = (
  'tensorflow',
  'tensorflow_text',
  'tf_keras',
  'official.nlp.modeling.networks',
  'realm_tf.tasks.qa',
  'realm_tf.tasks.realm',
)
_STREAMS = ('stdin', 'stdout', 'stderr')


class ForkServer:
  """A server and the way to ask it."""

  def __init__(self, env: dict[str, str] | None = None):
    """Starts it; it ends when this process does.

    Args:
      env: Environment of the server and all it starts; by default, this one's.
    """
    answers, its_end = os.pipe()
    self._process = subprocess.Popen(
      [sys.executable, '-m', 'tests.support.fork_server', str(its_end)],
      env=env,
      stdin=subprocess.PIPE,
      pass_fds=[its_end],
      text=True,
    )
    os.close(its_end)
    self._answers = os.fdopen(answers)

  def run(
    self,
    binary: str,
    *arguments: str,
    streams: Mapping[str, str] | None = None,
    timeout: float | None = None,
    watched: str | None = None,
    changes: int = 0,
  ) -> int:
    """Runs `bin/<binary>.py` in a process of its own, to its end.

    Args:
      binary: Its name.
      *arguments: Its flags.
      streams: Paths of files for `stdin`, `stdout`, `stderr`; by default, no
        input, and for output the terminal or what else this process has.
      timeout: Seconds after which it is killed, with all it started.
      watched: Directory in which names are counted as they come and go.
      changes: Number of such changes after which it is killed, too.

    Returns:
      The code it ended with; below 0, the signal it died from: -9 if it was
      killed.

    Raises:
      ChildProcessError: The server is gone.
    """
    request = {
      'binary': binary,
      'arguments': arguments,
      'timeout': timeout,
      'watched': watched,
      'changes': changes,
      'streams': dict(streams or {}),
    }
    requests = self._process.stdin
    assert requests is not None
    try:
      requests.write(json.dumps(request) + '\n')
      requests.flush()
      answer = self._answers.readline()
    except KeyboardInterrupt:
      # The binary was interrupted, too: it is given the time to end.
      requests.close()
      self._process.wait()
      raise
    except BrokenPipeError:
      answer = ''
    if not answer:
      raise ChildProcessError(f'the process that starts bin/{binary} has died')
    return json.loads(answer)


def _run(binary: str, arguments: list[str]) -> int:
  """Runs a binary; returns the code that its process would end with."""
  sys.argv = [os.path.join('bin', f'{binary}.py'), *arguments]
  try:
    runpy.run_module(f'bin.{binary}', run_name='__main__', alter_sys=True)
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
  signal.signal(signal.SIGINT, signal.default_int_handler)
  if request['timeout'] is not None:
    os.setpgid(0, 0)
  os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
  for name, path in request['streams'].items():
    number = _STREAMS.index(name)
    mode = os.O_WRONLY | os.O_CREAT if number else os.O_RDONLY
    os.dup2(os.open(path, mode), number)
  code = 1
  try:
    code = _run(request['binary'], request['arguments'])
    # Temporary directories are removed there.
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
  finally:
    os._exit(code & 0xFF)


def _names(directory: str) -> set[str]:
  return {
    os.path.join(root, name)
    for root, folders, files in os.walk(directory)
    for name in (*folders, *files)
  }


def _wait(
  pid: int, timeout: float | None, watched: str | None, changes: int
) -> int:
  """The code a process ends with."""
  if timeout is None:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
  end = time.monotonic() + timeout
  names = _names(watched) if watched and changes else set()
  while time.monotonic() < end:
    ended, status = os.waitpid(pid, os.WNOHANG)
    if ended:
      return os.waitstatus_to_exitcode(status)
    if watched and changes:
      now = _names(watched)
      changes -= now != names
      names = now
      if not changes:
        break
    time.sleep(0.002 if changes else 0.02)
  os.killpg(pid, signal.SIGKILL)
  os.waitpid(pid, 0)
  return -signal.SIGKILL


def main() -> None:
  """Serves until standard input ends."""
  # Who is interrupted is the binary, and who asked for it.
  signal.signal(signal.SIGINT, signal.SIG_IGN)
  answers = os.fdopen(int(sys.argv[1]), 'w')
  for name in _WANTED:
    importlib.import_module(name)
  for line in sys.stdin:
    request = json.loads(line)
    waits = (request[name] for name in ('timeout', 'watched', 'changes'))
    code = _wait(_start(request), *waits)
    print(json.dumps(code), file=answers, flush=True)


if __name__ == '__main__':
  main()
