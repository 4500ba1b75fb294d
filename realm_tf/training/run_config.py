# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a training run is made of: settings, model, data."""

import dataclasses
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import tensorflow as tf
import tf_keras as keras

from realm_tf.configs.refresh_schedule import RefreshSchedule


@dataclasses.dataclass(frozen=True)
class RunConfig:
  """How a run is carried out, whatever it trains.

  Attributes:
    model_dir: Checkpoints, summaries and exports are written here.
    seed: Of the initial weights and of dropout.
    save_checkpoints_steps: Steps between two checkpoints.
    keep_checkpoint_max: How many checkpoints are kept.
    log_every_steps: Steps over which the logged metrics are averaged.
    mixed_precision: Compute in bfloat16, keep the weights in float32.
    fixed_shapes: Compile for the shapes of the first batch only (TPU).
    strategy: Of distribution; None runs on the default device.
    progress: Whether a progress bar is drawn.
    resume_settings: What must not change between a run and its restart
      (batch size, seed, data ...); a restart that differs is refused.
  """

  model_dir: str
  seed: int = 0
  save_checkpoints_steps: int = 1000
  keep_checkpoint_max: int = 3
  log_every_steps: int = 100
  mixed_precision: bool = False
  fixed_shapes: bool = False
  strategy: tf.distribute.Strategy | None = None
  progress: bool = True
  resume_settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)

  def __post_init__(self):
    for name in (
      'save_checkpoints_steps',
      'keep_checkpoint_max',
      'log_every_steps',
    ):
      if getattr(self, name) < 1:
        raise ValueError(
          f'{name} must be at least 1. Received: {getattr(self, name)}'
        )

  @property
  def checkpoint_dir(self) -> str:
    """Where the state for a restart is."""
    return os.path.join(self.model_dir, 'checkpoints')

  @property
  def summary_dir(self) -> str:
    """Where the TensorBoard event files are."""
    return os.path.join(self.model_dir, 'summaries')

  @property
  def export_dir(self) -> str:
    """Where `<step>/{embedder,bert}` are published."""
    return os.path.join(self.model_dir, 'export', 'tf_hub')

  @property
  def best_export_dir(self) -> str:
    """Where the best of the exports is."""
    return os.path.join(self.model_dir, 'export', 'tf_hub_best')


@dataclasses.dataclass
class Batch:
  """One step's worth of examples.

  Attributes:
    number: Position in the stream of batches, counted from 0.
    features: Tensors; the first axis of each is the batch.
    index_step: Training step of the encoder that made the index in which the
      candidates were found; -1 where there is no index.
    index_time: When that encoder was exported, seconds since the epoch.
    describe: Returns a text (Markdown) that shows a person some examples.
  """

  number: int
  features: Mapping[str, Any]
  index_step: int = -1
  index_time: float = 0.0
  describe: Callable[[], str] | None = None

  def off_policy(self, step: int) -> dict[str, float]:
    """Age of the index in steps and minutes when used at `step`."""
    if self.index_step < 0:
      return {}
    return {
      'index_version': float(self.index_step),
      'off_policy_delay_steps': float(step - self.index_step),
      'off_policy_delay_minutes': (time.time() - self.index_time) / 60,
    }


class TrainableModel(Protocol):
  """What the estimator asks of a model."""

  @property
  def trainable_variables(self) -> Sequence[tf.Variable]:
    """What an optimizer may move."""
    ...

  def loss_and_metrics(
    self, features: Mapping[str, Any], training: bool
  ) -> tuple[tf.Tensor, Mapping[str, tf.Tensor]]:
    """Mean loss of the batch and scalars to report."""
    ...


@dataclasses.dataclass
class OptimizerGroup:
  """Variables and the optimizer that moves them."""

  optimizer: keras.optimizers.legacy.Optimizer
  variables: Sequence[tf.Variable]


@dataclasses.dataclass
class ModelSpec:
  """What a `model_fn` returns.

  Attributes:
    model: A tf_keras model, built; see `TrainableModel`.
    optimizers: Who moves which variables. Variables named nowhere stay.
    clip_norm: Global norm to which all gradients together are clipped.
    export_fn: Writes what the run exports at a step into a directory.
  """

  model: Any
  optimizers: Sequence[OptimizerGroup]
  clip_norm: float = 1.0
  export_fn: Callable[[str, int], None] | None = None


ModelFn = Callable[[RunConfig], ModelSpec]
InputFn = Callable[[int], Iterable[Batch]]
"""Takes the number of the first batch; what it returns may have `close()`."""


class Listener:
  """Told what happens in a run. The methods run in the training thread."""

  def begin(self, step: int, index_step: int) -> None:
    """The state is restored; the first batch is not yet made.

    Args:
      step: Where training starts.
      index_step: Version of the index used before; -1 at a fresh start.
    """

  def exported(self, directory: str, step: int) -> None:
    """An export was published."""

  def saved(self, step: int, index_step: int) -> None:
    """A checkpoint was written that resumes with version `index_step`."""

  def report(self, step: int) -> Mapping[str, Any]:
    """What to log along with the metrics; strings become text summaries."""
    return {}

  def end(self) -> None:
    """Training is over, well or by an error; the last listener hears first."""


@dataclasses.dataclass(frozen=True)
class TrainSpec:
  """What is trained on, and how far.

  Attributes:
    input_fn: Returns the batches from a given number on. The same number
      gives the same batches in every run.
    max_steps: Step at which training ends (not a number of further steps).
    export_schedule: Steps at which `ModelSpec.export_fn` is called; with
      one, step 0 and the last step are exported too.
    keep_exports: How many exports are kept.
    listeners: Told what happens, in this order.
  """

  input_fn: InputFn
  max_steps: int
  export_schedule: RefreshSchedule | None = None
  keep_exports: int = 3
  listeners: Sequence[Listener] = ()


@dataclasses.dataclass(frozen=True)
class EvalSpec:
  """What is evaluated on, and when.

  Attributes:
    input_fn: Returns a finite number of held-out batches; always asked for
      those from number 0 on.
    every_steps: Steps between two evaluations; there is one at the end too.
    at_start: Whether the untrained model is evaluated as well.
    best_metric: The metric whose highest value marks the best export; None
      keeps no best export.
    more_metrics: Called at each evaluation for metrics that are no means over
      examples; they are reported with the others.
  """

  input_fn: InputFn
  every_steps: int = 1000
  at_start: bool = True
  best_metric: str | None = None
  more_metrics: Callable[[], Mapping[str, float]] | None = None
