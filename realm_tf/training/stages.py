# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs binaries one after the other, as somebody would type them in."""

import os
import shlex
import subprocess
import sys
import time


class Stages:
  """Calls binaries of `bin/`, each with the command that it prints."""

  def __init__(self, program: str):
    """Starts the clock.

    Args:
      program: Who calls, for messages.
    """
    self._program = program
    self._started = time.monotonic()

  def _call(self, command: list[str], name: str, capture: bool) -> str:
    shown = ' '.join(shlex.quote(a) for a in ['python', *command[1:]])
    print(f'\n=== {shown}', flush=True)
    started = time.monotonic()
    # TensorFlow is not to say at each start that there is no GPU.
    quiet = {'TF_CPP_MIN_LOG_LEVEL': '3', **os.environ}
    try:
      done = subprocess.run(
        command,
        env=quiet,
        check=False,
        text=True,
        stdout=subprocess.PIPE if capture else None,
      )
    except KeyboardInterrupt:
      raise SystemExit(
        f'{self._program}: stopped; the same command goes on from here'
      ) from None
    if done.returncode:
      raise SystemExit(
        f'{self._program}: {name} ended with code {done.returncode}, see above'
      )
    print(f'=== {name}: {time.monotonic() - started:.0f} s', flush=True)
    return done.stdout or ''

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
    command = [sys.executable, '-m', f'bin.{binary}', *arguments]
    return self._call(command, binary, capture)

  def run_python(self, name: str, program: str, *arguments: str) -> None:
    """Runs a program that is given as text, in a process of its own."""
    command = [sys.executable, '-c', program, *arguments]
    self._call(command, name, False)

  @property
  def seconds(self) -> float:
    """Since the first."""
    return time.monotonic() - self._started
