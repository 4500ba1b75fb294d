# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the cores can do at most, beside which the other figures stand."""

import dataclasses
import functools
from typing import Any

import tensorflow as tf

from benchmarks import timing


@dataclasses.dataclass(frozen=True)
class Settings:
  """How it is measured.

  Attributes:
    size: Rows and columns of the matrices that are multiplied.
    repeats: Times it is done.
  """

  size: int = 4096
  repeats: int = 7


def _wait(function: Any, matrix: tf.Tensor) -> None:
  function(matrix).numpy()


def measure(settings: Settings) -> dict[str, float]:
  """Multiplies square matrices.

  Returns:
    `gigaflops_per_second` in float32, and the same in bfloat16.
  """
  work = 2 * settings.size**3 / 1e9
  figures = {}
  for dtype, prefix in ((tf.float32, ''), (tf.bfloat16, 'bfloat16_')):
    matrix = tf.cast(tf.random.normal([settings.size] * 2, seed=0), dtype)
    multiply = tf.function(lambda m: tf.reduce_sum(m @ m))
    seconds = timing.time_repeats(
      functools.partial(_wait, multiply, matrix), settings.repeats
    )
    rates = timing.rate(work, seconds, 'gigaflops')
    figures.update({prefix + name: value for name, value in rates.items()})
  return figures
