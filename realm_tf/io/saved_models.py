# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""SavedModels that are written again and again, traced only once."""

import functools
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from realm_tf.io import atomic

VALUE = '/.ATTRIBUTES/VARIABLE_VALUE'  # How keys of variables end.
_VARIABLES = 'variables/variables'


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
  """Makes a function of a signature check the ranks of its tensors first.

  A loaded signature does not: ops of TensorFlow Text would end the process.
  """

  def check(x: tf.Tensor) -> tf.Tensor:
    return tf.ensure_shape(x, x.shape)

  @functools.wraps(function)
  def wrapped(*args: tf.Tensor, **kwargs: tf.Tensor) -> Any:
    named = {name: check(x) for name, x in kwargs.items()}
    return function(*map(check, args), **named)

  return wrapped


def trace(
  module: tf.Module, signatures: Mapping[str, Any]
) -> tuple[dict[str, bytes], dict[str, tf.Tensor | None]]:
  """Saves a module, and keeps all but the values of its variables.

  Args:
    module: Module to save.
    signatures: Its signatures.

  Returns:
    Content of files by name, without variables; and the tensors of the
    checkpoint by key, None for variables.
  """
  with atomic.scratch_directory() as root:
    tf.saved_model.save(module, str(root), signatures=dict(signatures))
    reader = tf.train.load_checkpoint(str(root / _VARIABLES))
    tensors = {
      key: None if key.endswith(VALUE) else tf.constant(reader.get_tensor(key))
      for key in sorted(reader.get_variable_to_shape_map())
    }
    files = {
      str(path.relative_to(root)): path.read_bytes()
      for path in root.rglob('*')
      # The fingerprint has a hash of the weights, which would be wrong.
      if path.is_file()
      and path.parent != root / 'variables'
      and path.name != 'fingerprint.pb'
    }
  return files, tensors


def write(
  directory: pathlib.Path,
  files: Mapping[str, bytes],
  tensors: Mapping[str, tf.Tensor | tf.Variable],
) -> None:
  """Writes what `trace` returned with values of variables; not atomically."""
  for name, content in files.items():
    (directory / name).parent.mkdir(parents=True, exist_ok=True)
    (directory / name).write_bytes(content)
  prefix = directory / _VARIABLES
  prefix.parent.mkdir(parents=True, exist_ok=True)
  tf.raw_ops.SaveV2(
    prefix=str(prefix),
    tensor_names=list(tensors),
    shape_and_slices=[''] * len(tensors),
    tensors=[tf.convert_to_tensor(x) for x in tensors.values()],
  )
