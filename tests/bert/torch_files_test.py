# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import os
import pickle
import zipfile

import numpy as np
import pytest

from realm_tf.bert import torch_files
from tests.support import original_files

FILE = original_files.HUGGING_FACE / 'tensors.bin'


def read(path):
  return {name: tensor() for name, tensor in torch_files.read_tensors(path)}


def test_tensors_of_all_kinds():
  found = read(FILE)
  base = np.arange(12, dtype=np.float32).reshape(3, 4)
  expected = {
    'float32': base,
    'transposed': base.T,
    'slice': base[1:, 1:3],
    'scalar': np.float32(2.5),
    'parameter': base + 1,
    'float64': base.astype(np.float64) / 3,
    'float16': (base / 4).astype(np.float16),
    'bfloat16': base / 2,
    'int64': np.arange(5),
    'bool': base > 5,
    'empty': np.zeros([0, 3], np.float32),
  }
  assert found.keys() == expected.keys()
  for name, value in expected.items():
    np.testing.assert_array_equal(found[name], value, name)
    assert found[name].dtype == value.dtype, name


class Evil:
  def __reduce__(self):
    return os.system, ('touch /tmp/realm_tf_was_here',)


def write(path, pickled, **entries):
  with zipfile.ZipFile(path, 'w') as archive:
    archive.writestr('x/data.pkl', pickled)
    for name, data in entries.items():
      archive.writestr(f'x/{name}', data)


@pytest.mark.parametrize(
  'pickled, reason',
  [
    (pickle.dumps({'a': Evil()}), r'(posix|nt)\.system is not allowed'),
    (pickle.dumps(np.float64), 'numpy.* is not allowed'),
    (pickle.dumps({'a': 1}), 'a is no tensor'),
    (pickle.dumps([1]), 'not a dict'),
    (b'no pickle', 'refused'),
    (b'\x80\x04', 'refused'),
  ],
)
def test_refuses_all_else(tmp_path, pickled, reason):
  write(tmp_path / 'model.bin', pickled)
  with pytest.raises(ValueError, match=reason) as e:
    read(tmp_path / 'model.bin')
  assert str(tmp_path / 'model.bin') in str(e.value)


def test_refuses_what_is_no_such_zip(tmp_path):
  path = tmp_path / 'model.bin'
  path.write_bytes(b'\x80\x02\x8a\nl\xfc')  # Before PyTorch 1.6.
  with pytest.raises(ValueError, match='write it again as model.safetensors'):
    read(path)
  with zipfile.ZipFile(path, 'w') as archive:
    archive.writestr('readme', 'hello')
  with pytest.raises(ValueError, match='no data.pkl'):
    read(path)


def test_a_tensor_must_lie_in_its_data(tmp_path):
  # The real file with the arrays cut short.
  with zipfile.ZipFile(FILE) as archive:
    entries = {n: archive.read(n) for n in archive.namelist()}
  with zipfile.ZipFile(tmp_path / 'model.bin', 'w') as archive:
    for name, data in entries.items():
      archive.writestr(name, data[:16] if '/data/' in name else data)
  with pytest.raises(ValueError, match='reaches beyond its data'):
    read(tmp_path / 'model.bin')
