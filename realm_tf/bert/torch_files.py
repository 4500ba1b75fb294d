# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads the tensors of a `pytorch_model.bin` without PyTorch, safely.

Such a file is a zip of raw arrays and a pickle that describes the tensors.
Since a pickle can run any program, only tensors and ordered dicts are allowed.
"""

import collections
import dataclasses
import os
import pickle
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

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
# Errors of a pickle that does not hold tensors.
_BROKEN = (
  pickle.UnpicklingError,
  AttributeError,
  EOFError,
  IndexError,
  KeyError,
  TypeError,
  ValueError,
)


@dataclasses.dataclass(frozen=True)
class _Storage:
  """A raw array in the zip: type in PyTorch, and name."""

  kind: str
  key: str


@dataclasses.dataclass(frozen=True)
class _Tensor:
  """A view of a storage."""

  storage: _Storage
  offset: int
  shape: tuple[int, ...]
  strides: tuple[int, ...]


def _rebuild_tensor(
  storage: _Storage, offset: int, shape: Any, strides: Any, *unused: Any
) -> _Tensor:
  del unused  # Gradients and hooks.
  return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _rebuild_parameter(tensor: _Tensor, *unused: Any) -> _Tensor:
  del unused
  return tensor


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
    if what != 'storage' or kind not in _STORAGES:
      raise pickle.UnpicklingError(f'unknown kind of data: {what}, {kind}')
    return _Storage(kind, str(key))


def _read(path: str, name: str, tensor: _Tensor) -> np.ndarray:
  with zipfile.ZipFile(path) as archive:
    flat = np.frombuffer(archive.read(name), _STORAGES[tensor.storage.kind])
  size = flat.itemsize
  last = tensor.offset + sum(
    (n - 1) * s for n, s in zip(tensor.shape, tensor.strides)
  )
  empty = 0 in tensor.shape
  if min((tensor.offset, *tensor.strides)) < 0 or (
    not empty and last >= flat.size
  ):
    raise ValueError(f'{path}: a tensor reaches beyond its data')
  values = np.lib.stride_tricks.as_strided(
    flat[tensor.offset :],
    tensor.shape,
    [s * size for s in tensor.strides],
    writeable=False,
  )
  if tensor.storage.kind == 'BFloat16Storage':
    values = (values.astype('<u4') << 16).view('<f4')
  return values


def read_tensors(
  path: str | os.PathLike,
) -> Iterator[tuple[str, Callable[[], np.ndarray]]]:
  """Yields the name of each tensor and a function that reads it.

  Args:
    path: File of `torch.save(model.state_dict())`, PyTorch 1.6 or later.

  Raises:
    ValueError: It is another kind of file, or holds more than tensors.
  """
  path = os.fspath(path)
  try:
    with zipfile.ZipFile(path) as archive:
      names = archive.namelist()
      pickled = next((n for n in names if n.endswith('data.pkl')), None)
      if pickled is None:
        raise ValueError('not written by PyTorch: no data.pkl in it')
      prefix = pickled.removesuffix('data.pkl')
      if f'{prefix}byteorder' in names:
        order = archive.read(f'{prefix}byteorder')
        if order != b'little':
          raise ValueError(f'written with byte order {order!r}')
      with archive.open(pickled) as f:
        found = _Unpickler(f).load()
  except zipfile.BadZipFile as e:
    raise ValueError(
      f'{path}: not a zip as PyTorch writes it since version 1.6; write it'
      ' again as model.safetensors'
    ) from e
  except _BROKEN as e:
    raise ValueError(f'{path}: refused: {e}') from e
  if not isinstance(found, dict):
    raise ValueError(f'{path}: not a dict of tensors')
  for name, tensor in found.items():
    if not isinstance(tensor, _Tensor):
      raise ValueError(f'{path}: {name} is no tensor')
    where = f'{prefix}data/{tensor.storage.key}'
    if where not in names:
      raise ValueError(f'{path}: the data of {name} are missing')

    def read(where: str = where, tensor: _Tensor = tensor) -> np.ndarray:
      return _read(path, where, tensor)

    yield str(name), read
