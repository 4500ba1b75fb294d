# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""BERT's optimizer."""

import tf_keras as keras
from official.nlp import optimization


def default_warmup_steps(train_steps: int) -> int:
  """Warm-up of the original: a tenth, at least 100, at most 10,000 steps."""
  return min(10000, max(100, train_steps // 10))


def create_optimizer(
  learning_rate: float,
  train_steps: int,
  warmup_steps: int | None = None,
) -> keras.optimizers.legacy.Optimizer:
  """AdamW with weight decay 0.01, linear warm-up and linear decay to zero.

  Norms and biases do not decay. The optimizer does not clip when gradients
  come already summed over the replicas; the trainer clips.

  Args:
    learning_rate: The highest rate, at the end of the warm-up.
    train_steps: Where the rate arrives at zero.
    warmup_steps: Default: `default_warmup_steps(train_steps)`.
  """
  if train_steps < 1:
    raise ValueError(f'train_steps must be positive. Received: {train_steps}')
  if learning_rate < 0:
    raise ValueError(
      f'learning_rate must not be negative. Received: {learning_rate}'
    )
  if warmup_steps is None:
    warmup_steps = default_warmup_steps(train_steps)
  return optimization.create_optimizer(
    learning_rate, train_steps, warmup_steps, optimizer_type='adamw'
  )
