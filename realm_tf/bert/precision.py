# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The precision that layers compute in."""

import contextlib
import functools
import pathlib
from collections.abc import Iterator

import tensorflow as tf
import tf_keras as keras
from absl import logging

_UNITS = {'avx512_bf16', 'amx_bf16', 'bf16'}


@contextlib.contextmanager
def policy_scope(name: str | None) -> Iterator[None]:
  """Layers made in this scope have a Keras precision policy for good.

  Keras's setting is global, so threads must not use different policies at the
  same time. It is restored afterwards.

  Args:
    name: Policy, such as `mixed_bfloat16`. None changes nothing.
  """
  policy = keras.mixed_precision.global_policy()
  keras.mixed_precision.set_global_policy(name or policy)
  try:
    yield
  finally:
    keras.mixed_precision.set_global_policy(policy)


def has_bfloat16(cpuinfo: str = '/proc/cpuinfo') -> bool:
  """Whether this machine multiplies in bfloat16, as far as the system says."""
  if tf.config.list_physical_devices('GPU'):
    return True
  try:
    text = pathlib.Path(cpuinfo).read_text(encoding='utf-8')
  except OSError:
    return True
  # Of x86 and ARM.
  return not _UNITS.isdisjoint(text.split())


@functools.cache
def _warn_where_slow() -> None:
  if not has_bfloat16():
    logging.warning(
      'mixed precision is slower than float32 here: this processor does not'
      ' multiply in bfloat16'
    )


def mixed_precision_scope(
  mixed_precision: bool,
) -> contextlib.AbstractContextManager[None]:
  """Layers made in this scope compute in bfloat16 if `mixed_precision` is set.

  Their weights are float32 in either case.
  """
  if mixed_precision:
    _warn_where_slow()
  return policy_scope('mixed_bfloat16' if mixed_precision else 'float32')
