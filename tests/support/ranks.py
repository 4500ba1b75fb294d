# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Calls signatures of loaded SavedModels with tensors of a wrong rank."""

import pytest
import tensorflow as tf


def check_ranks(module) -> None:
  """Checks that each signature names the input whose rank is wrong."""
  for signature in module.signatures.values():
    specs = signature.structured_input_signature[1]
    right = {
      name: tf.zeros([size or 1 for size in spec.shape], spec.dtype)
      for name, spec in specs.items()
    }
    for name, spec in specs.items():
      for rank in {0, 1, 2, 3} - {spec.shape.rank}:
        wrong = tf.zeros([1] * rank, spec.dtype)
        with pytest.raises(
          tf.errors.InvalidArgumentError, match=f'Shape of tensor {name} '
        ):
          signature(**{**right, name: wrong})
