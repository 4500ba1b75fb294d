# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Damaged files of every kind are read, or refused in one line that names them.

`REALM_TF_FUZZ=10000` sets the number of inputs, `REALM_TF_FUZZ_SEED` the seed;
a failure names the input, which `-k READER` with both makes again.
"""

import collections
import contextlib
import faulthandler
import math
import os
import pathlib
import random
import resource
import shutil
import signal
import time
import warnings
import zlib

import pytest
from absl import logging

from tests.support import mutations
from tests.support.fuzz_readers import READERS, FuzzReader

INPUTS = int(os.environ.get('REALM_TF_FUZZ', '400'))
SEED = int(os.environ.get('REALM_TF_FUZZ_SEED', '1'))
# Seconds of one input, MB of all of a reader's; the files have some kB.
_SECONDS, _MEGABYTES = 10, 400
_LONGEST = 1000
_SHOWN = 8


def _count(reader: FuzzReader) -> int:
  whole = sum(r.share for r in READERS)
  return max(2, math.floor(INPUTS * reader.share / whole))


def _peak_megabytes() -> float:
  return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextlib.contextmanager
def _limited():
  """Raises `_HangError` in Python code that does not end.

  Other code is stopped with the process.
  """

  def stop(*unused):
    raise _HangError

  before = signal.signal(signal.SIGALRM, stop)
  signal.alarm(_SECONDS)
  faulthandler.dump_traceback_later(10 * _SECONDS, exit=True)
  try:
    yield
  finally:
    signal.alarm(0)
    faulthandler.cancel_dump_traceback_later()
    signal.signal(signal.SIGALRM, before)


class _HangError(BaseException):
  """Nothing that a reader would catch."""


def _outcome(reader: FuzzReader, directory: pathlib.Path) -> str:
  """Returns `read`, `refused`, or what is wrong."""
  peak, started = _peak_megabytes(), time.monotonic()
  try:
    with _limited():
      reader.read(directory)
  except (ValueError, OSError) as e:
    text = str(e)
    outcome = 'refused'
    if '\n' in text or '{{' in text or len(text) > _LONGEST:
      outcome = f'not a line of text: {text[:300]!r}'
    elif str(directory) not in text:
      outcome = f'names no file: {type(e).__name__}: {text[:300]}'
  except _HangError:
    return f'over {_SECONDS} s'
  except Exception as e:
    outcome = f'{type(e).__name__}: {str(e)[:300]!r}'
  else:
    outcome = 'read'
  if time.monotonic() - started > _SECONDS:
    return f'over {_SECONDS} s'
  if _peak_megabytes() - peak > _MEGABYTES:
    return f'over {_MEGABYTES} MB'
  return outcome


@pytest.mark.parametrize('reader', READERS, ids=lambda r: r.name)
def test_damaged_files(reader, tmp_path, record_property):
  whole = tmp_path / 'whole'
  whole.mkdir()
  reader.make(whole)
  first = tmp_path / 'first'
  shutil.copytree(whole, first)
  assert _outcome(reader, first) == 'read'
  peak = _peak_megabytes()
  files = sorted(
    p.relative_to(whole)
    for pattern in reader.changed
    for p in whole.glob(pattern)
    if p.is_file()
  )
  outcomes: collections.Counter[str] = collections.Counter()
  failures = []
  verbosity = logging.get_verbosity()
  logging.set_verbosity(logging.ERROR)
  try:
    for number in range(_count(reader)):
      rng = random.Random(zlib.crc32(f'{SEED} {reader.name} {number}'.encode()))
      changed = files[rng.randrange(len(files))]
      directory = tmp_path / 'changed'
      shutil.copytree(whole, directory)
      path = directory / changed
      path.write_bytes(mutations.mutate(changed.name, path.read_bytes(), rng))
      with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        outcome = _outcome(reader, directory)
      kind = outcome if outcome in ('read', 'refused') else 'failed'
      outcomes[kind] += 1
      if kind == 'failed':
        failures.append(f'{reader.name} {number} ({changed}): {outcome}')
      shutil.rmtree(directory)
  finally:
    logging.set_verbosity(verbosity)
  grown = _peak_megabytes() - peak
  assert grown < _MEGABYTES
  print(f'{reader.name}: {dict(outcomes)}, {grown:.0f} MB')
  for kind, count in outcomes.items():
    record_property(kind, count)
  assert not failures, '\n'.join([str(dict(outcomes)), *failures[:_SHOWN]])
