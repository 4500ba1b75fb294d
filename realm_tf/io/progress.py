# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""One look for every progress bar."""

import sys
from collections.abc import Iterable

import tqdm


def progress(
  iterable: Iterable | None = None,
  *,
  total: int | None = None,
  desc: str = '',
  unit: str = 'it',
  initial: int = 0,
  disable: bool = False,
) -> tqdm.tqdm:
  """Returns a tqdm bar on standard error.

  On a terminal it moves ten times a second; in a log file it writes a line
  every ten seconds, so that a log stays readable.
  """
  return tqdm.tqdm(
    iterable,
    total=total,
    desc=desc,
    unit=unit,
    initial=initial,
    unit_scale=True,
    dynamic_ncols=True,
    mininterval=0.1 if sys.stderr.isatty() else 10.0,
    disable=disable,
  )
