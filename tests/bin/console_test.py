# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import logging as python_logging

import pytest
from absl import logging

from bin import console
from realm_tf.indexing import index_refresh


def record(path, level):
  return python_logging.LogRecord('absl', level, path, 1, 'text', (), None)


def test_only_warnings_of_others_are_shown():
  logger = logging.get_absl_logger()
  verbosity, filters = logging.get_verbosity(), list(logger.filters)
  try:
    console.show_messages()
    assert logging.get_verbosity() == logging.INFO
    assert logger.filter(record(console.__file__, python_logging.INFO))
    other = logging.__file__
    assert not logger.filter(record(other, python_logging.INFO))
    assert logger.filter(record(other, python_logging.WARNING))
  finally:
    logging.set_verbosity(verbosity)
    logger.filters = filters


def test_one_line_instead_of_a_traceback():
  with pytest.raises(SystemExit, match='^train: data/x: not there$'):
    with console.one_line_errors('train'):
      raise FileNotFoundError('data/x: not there')
  with pytest.raises(SystemExit, match='^train: there is no index$'):
    with console.one_line_errors('train'):
      raise index_refresh.NoIndexError('there is no index')
  with pytest.raises(KeyError):
    with console.one_line_errors('train'):
      raise KeyError('a mistake of ours keeps its traceback')
