# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Flips bits of files, as disks do."""

import contextlib
import pathlib
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
