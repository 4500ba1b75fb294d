# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How the C library hands out memory."""

import ctypes
import sys

# Of glibc's malloc.h.
_M_ARENA_MAX = -8


def limit_arenas(count: int = 1) -> bool:
  """Has all threads share so many of malloc's arenas.

  By default there are 8 for each core, and each keeps what its threads needed
  at their worst: 200 MB for a training of the smallest model, which is no
  faster for it.

  Args:
    count: Arenas.

  Returns:
    Whether the C library (glibc) has such a limit.
  """
  if not sys.platform.startswith('linux'):
    return False
  mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
  return mallopt is not None and mallopt(_M_ARENA_MAX, count) == 1
