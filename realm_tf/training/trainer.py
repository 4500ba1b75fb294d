# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The steps of training and evaluation, for orbit."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import orbit
import tensorflow as tf
from absl import logging

from realm_tf.training.task import Batch, ModelSpec

# Features whose last axis (tokens or spans) varies between batches.
_TOKEN_FEATURES = (
  'input_word_ids',
  'input_mask',
  'input_type_ids',
  'block_mask',
  'gold_starts',
  'gold_ends',
  'word_classes',
)


def _specs(features: Any, name: str, relax_batch: bool, relax: bool) -> Any:
  """Returns an input signature that fits all batches, from the first one."""
  if isinstance(features, Mapping):
    return {
      key: _specs(value, key, relax_batch, relax)
      for key, value in features.items()
    }
  shape = features.shape.as_list()
  if relax and name in _TOKEN_FEATURES:
    shape[-1] = None
  if relax_batch and shape:
    shape[0] = None
  return tf.TensorSpec(shape, features.dtype)


def _to_tensors(features: Any) -> Any:
  if isinstance(features, Mapping):
    return {key: _to_tensors(value) for key, value in features.items()}
  return tf.convert_to_tensor(features)


def _as_floats(metrics: Mapping[str, Any]) -> dict[str, tf.Tensor]:
  return {name: tf.cast(value, tf.float32) for name, value in metrics.items()}


def _batch_size(features: Any) -> int:
  return int(tf.nest.flatten(features)[0].shape[0])


def _replica_slice(features: Any) -> Any:
  """Returns this replica's rows of a whole batch."""
  context = tf.distribute.get_replica_context()
  replicas = context.num_replicas_in_sync
  if replicas == 1:
    return features
  replica = context.replica_id_in_sync_group

  def share(tensor: tf.Tensor) -> tf.Tensor:
    rows = tf.shape(tensor)[0] // replicas
    part = tensor[replica * rows : (replica + 1) * rows]
    if tensor.shape[0] is not None:
      part.set_shape([tensor.shape[0] // replicas, *tensor.shape[1:]])
    return part

  return tf.nest.map_structure(share, features)


def _check_divisible(features: Any, strategy: tf.distribute.Strategy) -> None:
  rows, replicas = _batch_size(features), strategy.num_replicas_in_sync
  if rows % replicas:
    raise ValueError(
      f'a batch of {rows} examples cannot be shared by {replicas} replicas;'
      ' choose a multiple'
    )


def _without_remainder(features: Any, strategy: tf.distribute.Strategy) -> Any:
  """Drops rows that cannot be shared; returns None if none are left."""
  rows, replicas = _batch_size(features), strategy.num_replicas_in_sync
  kept = rows - rows % replicas
  if kept == rows:
    return features
  logging.info(
    '%d of %d held-out examples of a batch are left out: %d replicas cannot'
    ' share them',
    rows - kept,
    rows,
    replicas,
  )
  if not kept:
    return None
  return tf.nest.map_structure(lambda tensor: tensor[:kept], features)


def _compile(
  replica_step: Callable[[Any], dict[str, tf.Tensor]],
  strategy: tf.distribute.Strategy,
  specs: Any,
  counter: tf.Variable | None = None,
) -> Any:
  """Compiles a step on all replicas that returns the means of their metrics."""

  def step(features: Any) -> dict[str, tf.Tensor]:
    results = strategy.run(replica_step, args=(features,))
    if counter is not None:
      counter.assign_add(1)
    return {
      name: strategy.reduce(tf.distribute.ReduceOp.MEAN, value, axis=None)
      for name, value in results.items()
    }

  return tf.function(step, input_signature=[specs], autograph=False)


class StepTrainer(orbit.AbstractTrainer):
  """Trains on numbered batches."""

  def __init__(
    self,
    spec: ModelSpec,
    *,
    strategy: tf.distribute.Strategy,
    global_step: tf.Variable,
    next_batch: tf.Variable,
    index_step: tf.Variable,
    fixed_shapes: bool = False,
    on_step: Callable[[], None] = lambda: None,
  ):
    """Makes a trainer; set `batches` before `train`.

    `global_step` counts steps, as the optimizers' `iterations` cannot under
    MirroredStrategy. With `fixed_shapes` the step is compiled for the shapes of
    the first batch only.
    """
    self._spec = spec
    self._strategy = strategy
    self._global_step = global_step
    self._next_batch = next_batch
    self._index_step = index_step
    self._fixed_shapes = fixed_shapes
    self._on_step = on_step
    self._compiled: Any = None
    with strategy.scope():
      for group in spec.optimizers:
        # Otherwise the step would be traced twice.
        group.optimizer._create_all_weights(group.variables)
    self.batches: Iterator[Batch] = iter(())
    self.last_batch: Batch | None = None

  def _variables(self) -> list[tf.Variable]:
    return [v for group in self._spec.optimizers for v in group.variables]

  def _apply(self, gradients: Sequence[Any]) -> tf.Tensor:
    """Clips all gradients together and applies them; returns their norm."""
    clipped, norm = tf.clip_by_global_norm(gradients, self._spec.clip_norm)
    first = 0
    for group in self._spec.optimizers:
      limit = first + len(group.variables)
      pairs = [
        (gradient, variable)
        for gradient, variable in zip(clipped[first:limit], group.variables)
        if gradient is not None
      ]
      group.optimizer.apply_gradients(
        pairs, experimental_aggregate_gradients=False
      )
      first = limit
    return norm

  def _replica_step(self, features: Any) -> dict[str, tf.Tensor]:
    context = tf.distribute.get_replica_context()
    replicas = context.num_replicas_in_sync
    variables = self._variables()
    with tf.GradientTape(watch_accessed_variables=False) as tape:
      tape.watch(variables)
      loss, metrics = self._spec.model.loss_and_metrics(
        _replica_slice(features), training=True
      )
      share = tf.cast(loss, tf.float32) / replicas
    gradients = tape.gradient(share, variables)
    unused = [v.name for v, g in zip(variables, gradients) if g is None]
    if unused:
      logging.warning('these variables get no gradient: %s', ' '.join(unused))
    if replicas > 1:
      present = [g for g in gradients if g is not None]
      summed = iter(context.all_reduce(tf.distribute.ReduceOp.SUM, present))
      gradients = [None if g is None else next(summed) for g in gradients]
    norm = self._apply(gradients)
    return _as_floats({**metrics, 'loss': loss, 'gradient_norm': norm})

  def train(self, num_steps: tf.Tensor) -> dict[str, float]:
    """Takes `num_steps` steps; returns the means of their metrics."""
    kept: list[Mapping[str, tf.Tensor]] = []
    examples, start = 0, time.monotonic()
    waited = 0.0
    for _ in range(int(num_steps)):
      asked = time.monotonic()
      batch = next(self.batches, None)
      waited += time.monotonic() - asked
      expected = int(self._next_batch.numpy())
      if batch is None:
        raise ValueError(f'the training data ended before batch {expected}')
      if batch.number != expected:
        raise ValueError(
          f'the input gave batch {batch.number} where {expected} was due'
        )
      features = _to_tensors(batch.features)
      if self._compiled is None:
        _check_divisible(features, self._strategy)
        self._compiled = _compile(
          self._replica_step,
          self._strategy,
          _specs(features, '', False, not self._fixed_shapes),
          self._global_step,
        )
      kept.append(self._compiled(features))
      examples += _batch_size(features)
      self._next_batch.assign(batch.number + 1)
      self._index_step.assign(batch.index_step)
      self.last_batch = batch
      self._on_step()
    return self._summarize(kept, examples, time.monotonic() - start, waited)

  def _summarize(
    self,
    kept: Sequence[Mapping[str, tf.Tensor]],
    examples: int,
    seconds: float,
    waited: float,
  ) -> dict[str, float]:
    means = {
      name: math.fsum(float(one[name]) for one in kept) / len(kept)
      for name in kept[0]
    }
    step = int(self._global_step.numpy())
    if not math.isfinite(means['loss']):
      losses = [float(one['loss']) for one in kept]
      at = next(i for i, loss in enumerate(losses) if not math.isfinite(loss))
      bad = step - len(losses) + at + 1
      raise FloatingPointError(
        f'the loss of step {bad} is {losses[at]}; the checkpoint before it is'
        ' kept. A lower learning rate may help.'
      )
    assert self.last_batch is not None
    rates = [
      group.optimizer.learning_rate(group.optimizer.iterations)
      if callable(group.optimizer.learning_rate)
      else group.optimizer.learning_rate
      for group in self._spec.optimizers
    ]
    return {
      **means,
      **self.last_batch.off_policy(step),
      'learning_rate': float(rates[0]),
      'examples_per_second': examples / max(seconds, 1e-9),
      'seconds_waited_for_input': waited,
    }


class StepEvaluator(orbit.AbstractEvaluator):
  """Averages the model's metrics over held-out batches."""

  def __init__(
    self,
    model: Any,
    make_batches: Callable[[], Iterable[Batch]],
    *,
    strategy: tf.distribute.Strategy,
    more_metrics: Callable[[], Mapping[str, float]] | None = None,
  ):
    self._model = model
    self._make_batches = make_batches
    self._more_metrics = more_metrics
    self._strategy = strategy
    self._compiled: Any = None

  def _replica_step(self, features: Any) -> dict[str, tf.Tensor]:
    loss, metrics = self._model.loss_and_metrics(
      _replica_slice(features), training=False
    )
    return _as_floats({**metrics, 'loss': loss})

  def evaluate(self, num_steps: tf.Tensor) -> dict[str, float]:
    """Evaluates `num_steps` batches, or all of them if it is negative."""
    limit = int(num_steps)
    totals: dict[str, float] = {}
    examples = 0
    batches = self._make_batches()
    try:
      for i, batch in enumerate(batches):
        if 0 <= limit <= i:
          break
        features = _to_tensors(batch.features)
        features = _without_remainder(features, self._strategy)
        if features is None:
          continue
        if self._compiled is None:
          specs = _specs(features, '', True, True)
          self._compiled = _compile(self._replica_step, self._strategy, specs)
        rows = _batch_size(features)
        for name, value in self._compiled(features).items():
          totals[name] = totals.get(name, 0.0) + rows * float(value)
        examples += rows
    finally:
      getattr(batches, 'close', lambda: None)()
    if not examples:
      raise ValueError(
        'there is no held-out example to evaluate on, or no batch has one for'
        f' each of {self._strategy.num_replicas_in_sync} replicas'
      )
    return {
      **{name: total / examples for name, total in totals.items()},
      **(self._more_metrics() if self._more_metrics is not None else {}),
      'examples': float(examples),
    }
