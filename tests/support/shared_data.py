# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Where trial data that is not part of the package lies, if anywhere."""

import os
import pathlib

import pytest

_DEFAULT = pathlib.Path(__file__).resolve().parents[3] / 'shared' / 'data'


def path(*parts: str) -> pathlib.Path:
  """Returns a path below the shared data, or skips the calling test."""
  root = pathlib.Path(os.environ.get('REALM_TF_SHARED_DATA', _DEFAULT))
  found = root.joinpath(*parts)
  if not found.exists():
    pytest.skip(f'{found} is not there (set REALM_TF_SHARED_DATA)')
  return found
