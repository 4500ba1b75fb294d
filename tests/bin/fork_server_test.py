# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import os
import signal

import pytest

from bin.fork_server import ForkServer


@pytest.fixture(scope='module')
def server():
  return ForkServer()


def run(server, directory, *arguments, **options):
  """Runs bin/score_predictions; returns its code and what it says."""
  streams = {name: str(directory / name) for name in ('stdout', 'stderr')}
  code = server.run('score_predictions', *arguments, streams=streams, **options)
  return code, *(open(path).read() for path in streams.values())


def test_gives_the_code_and_the_output_of_each_binary(server, tmp_path):
  code, output, _ = run(server, tmp_path, '--help')
  assert code == 1 and '--predictions' in output
  # Each has a process of its own: no flag is left from the one before.
  code, _, errors = run(
    server, tmp_path, '--predictions=/nothing', '--dataset=/nothing'
  )
  assert code == 1 and '/nothing' in errors
  (tmp_path / 'data').write_text('{"question": "who?", "answer": ["Ann"]}\n')
  (tmp_path / 'said').write_text('{"question": "who?", "prediction": "ann"}\n')
  (tmp_path / 'stdout').unlink()
  code, output, _ = run(
    server,
    tmp_path,
    f'--predictions={tmp_path}/said',
    f'--dataset={tmp_path}/data',
    '--json',
  )
  assert code == 0 and '"exact_match": 1.0' in output


def test_what_takes_too_long_is_killed(server, tmp_path):
  os.mkfifo(tmp_path / 'data')  # nobody writes to it
  code, _, _ = run(
    server,
    tmp_path,
    f'--predictions={tmp_path}/data',
    f'--dataset={tmp_path}/data',
    timeout=2,
  )
  assert code == -signal.SIGKILL


def test_a_server_that_has_died_is_named(tmp_path):
  server = ForkServer()
  server._process.kill()
  server._process.wait()
  with pytest.raises(ChildProcessError, match='bin/score_predictions'):
    run(server, tmp_path, '--help')
