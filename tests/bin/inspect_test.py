# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import subprocess
import sys

from tests.support import tiny_world


def test_error_is_one_line(tmp_path):
  done = tiny_world.call_forked('inspect', str(tmp_path))
  assert done.returncode == 1
  last = done.stderr.strip().splitlines()[-1]
  assert last.startswith(f'inspect: {tmp_path}: neither')
  assert 'Traceback' not in done.stderr


def test_the_standard_inspect_is_found_in_spite_of_the_name():
  code = (
    'import sys; sys.path.insert(0, "bin"); import inspect;'
    ' print(inspect.getsourcelines is not None, inspect.__file__)'
  )
  done = subprocess.run(
    [sys.executable, '-S', '-c', code],
    cwd=tiny_world.ROOT,
    capture_output=True,
    text=True,
    timeout=60,
  )
  assert done.stdout.startswith('True'), done.stderr
  assert not done.stdout.strip().endswith('bin/inspect.py')
