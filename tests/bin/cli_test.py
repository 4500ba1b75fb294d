# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The `realm` command, as the wheel has it and outside of a checkout."""

import ast
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import zipfile

import pytest

import realm_tf
from bin import cli

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
  """The directory that a wheel of this checkout is unpacked to."""
  directory = tmp_path_factory.mktemp('wheel')
  source = directory / 'source'
  source.mkdir()
  for name in ('setup.py', 'setup.cfg', 'README.md', 'LICENSE'):
    shutil.copy(ROOT / name, source)
  for name in ('realm_tf', 'bin', 'testdata'):
    shutil.copytree(
      ROOT / name, source / name, ignore=shutil.ignore_patterns('__pycache__')
    )
  subprocess.run(
    [
      *(sys.executable, '-m', 'pip', 'wheel', '--quiet', '--no-deps'),
      *('--no-build-isolation', '--wheel-dir', directory, source),
    ],
    check=True,
  )
  shutil.rmtree(source)
  (path,) = directory.glob('*.whl')
  with zipfile.ZipFile(path) as archive:
    archive.extractall(directory)
  return directory


def realm(wheel, *arguments):
  """Calls `realm` of a wheel: status, output, errors and seconds of CPU."""
  before = resource.getrusage(resource.RUSAGE_CHILDREN)
  done = subprocess.run(
    [
      *(sys.executable, '-c', 'from realm_tf.bin.cli import main; main()'),
      *arguments,
    ],
    cwd=wheel.parent,
    env={**os.environ, 'PYTHONPATH': str(wheel)},
    capture_output=True,
    text=True,
    check=False,
  )
  after = resource.getrusage(resource.RUSAGE_CHILDREN)
  seconds = sum(after[:2]) - sum(before[:2])
  return done.returncode, done.stdout, done.stderr, seconds


def test_the_command_is_declared(wheel):
  (entry_points,) = wheel.glob('realm_tf-*.dist-info/entry_points.txt')
  assert 'realm = realm_tf.bin.cli:main' in entry_points.read_text()
  (metadata,) = wheel.glob('realm_tf-*.dist-info/METADATA')
  assert f'\nVersion: {realm_tf.__version__}\n' in metadata.read_text()


def test_the_wheel_has_programs_and_small_world_but_no_tests(wheel):
  package = wheel / 'realm_tf'
  assert (package / 'py.typed').exists()
  assert {p.name for p in wheel.iterdir() if p.suffix != '.whl'} == {
    'realm_tf',
    f'realm_tf-{realm_tf.__version__}.dist-info',
  }
  assert sorted(p.name for p in (package / 'bin').glob('*.py')) == sorted(
    p.name for p in (ROOT / 'bin').glob('*.py')
  )
  assert not list((package / 'testdata').glob('*.py'))
  for name in ('knowledge.jsonl', 'bert/model.safetensors', 'qa/test.jsonl'):
    assert (package / 'testdata' / name).exists()


def test_lists_the_programs_with_their_first_line(wheel):
  status, output, errors, seconds = realm(wheel)
  assert status == 0 and not errors and seconds < 1
  listed = output.partition('Programs:\n')[2].splitlines()
  # Benchmarks need a checkout.
  assert [line.split()[0] for line in listed] == sorted(
    cli.programs().keys() - {'benchmark'}
  )
  doc = ast.get_docstring(ast.parse((ROOT / 'bin/build_index.py').read_text()))
  assert any(line.endswith(doc.splitlines()[0]) for line in listed)


def test_names_the_version_and_the_program_that_was_meant(wheel):
  assert realm(wheel, '--version')[1] == f'realm_tf {realm_tf.__version__}\n'
  assert realm(wheel, 'build-corpus')[:3] == (
    1,
    '',
    'realm: there is no program build-corpus. Did you mean build_corpus?\n',
  )


@pytest.mark.parametrize('name', sorted(cli.programs().keys() - {'benchmark'}))
def test_programs_answer_fast_to_help_and_to_a_wrong_flag(wheel, name):
  status, output, errors, seconds = realm(wheel, name, '--help')
  assert (status, errors) == (0, '') and seconds < 1
  assert output.startswith(cli.programs()[name])
  status, output, errors, seconds = realm(wheel, name, '--nonsense=1')
  assert (status, output) == (1, '') and seconds < 1
  assert errors.startswith(f"{name}: Unknown command line flag 'nonsense'")
  assert errors.count('\n') == 1
