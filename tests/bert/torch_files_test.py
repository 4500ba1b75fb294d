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


def _doubled(times):
  """A pair of two of a pair of two of ..., as the key of a dict."""
  pickled = b'\x80\x02X\x01\x00\x00\x00aq\x00'
  for i in range(times):
    pickled += b'h%ch%c\x86q%c' % (i, i, i + 1)
  return pickled + b'}h%cK\x01s.' % times


@pytest.mark.parametrize(
  'pickled, reason',
  [
    # A string that is doubled 40 times: as the key of a storage, of a dict.
    (_doubled(40), 'not only tensors are used twice'),
    (b'\x80\x02}X\x01\x00\x00\x00a' + b'2\x86' * 40 + b's.', 'DUP is not'),
    # A memo of 2 billion places; 5 MB of pickle.
    (b'\x80\x02}r\xff\xff\xff\x7f.', 'memo is too large'),
    (pickle.dumps({'a' * (5 << 20): 1}, 2), 'has over 4 MB'),
  ],
  ids=['doubled', 'on_stack', 'memo', 'large'],
)
def test_nothing_grows(tmp_path, pickled, reason):
  write(tmp_path / 'model.bin', pickled)
  with pytest.raises(ValueError, match=reason):
    read(tmp_path / 'model.bin')


def _tensor(shape, strides):
  """A pickle as PyTorch writes it, of one tensor over four numbers."""
  sizes = [
    b''.join(b'\x8a\x08' + n.to_bytes(8, 'little') for n in numbers)
    for numbers in (shape, strides)
  ]
  kind = b'X\x0c\x00\x00\x00FloatStorage'
  storage = b'(X\x07\x00\x00\x00storage' + kind + b'X\x01\x00\x00\x000tQ'
  call = b'ctorch._utils\n_rebuild_tensor_v2\n(' + storage + b'K\x00'
  call += b''.join(b'(' + its + b't' for its in sizes) + b'tR'
  return b'\x80\x02}X\x01\x00\x00\x00a' + call + b's.'


def test_a_tensor_is_no_larger_than_its_data(tmp_path):
  path = tmp_path / 'model.bin'
  data = np.arange(4, dtype=np.float32).tobytes()
  write(path, _tensor((2, 2), (1, 2)), **{'data/0': data})
  assert read(path)['a'].tolist() == [[0, 2], [1, 3]]
  write(path, _tensor((10**11,), (0,)), **{'data/0': data})
  with pytest.raises(ValueError, match='a has 100,000,000,000 numbers'):
    read(path)
  with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
    archive.writestr('x/data.pkl', _tensor((2, 2), (1, 2)))
    archive.writestr('x/data/0', data)
  with pytest.raises(ValueError, match='is compressed'):
    read(path)
