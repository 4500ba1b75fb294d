# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""In which precision layers compute."""

import contextlib
from collections.abc import Iterator

import tf_keras as keras


@contextlib.contextmanager
def layers_compute_in(mixed_precision: bool) -> Iterator[None]:
  """Layers made in this context compute as told, for as long as they live.

  Keras takes it from a setting of the whole process, which is as before
  afterwards: threads must not be in here with different ones at a time.

  Args:
    mixed_precision: Compute in bfloat16, with weights in float32; else all is
      float32.
  """
  policy = keras.mixed_precision.global_policy()
  keras.mixed_precision.set_global_policy(
    'mixed_bfloat16' if mixed_precision else 'float32'
  )
  try:
    yield
  finally:
    keras.mixed_precision.set_global_policy(policy)
