# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = '''\
"""Says what it is for.

And more.
"""
import dataclasses
import logging as other_logging
import sys
from absl import logging
from bin import config_flags, program
from realm_tf.io import progress

@dataclasses.dataclass
class Config:
  """Config.

  Attributes:
    seq_len: Length.
    fault: Kind of error.
  """
  seq_len: int = 3
  fault: str = ''

config_flags.define(Config)

def main():
  config = config_flags.make(Config)
  other_logging.getLogger('tensorflow').warning('noise')
  # As if a module of the package said it.
  logger = logging.get_absl_logger()
  for level, text in ((20, 'news'), (30, 'trouble')):
    record = (logger.name, level, progress.__file__, 1, text, (), None)
    logger.handle(logger.makeRecord(*record))
  if config.fault == 'value':
    raise ValueError(f'`seq_len` is {config.seq_len}, which `x` forbids')
  if config.fault == 'file':
    raise FileNotFoundError('data/x is not there')
  if config.fault == 'bug':
    raise KeyError('a mistake')
  if config.fault == 'interrupt':
    raise KeyboardInterrupt
  print('tensorflow' in sys.modules)

if __name__ == '__main__':
  program.run(main)
'''


@pytest.fixture(scope='module')
def call(tmp_path_factory):
  path = tmp_path_factory.mktemp('program') / 'toy.py'
  path.write_text(PROGRAM)

  def run(*arguments, stdout=subprocess.PIPE):
    done = subprocess.run(
      [sys.executable, path, *arguments],
      env={'PYTHONPATH': str(ROOT)},
      stdout=stdout,
      stderr=subprocess.PIPE,
      text=True,
      check=False,
    )
    return done.returncode, done.stdout, done.stderr

  return run


def test_messages_of_this_package_are_shown_as_they_are(call):
  assert call() == (
    0,
    'False\n',
    'news\nwarning: trouble\n',
  )


@pytest.mark.parametrize('flag', ['-v', '-v=1', '--verbosity=1'])
def test_verbose_shows_everything(call, flag):
  code, _, errors = call(flag, '--fault=value')
  assert code == 1
  assert 'noise' in errors and 'progress.py:1] news' in errors
  assert 'Traceback' in errors
  assert errors.endswith('toy: --seq_len is 3, which `x` forbids\n')


@pytest.mark.parametrize(
  'arguments, message',
  [
    (['--fault=value'], '--seq_len is 3, which `x` forbids'),
    (['--fault=file'], 'data/x is not there'),
    (['a', 'b'], 'these are no flags: a b'),
    (
      ['--seq_lem=4'],
      "Unknown command line flag 'seq_lem'. Did you mean: seq_len ?"
      ' (--help shows the flags)',
    ),
  ],
)
def test_one_line_instead_of_a_traceback(call, arguments, message):
  code, output, errors = call(*arguments)
  assert (code, output) == (1, '')
  assert errors.removeprefix('news\nwarning: trouble\n') == f'toy: {message}\n'


def test_a_mistake_of_ours_keeps_its_traceback(call):
  code, _, errors = call('--fault=bug')
  assert code == 1 and 'Traceback' in errors


def test_who_interrupts_sees_no_traceback(call):
  code, _, errors = call('--fault=interrupt')
  assert code == 130 and errors.endswith('toy: stopped\n')
  assert 'Traceback' not in errors


def test_whoever_reads_the_beginning_of_the_help_sees_no_traceback(call):
  reader, writer = os.pipe()
  os.close(reader)
  done = call('--help', stdout=writer)
  os.close(writer)
  assert done == (1, None, '')


def test_help_is_the_docstring_and_the_flags_of_the_program(call):
  code, output, _ = call('--help')
  assert code == 0
  assert output.startswith('Says what it is for.\n\nAnd more.\n')
  assert '--seq_len: Length.' in output and '--fault' in output
