# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a binary says while it works."""

import contextlib
import logging as logging_lib
import pathlib
from collections.abc import Iterator

from absl import logging

from realm_tf.indexing.index_refresh import NoIndexError

_ROOT = pathlib.Path(__file__).resolve().parents[2]


class _Ours(logging_lib.Filter):
  """Lets pass what this package says, and of others only warnings."""

  def filter(self, record: logging_lib.LogRecord) -> bool:
    """Whether a log record is shown."""
    if record.levelno >= logging_lib.WARNING:
      return True
    path = pathlib.Path(record.pathname)
    ours = (_ROOT / 'realm_tf', _ROOT / 'bin')
    return any(directory in path.parents for directory in ours)


def show_messages() -> None:
  """Shows what realm_tf logs; TensorFlow and orbit only warn."""
  logging.set_verbosity(logging.INFO)
  logging.get_absl_logger().addFilter(_Ours())


@contextlib.contextmanager
def one_line_errors(binary: str) -> Iterator[None]:
  """Ends the program with one line where input, flags or files are at fault.

  With `-v=1` on the command line the traceback is logged as well.

  Raises:
    SystemExit: In place of a ValueError, OSError, FloatingPointError or
      NoIndexError.
  """
  try:
    yield
  except (ValueError, OSError, FloatingPointError, NoIndexError) as e:
    logging.debug('%s', e, exc_info=True)
    raise SystemExit(f'{binary}: {e}') from e
