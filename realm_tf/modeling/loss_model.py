# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The base class of the models that are trained."""

import types
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras

from realm_tf.modeling.base_layers import Configurable


def masked_mean(values: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
  """The mean weighted by `mask`, or 0 where that is all zero."""
  return tf.math.divide_no_nan(
    tf.reduce_sum(values * mask), tf.reduce_sum(mask)
  )


class LossModel(Configurable, keras.Model):
  """A model that computes its own loss, for `fit` and for `StepTrainer`.

  `compile` takes an optimizer and neither loss nor metrics. `fit` and
  `evaluate` take a `tf.data.Dataset` of feature dicts; metrics are averaged
  over examples.
  """

  def __init__(self, name: str):
    super().__init__(name=name, dtype=tf.float32)
    self.built = True
    # In a namespace, so that metrics become no part of the model's weights.
    self._means = types.SimpleNamespace(by_name={})

  def loss_and_metrics(
    self, features: Mapping[str, Any], training: bool = False
  ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """The mean loss of a batch, and scalar metrics by name."""
    raise NotImplementedError

  @property
  def metrics(self) -> list[keras.metrics.Metric]:
    """Running means of the loss and of the metrics."""
    return list(self._means.by_name.values())

  def compute_loss(
    self,
    x: Any = None,
    y: Any = None,
    y_pred: Any = None,
    sample_weight: Any = None,
    training: bool = False,
  ) -> tf.Tensor:
    """The loss of the features `x`; updates the metrics."""
    del y, y_pred, sample_weight
    loss, values = self.loss_and_metrics(x, training=training)
    rows = tf.shape(tf.nest.flatten(x)[0])[0]
    means = self._means.by_name
    for name, value in {'loss': loss, **values}.items():
      if name not in means:
        with tf.init_scope():
          means[name] = keras.metrics.Mean(name)
      means[name].update_state(value, tf.cast(rows, tf.float32))
    return loss

  def train_step(self, data: Any) -> dict[str, tf.Tensor]:
    """One step of `fit`."""
    features, _, _ = keras.utils.unpack_x_y_sample_weight(data)
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    with tf.GradientTape() as tape:
      # The optimizer adds the gradients of all replicas up.
      loss = self.compute_loss(features, training=True) / replicas
    self.optimizer.minimize(loss, self.trainable_variables, tape=tape)
    return self.get_metrics_result()

  def test_step(self, data: Any) -> dict[str, tf.Tensor]:
    """One step of `evaluate`."""
    features, _, _ = keras.utils.unpack_x_y_sample_weight(data)
    self.compute_loss(features)
    return self.get_metrics_result()
