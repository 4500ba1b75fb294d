# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads the tensors of a `pytorch_model.bin` without PyTorch, safely.

Such a file is a zip of raw arrays and a pickle that describes the tensors.
Since a pickle can run any program, only tensors and ordered dicts are allowed,
and nothing that is larger in memory than in the file.
"""

import collections
import functools
import io
import math
import os
import pickle
import pickletools
import zipfile
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from realm_tf.io import faults

# bfloat16 is read as bits, because NumPy has no such type.
_STORAGES = {
  'DoubleStorage': '<f8',
  'FloatStorage': '<f4',
  'HalfStorage': '<f2',
  'BFloat16Storage': '<u2',
  'LongStorage': '<i8',
  'IntStorage': '<i4',
  'ShortStorage': '<i2',
  'CharStorage': 'i1',
  'ByteStorage': 'u1',
  'BoolStorage': '?',
}
# Bytes of a pickle that describes tensors: 100 each.
_MAX_PICKLE = 4 << 20
# Ops of a pickle of tensors. Others could copy what is on the stack.
_OPS = {
  *('PROTO', 'FRAME', 'STOP', 'MARK', 'GLOBAL', 'STACK_GLOBAL', 'BINPERSID'),
  *('REDUCE', 'BUILD', 'BINPUT', 'LONG_BINPUT', 'MEMOIZE', 'BINGET'),
  *('LONG_BINGET', 'EMPTY_DICT', 'EMPTY_LIST', 'EMPTY_TUPLE', 'SETITEM'),
  *('SETITEMS', 'APPEND', 'APPENDS', 'TUPLE', 'TUPLE1', 'TUPLE2', 'TUPLE3'),
  *('NONE', 'NEWTRUE', 'NEWFALSE', 'BININT', 'BININT1', 'BININT2', 'LONG1'),
  *('BINFLOAT', 'BINUNICODE', 'SHORT_BINUNICODE'),
}
_PUTS, _GETS = ('BINPUT', 'LONG_BINPUT'), ('BINGET', 'LONG_BINGET')
# What may be used twice: anything else could be doubled without end.
_SHARED = ('BINUNICODE', 'SHORT_BINUNICODE', 'GLOBAL', 'STACK_GLOBAL', 'REDUCE')


class _Storage(NamedTuple):
  """A raw array in the zip: type in PyTorch, and name."""

  kind: str
  key: str


class _Tensor(NamedTuple):
  """A view of a storage."""

  storage: _Storage
  offset: int
  shape: tuple[int, ...]
  strides: tuple[int, ...]


def _rebuild_tensor(
  storage: _Storage, offset: int, shape: Any, strides: Any, *unused: Any
) -> _Tensor:
  del unused  # Gradients and hooks.
  numbers = (offset, *shape, *strides)
  if not isinstance(storage, _Storage) or len(shape) != len(strides):
    raise pickle.UnpicklingError('a tensor is not described as one')
  if not all(type(n) is int and 0 <= n < 1 << 62 for n in numbers):
    raise pickle.UnpicklingError('the sizes of a tensor are no sizes')
  return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _rebuild_parameter(tensor: Any, *unused: Any) -> _Tensor:
  del unused
  if not isinstance(tensor, _Tensor):
    raise pickle.UnpicklingError('a parameter is no tensor')
  return tensor


def _check_ops(pickled: bytes) -> None:
  """Refuses a pickle that could grow beyond its own size when it is loaded."""
  memo: dict[int, str] = {}
  before = ''
  for op, found, _ in pickletools.genops(pickled):
    argument: Any = found
    if op.name not in _OPS:
      raise pickle.UnpicklingError(f'{op.name} is not allowed in weights')
    if op.name in _PUTS or op.name == 'MEMOIZE':
      number = len(memo) if op.name == 'MEMOIZE' else argument
      if number > len(pickled):
        raise pickle.UnpicklingError('a number of its memo is too large')
      memo[number] = before
    elif op.name in _GETS and memo.get(argument) not in _SHARED:
      raise pickle.UnpicklingError('not only tensors are used twice')
    before = op.name


class _Unpickler(pickle.Unpickler):
  """Allows nothing but a dict of tensors."""

  def find_class(self, module: str, name: str) -> Any:
    """Finds a class or function of the pickle, or refuses it."""
    allowed: dict[tuple[str, str], Any] = {
      ('collections', 'OrderedDict'): collections.OrderedDict,
      ('torch._utils', '_rebuild_tensor_v2'): _rebuild_tensor,
      ('torch._utils', '_rebuild_parameter'): _rebuild_parameter,
    }
    if module == 'torch' and name in _STORAGES:
      return name
    if (module, name) not in allowed:
      raise pickle.UnpicklingError(f'{module}.{name} is not allowed in weights')
    return allowed[module, name]

  def persistent_load(self, pid: Any) -> _Storage:
    """Makes a storage that the pickle refers to."""
    what, kind, key = pid[:3]
    if not all(isinstance(part, str) for part in (what, kind, key)):
      raise pickle.UnpicklingError('the data of a tensor are not named')
    if what != 'storage' or kind not in _STORAGES:
      raise pickle.UnpicklingError(f'unknown kind of data: {what}, {kind}')
    return _Storage(kind, key)


def _read(path: str, where: str, name: str, tensor: _Tensor) -> np.ndarray:
  with faults.naming(path):
    with zipfile.ZipFile(path) as archive:
      flat = np.frombuffer(archive.read(where), _STORAGES[tensor.storage.kind])
    size = flat.itemsize
    last = tensor.offset + sum(
      (n - 1) * s for n, s in zip(tensor.shape, tensor.strides)
    )
    count = math.prod(tensor.shape)
    if count and (last >= flat.size or count > flat.size):
      raise ValueError(
        f'{name} has {count:,} numbers, which reaches beyond its data of'
        f' {flat.size:,}'
      )
    values = np.lib.stride_tricks.as_strided(
      flat[tensor.offset :],
      tensor.shape,
      [s * size for s in tensor.strides],
      writeable=False,
    )
    if tensor.storage.kind == 'BFloat16Storage':
      values = (values.astype('<u4') << 16).view('<f4')
    return values


def _entry(archive: zipfile.ZipFile, name: str) -> bytes:
  if archive.getinfo(name).file_size > _MAX_PICKLE:
    raise ValueError(f'{name} in it has over {_MAX_PICKLE >> 20} MB')
  return archive.read(name)


def read_tensors(
  path: str | os.PathLike,
) -> Iterator[tuple[str, Callable[[], np.ndarray]]]:
  """Yields the name of each tensor and a function that reads it.

  Args:
    path: File of `torch.save(model.state_dict())`, PyTorch 1.6 or later.

  Raises:
    ValueError: It is another kind of file, holds more than tensors, or would
      be larger in memory than it is.
  """
  path = os.fspath(path)
  with faults.naming(path):
    found, entries = _unpickle(path)
    if not isinstance(found, dict):
      raise ValueError('not a dict of tensors')
    for name, tensor in found.items():
      if not isinstance(name, str) or not isinstance(tensor, _Tensor):
        raise ValueError(f'refused: {str(name)[:80]} is no tensor')
      if tensor.storage.key not in entries:
        raise ValueError(f'the data of {name} are missing')
  for name, tensor in found.items():
    where = entries[tensor.storage.key]
    yield name, functools.partial(_read, path, where, name, tensor)


def _unpickle(path: str) -> tuple[Any, dict[str, str]]:
  """Returns what is pickled, and the names of the data in the zip by key."""
  try:
    archive = zipfile.ZipFile(path)
  except zipfile.BadZipFile as e:
    raise ValueError(
      'not a zip as PyTorch writes it since version 1.6; write it again as'
      ' model.safetensors'
    ) from e
  with archive:
    sizes = {info.filename: info for info in archive.infolist()}
    pickled = next((n for n in sizes if n.endswith('data.pkl')), None)
    if pickled is None:
      raise ValueError('not written by PyTorch: no data.pkl in it')
    prefix = pickled.removesuffix('data.pkl')
    if f'{prefix}byteorder' in sizes:
      order = _entry(archive, f'{prefix}byteorder')
      if order != b'little':
        raise ValueError(f'written with byte order {order[:9]!r}')
    for name, info in sizes.items():
      if info.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f'{name} in it is compressed, as PyTorch never does')
    content = _entry(archive, pickled)
  try:
    _check_ops(content)
    found = _Unpickler(io.BytesIO(content)).load()
  except Exception as e:
    # A broken pickle may raise any error.
    raise ValueError(f'refused: {faults.text_of(e)}') from e
  return found, {n.removeprefix(f'{prefix}data/'): n for n in sizes}
