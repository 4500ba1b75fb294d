# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Faults of machines: flipped bits, and files that may not grow."""

import contextlib
import pathlib
import resource
from collections.abc import Iterator


@contextlib.contextmanager
def flipped(path: str | pathlib.Path, place: float = 0.7) -> Iterator[None]:
  """Flips a bit of a file, at a part of its length, and then back."""
  path = pathlib.Path(path)
  content = path.read_bytes()
  position = int(len(content) * place)
  changed = bytearray(content)
  changed[position] ^= 16
  path.write_bytes(changed)
  try:
    yield
  finally:
    path.write_bytes(content)


@contextlib.contextmanager
def file_size_limit(size: int) -> Iterator[None]:
  """Makes writing fail in this process where a file would be larger."""
  before = resource.getrlimit(resource.RLIMIT_FSIZE)
  resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
  try:
    yield
  finally:
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
