# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What every layer and model owes to Keras."""

import json
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras


def _pairs(found: Any, expected: Any) -> list[tuple[Any, Any]]:
  return list(
    zip(tf.nest.flatten(found), tf.nest.flatten(expected), strict=True)
  )


def _equal(found: Any, expected: Any, atol: float) -> None:
  for x, y in _pairs(found, expected):
    np.testing.assert_allclose(x, y, atol=atol)


def check(
  make: Callable[..., Any],
  arguments: list[Any],
  num_weights: int,
  directory: pathlib.Path,
  **mixed: Any,
) -> None:
  """Checks config, weights, saving and mixed precision.

  Args:
    make: Makes the layer or model, given `seed` and `mixed`.
    arguments: What it is called with, eagerly and in a functional model.
    num_weights: How many weights it has.
    directory: For the files.
    **mixed: What makes it compute in bfloat16.
  """
  layer = make(seed=3)
  expected = layer(*arguments)
  assert len(layer.weights) == num_weights

  config = json.loads(json.dumps(layer.get_config()))
  copy = type(layer).from_config(config)
  assert json.loads(json.dumps(copy.get_config())) == config
  _equal(copy(*arguments), expected, 1e-6)  # By the seed.

  model = layer
  if not isinstance(layer, keras.Model):
    inputs = tf.nest.map_structure(
      lambda x: keras.Input(x.shape[1:], dtype=x.dtype), arguments
    )
    model = keras.Model(inputs, layer(*inputs))
    _equal(model(arguments), expected, 1e-5)
  rng = np.random.default_rng(0)
  for variable in layer.variables:
    variable.assign_add(0.1 * rng.standard_normal(variable.shape))
  expected = layer(*arguments)
  path = directory / 'model.keras'
  model.save(path)
  loaded = keras.models.load_model(path)
  given = arguments[0] if model is layer else arguments
  _equal(loaded(given), expected, 1e-5)

  model.save_weights(directory / 'only.weights.h5')
  other = type(model).from_config(model.get_config())
  other.load_weights(directory / 'only.weights.h5')
  _equal(other(given), expected, 1e-5)

  if mixed:
    half = make(seed=3, **mixed)
    half.set_weights(layer.get_weights())
    found = half(*arguments)
    assert all(x.dtype == y.dtype for x, y in _pairs(found, expected))
    assert any(np.abs(x - y).max() > 0 for x, y in _pairs(found, expected))
    copy = type(layer).from_config(half.get_config())
    copy.set_weights(layer.get_weights())
    _equal(copy(*arguments), found, 1e-6)
    assert {v.dtype for v in half.variables} == {tf.float32}
