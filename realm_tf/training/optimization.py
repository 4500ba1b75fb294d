# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""BERT's optimizer."""

from typing import Any

import tensorflow as tf
import tf_keras as keras
from official.nlp import optimization


def default_warmup_steps(train_steps: int) -> int:
  """Warm-up of the original: a tenth, at least 100, at most 10,000 steps."""
  return min(10000, max(100, train_steps // 10))


class WarmUpAndDecay(keras.optimizers.schedules.LearningRateSchedule):
  """Rises linearly, then stands on a line from the peak at 0 to zero.

  As in the original an update is counted before it is made: the first one has
  the rate of step 1, and not a rate of zero.
  """

  def __init__(self, peak: float, train_steps: int, warmup_steps: int):
    super().__init__()
    self.peak = peak
    self.train_steps = train_steps
    self.warmup_steps = warmup_steps

  def __call__(self, step: tf.Tensor | int) -> tf.Tensor:
    """The rate, float32, of the update after `step` of them."""
    count = tf.cast(step, tf.float32) + 1
    left = 1 - tf.minimum(count / self.train_steps, 1)
    warm = count / max(self.warmup_steps, 1)
    return self.peak * tf.where(count < self.warmup_steps, warm, left)

  def get_config(self) -> dict[str, Any]:
    """The arguments of the constructor."""
    return {
      'peak': self.peak,
      'train_steps': self.train_steps,
      'warmup_steps': self.warmup_steps,
    }


class BertAdam(optimization.AdamWeightDecay):
  """AdamW whose moments are not corrected for their start at zero.

  The base class says that it matches BERT's, but it corrects them.
  """

  def _prepare_local(
    self, var_device: str, var_dtype: tf.DType, apply_state: dict
  ) -> None:
    super()._prepare_local(var_device, var_dtype, apply_state)
    coefficients = apply_state[var_device, var_dtype]
    # The dense update corrects by the powers, the sparse one has it in `lr`.
    nothing = tf.zeros([], var_dtype)
    coefficients.update(
      lr=coefficients['lr_t'], beta_1_power=nothing, beta_2_power=nothing
    )


def create_optimizer(
  learning_rate: float,
  train_steps: int,
  warmup_steps: int | None = None,
  *,
  bias_correction: bool = False,
) -> keras.optimizers.legacy.Optimizer:
  """AdamW with weight decay 0.01, linear warm-up and linear decay to zero.

  Norms and biases do not decay. The optimizer does not clip when gradients
  come already summed over the replicas; the trainer clips.

  Args:
    learning_rate: The highest rate, at the end of the warm-up.
    train_steps: Where the rate arrives at zero.
    warmup_steps: Default: `default_warmup_steps(train_steps)`.
    bias_correction: Whether Adam's moments are corrected, which BERT and the
      original leave out. It makes trainings on few examples steadier
      (Mosbach et al. 2021).

  Raises:
    ValueError: A number is out of its range.
  """
  if train_steps < 1:
    raise ValueError(f'train_steps must be positive. Received: {train_steps}')
  if learning_rate < 0:
    raise ValueError(
      f'learning_rate must not be negative. Received: {learning_rate}'
    )
  if warmup_steps is None:
    warmup_steps = default_warmup_steps(train_steps)
  kind = optimization.AdamWeightDecay if bias_correction else BertAdam
  return kind(
    learning_rate=WarmUpAndDecay(learning_rate, train_steps, warmup_steps),
    weight_decay_rate=0.01,
    beta_1=0.9,
    beta_2=0.999,
    epsilon=1e-6,
    exclude_from_weight_decay=['LayerNorm', 'layer_norm', 'bias'],
  )
