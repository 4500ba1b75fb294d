# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""BERT's optimizer."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras
from official.nlp import optimization

from realm_tf.configs.qa_config import QAConfig
from realm_tf.configs.realm_config import RealmConfig
from realm_tf.configs.training_config import TrainingConfig
from realm_tf.training.task import OptimizerGroup


def default_warmup_steps(train_steps: int) -> int:
  """A tenth of the steps, between 100 and 10,000, as in the original."""
  return min(10000, max(100, train_steps // 10))


class WarmUpAndDecay(keras.optimizers.schedules.LearningRateSchedule):
  """Linear warm-up, then linear decay to zero.

  The decay line starts at the peak at step 0. As in the original, the first
  update has the rate of step 1, not zero.
  """

  def __init__(self, peak: float, train_steps: int, warmup_steps: int):
    super().__init__()
    self.peak = peak
    self.train_steps = train_steps
    self.warmup_steps = warmup_steps

  def __call__(self, step: tf.Tensor | int) -> tf.Tensor:
    """Learning rate, float32, of the update after `step` updates."""
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
  """AdamW without bias correction, as in BERT.

  The base class corrects the moments, despite its documentation.
  """

  def _prepare_local(
    self, var_device: str, var_dtype: tf.DType, apply_state: dict
  ) -> None:
    super()._prepare_local(var_device, var_dtype, apply_state)
    coefficients = apply_state[var_device, var_dtype]
    # The dense update corrects by the powers, the sparse one in `lr`.
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

  Norms, biases, temperatures and weights of retrieval do not decay. The trainer
  clips the gradients. With `bias_correction` Adam's moments are corrected,
  unlike in BERT and the original; it stabilizes training on few examples
  (Mosbach et al. 2021).
  """
  if warmup_steps is None:
    warmup_steps = default_warmup_steps(train_steps)
  kind = optimization.AdamWeightDecay if bias_correction else BertAdam
  return kind(
    learning_rate=WarmUpAndDecay(learning_rate, train_steps, warmup_steps),
    weight_decay_rate=0.01,
    beta_1=0.9,
    beta_2=0.999,
    epsilon=1e-6,
    exclude_from_weight_decay=[
      'LayerNorm',
      'layer_norm',
      'bias',
      'log_scale',
      'dense_weight',
      'lexical_weight',
    ],
  )


def make_groups(
  config: TrainingConfig,
  variables: Sequence[tf.Variable],
  embedder_variables: Sequence[tf.Variable] = (),
  embedder_rate: float | None = None,
  weight_variables: Sequence[tf.Variable] = (),
  weight_rate: float = 0.0,
  **options: Any,
) -> list[OptimizerGroup]:
  """Makes an optimizer for each part of a model whose rate is not 0.

  `embedder_variables` learn at `embedder_rate`, which defaults to
  `learning_rate`, and the weights of retrieval at `weight_rate`; `options` are
  those of `create_optimizer`.

  Raises:
    ValueError: All rates are 0.
  """
  if embedder_rate is None:
    embedder_rate = config.learning_rate
  steps = config.train_steps, config.warmup_steps
  groups = [
    OptimizerGroup(create_optimizer(rate, *steps, **options), part)
    for rate, part in (
      (config.learning_rate, variables),
      (embedder_rate, embedder_variables),
      (weight_rate, weight_variables),
    )
    if rate and part
  ]
  if not groups:
    raise ValueError('`learning_rate` is 0: nothing would be trained')
  return groups


def make_retrieval_groups(
  config: RealmConfig | QAConfig, model: Any
) -> list[OptimizerGroup]:
  """Makes those of a model that reads what it retrieves, by the rates of each.

  Raises:
    ValueError: All rates are 0.
  """
  return make_groups(
    config,
    model.reader_variables,
    model.embedder_variables,
    config.embedder_learning_rate,
    model.weight_variables,
    config.weight_learning_rate,
  )
