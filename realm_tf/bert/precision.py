# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The precision that layers compute in."""

import contextlib
from collections.abc import Iterator

import tf_keras as keras


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


def mixed_precision_scope(
  mixed_precision: bool,
) -> contextlib.AbstractContextManager[None]:
  """Layers made in this scope compute in bfloat16 if `mixed_precision` is set.

  Their weights are float32 in either case.
  """
  return policy_scope('mixed_bfloat16' if mixed_precision else 'float32')
