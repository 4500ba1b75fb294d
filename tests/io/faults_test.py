# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import errno
import json
import zipfile

import pytest
import tensorflow as tf

from realm_tf.corpus.document import CorpusError
from realm_tf.io import faults


class _TwoLinesError(Exception):
  message = '{{node x}} two\nlines \x1b [Op:Y] name: z'


@pytest.mark.parametrize(
  'error, text',
  [
    (KeyError('kind'), "f: no 'kind'"),
    (RecursionError('maximum'), 'f: nested too deeply'),
    (MemoryError(), 'f: too large for the memory'),
    (UnicodeDecodeError('utf-8', b'\xff', 0, 1, ''), 'g: not UTF-8 at byte 0'),
    (json.JSONDecodeError('Expecting', '{', 1), 'f: not JSON: Expecting'),
    (zipfile.BadZipFile('no zip'), 'f: no zip'),
    (tf.errors.DataLossError(None, None, 'lost'), 'f: lost'),
    (_TwoLinesError(), 'f: two lines ?'),
    (ValueError('f:3: bad'), 'f:3: bad'),
    (EOFError(), 'f: EOFError'),
    (ValueError('x' * 999), f'f: {"x" * 300} ...'),
  ],
)
def test_one_line_names_the_file(error, text):
  with pytest.raises(ValueError) as e, faults.naming(text[0]):
    raise error
  assert str(e.value) == text


def test_types_of_errors(tmp_path):
  path = tmp_path / 'no'
  with pytest.raises(FileNotFoundError, match='/no'), faults.naming('f'):
    path.read_text()
  with pytest.raises(OSError, match='f') as e, faults.naming('f'):
    raise OSError(errno.ENOSPC, 'full')
  assert e.value.errno == errno.ENOSPC
  with (
    pytest.raises(CorpusError, match='^`x`: f: No such file'),
    faults.naming('`x`: f', CorpusError),
  ):
    path.read_text()
  with pytest.raises(KeyboardInterrupt), faults.naming('f'):
    raise KeyboardInterrupt
