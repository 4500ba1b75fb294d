# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs a binary: flags first, a quiet TensorFlow, errors in one line.

What the library logs is printed as it is, above the progress bar if there is
one. `-v` shows what everybody logs, with time and place, and tracebacks.
"""

import logging as logging_lib
import os
import pathlib
import re
import sys
import warnings
from collections.abc import Callable

from absl import app, flags, logging

import realm_tf
from realm_tf.io import faults, progress

from . import config_flags

_OURS = {
  pathlib.Path(file).resolve().parent for file in (realm_tf.__file__, __file__)
}
# Input, flags or files are at fault, not the program.
_EXPECTED = (ValueError, OSError, FloatingPointError, app.UsageError)


class _Handler(logging_lib.StreamHandler):
  """Prints messages of this package, and errors of others."""

  def __init__(self):
    super().__init__(sys.stderr)
    self.addFilter(
      lambda record: (
        record.levelno >= logging_lib.ERROR
        or not _OURS.isdisjoint(pathlib.Path(record.pathname).parents)
      )
    )

  def emit(self, record: logging_lib.LogRecord) -> None:
    text = record.getMessage()
    if record.levelno >= logging_lib.WARNING:
      text = f'{record.levelname.lower()}: {text}'
    progress.write(text)


def is_verbose() -> bool:
  """Whether everything is shown."""
  return flags.FLAGS.verbosity > 0


def _start() -> None:
  """Decides what is shown; before TensorFlow is imported."""
  if is_verbose():
    return
  os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
  warnings.filterwarnings('ignore', message='pkg_resources is deprecated')
  root = logging_lib.getLogger()
  root.removeHandler(logging.get_absl_handler())
  root.addHandler(_Handler())


def _parse(argv: list[str]) -> list[str]:
  """Parses the command line; returns what is no flag.

  Raises:
    SystemExit: A flag is wrong, or help was asked for.
  """
  config_flags.name_flags_in_help()
  # A bare -v is `-v=1`.
  argv = [
    '-v=1' if a == '-v' and not re.match(r'-?\d+$', b) else a
    for a, b in zip(argv, [*argv[1:], ''])
  ]
  try:
    return flags.FLAGS(argv)
  except flags.Error as e:
    missing = re.match(
      r'flag --(\w+)=None: Flag --\w+ must have a value', str(e)
    )
    said = f'give --{missing[1]}' if missing else e
    raise app.UsageError(f'{said} (--help shows the flags)') from e
  except SystemExit as e:  # absl ends with 1 after --help.
    sys.stdout.flush()
    raise SystemExit(0) from e


def run(main: Callable[..., None]) -> None:
  """Parses the flags, runs `main`, and ends the process.

  A ValueError, OSError, FloatingPointError or UsageError ends it with status 1
  and one line, in which `` `field` `` is the flag of that config field.

  Args:
    main: Function of the binary. Imports TensorFlow, if at all, when called.
      If it has a parameter, it gets the list of arguments that are no flags;
      otherwise there must be none.
  """
  name = pathlib.Path(main.__code__.co_filename).stem

  def call(argv: list[str]) -> None:
    try:
      arguments = [argv[1:]] if main.__code__.co_argcount else []
      if not arguments and len(argv) > 1:
        raise app.UsageError(f'these are no flags: {" ".join(argv[1:])}')
      _start()
      with faults.named_errors():
        main(*arguments)
    except _EXPECTED as e:
      logging.debug('%s', e, exc_info=True)
      raise SystemExit(f'{name}: {config_flags.name_flags(str(e))}') from e
    except KeyboardInterrupt as e:
      print(f'{name}: stopped', file=sys.stderr)
      raise SystemExit(130) from e

  try:
    app.run(call, flags_parser=_parse)
  except app.UsageError as e:
    raise SystemExit(f'{name}: {e}') from e
  except BrokenPipeError as e:  # `--help | head`. Flushed again at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(1) from e
