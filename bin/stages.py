# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs binaries one after the other, as somebody would type them in."""

import contextlib
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from bin.fork_server import ForkServer


class Stages:
  """Calls binaries of `bin/`, each with the command that it prints."""

  def __init__(self, program: str):
    """Starts the clock.

    Args:
      program: Who calls, for messages.
    """
    self._program = program
    self._started = time.monotonic()
    # TensorFlow is not to say at each start that there is no GPU.
    self._environment = {'TF_CPP_MIN_LOG_LEVEL': '3', **os.environ}
    self._server = ForkServer(self._environment)

  def _show(self, *command: str) -> None:
    shown = ' '.join(shlex.quote(a) for a in ['python', *command])
    print(f'\n=== {shown}', flush=True)

  def _check(self, name: str, code: int, started: float) -> None:
    if code:
      raise SystemExit(
        f'{self._program}: {name} ended with code {code}, see above'
      )
    print(f'=== {name}: {time.monotonic() - started:.0f} s', flush=True)

  @contextlib.contextmanager
  def _interruptible(self) -> Iterator[None]:
    try:
      yield
    except KeyboardInterrupt:
      raise SystemExit(
        f'{self._program}: stopped; the same command goes on from here'
      ) from None

  def run(self, binary: str, *arguments: str, capture: bool = False) -> str:
    """Runs `bin/<binary>.py` to its end.

    Args:
      binary: Its name.
      *arguments: Its flags.
      capture: Whether its standard output is returned and not shown.

    Returns:
      The output, if it is captured.

    Raises:
      SystemExit: It failed, or was stopped from the keyboard.
    """
    self._show('-m', f'bin.{binary}', *arguments)
    started = time.monotonic()
    with tempfile.NamedTemporaryFile('r') as output, self._interruptible():
      streams = {'stdout': output.name} if capture else {}
      code = self._server.run(binary, *arguments, streams=streams)
      self._check(binary, code, started)
      return output.read()

  def run_python(self, name: str, program: str, *arguments: str) -> None:
    """Runs a program that is given as text, in a process of its own."""
    self._show('-c', program, *arguments)
    started = time.monotonic()
    command = [sys.executable, '-c', program, *arguments]
    with self._interruptible():
      done = subprocess.run(command, env=self._environment, check=False)
    self._check(name, done.returncode, started)

  @property
  def seconds(self) -> float:
    """Since the first."""
    return time.monotonic() - self._started
