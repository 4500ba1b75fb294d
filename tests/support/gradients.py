# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Compares gradients with finite differences."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
import tensorflow as tf


def check_finite_differences(
  parts: Mapping[str, Sequence[tf.Variable]],
  gradients: Mapping[str, Sequence[tf.Tensor]],
  loss: Callable[[], tf.Tensor],
  *,
  step: float,
  atol: float,
) -> None:
  """Checks gradients along random directions.

  Args:
    parts: Variables by the name of their part.
    gradients: Gradients of the same variables.
    loss: Computes the loss.
    step: Step, small enough for the curvature and large enough for float32.
    atol: Absolute tolerance of the slopes.
  """
  rng = np.random.default_rng(4)
  for part, variables in parts.items():
    found = [tf.convert_to_tensor(g).numpy() for g in gradients[part]]
    assert max(np.abs(g).max() for g in found) > 1e-3, part
    for _ in range(3):
      along = [
        rng.standard_normal(v.shape).astype(np.float32) for v in variables
      ]
      expected = sum(float((g * d).sum()) for g, d in zip(found, along))
      before = [v.numpy() for v in variables]
      losses = []
      for signed in (step, -step):
        for variable, value, d in zip(variables, before, along):
          variable.assign(value + signed * d)
        losses.append(float(loss()))
      for variable, value in zip(variables, before):
        variable.assign(value)
      slope = (losses[0] - losses[1]) / (2 * step)
      assert slope == pytest.approx(expected, rel=0.02, abs=atol), part
