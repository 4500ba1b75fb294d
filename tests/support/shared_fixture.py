# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What takes minutes to make is made by one of the processes of `pytest -n`."""

import fcntl
import os
import pathlib
import pickle
from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar('T')


def make_once(
  factory: pytest.TempPathFactory,
  name: str,
  make: Callable[[pathlib.Path], T],
) -> T:
  """Makes something in a directory, or takes what another process made.

  Args:
    factory: Factory of temporary directories.
    name: Name of the directory, different for each thing.
    make: Takes the directory; returns something that can be pickled.
  """
  base = factory.getbasetemp()
  if 'PYTEST_XDIST_WORKER' in os.environ:
    base = base.parent  # all processes have it in common
  directory, result = base / name, base / f'{name}.pickle'
  with open(base / f'{name}.lock', 'w') as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    if not result.exists():
      directory.mkdir()
      made = make(directory)
      result.write_bytes(pickle.dumps(made))
    return pickle.loads(result.read_bytes())
