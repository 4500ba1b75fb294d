# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A training task: a model, its batches, and its exports."""

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import tensorflow as tf
import tf_keras as keras

from realm_tf.configs.refresh_schedule import RefreshSchedule


@dataclasses.dataclass
class Batch:
  """Examples of one step.

  Attributes:
    number: Position in the stream of batches, counted from 0.
    features: Tensors; the first axis of each is the batch.
    index_step: Step of the export that made the index of the candidates; -1
      if there is no index.
    index_time: Time of that export in seconds since the epoch.
    describe: Describes some examples in Markdown.
  """

  number: int
  features: Mapping[str, Any]
  index_step: int = -1
  index_time: float = 0.0
  describe: Callable[[], str] | None = None

  def off_policy(self, step: int) -> dict[str, float]:
    """Returns the age of the index in steps and minutes at `step`."""
    if self.index_step < 0:
      return {}
    return {
      'index_version': float(self.index_step),
      'off_policy_delay_steps': float(step - self.index_step),
      'off_policy_delay_minutes': (time.time() - self.index_time) / 60,
    }


def numbered(
  batches: Iterable[Mapping[str, Any]], start: int
) -> Iterator[Batch]:
  """Makes batches numbered from `start` on."""
  for number, features in enumerate(batches, start):
    yield Batch(number, features)


class TrainableModel(Protocol):
  """A built tf_keras model with a loss."""

  @property
  def trainable_variables(self) -> Sequence[tf.Variable]:
    """Variables that an optimizer may update."""
    ...

  def loss_and_metrics(
    self, features: Mapping[str, Any], training: bool
  ) -> tuple[tf.Tensor, Mapping[str, tf.Tensor]]:
    """Mean loss of the batch, and scalars to report."""
    ...


@dataclasses.dataclass
class OptimizerGroup:
  """Variables and the optimizer that updates them."""

  optimizer: keras.optimizers.legacy.Optimizer
  variables: Sequence[tf.Variable]


@dataclasses.dataclass
class ModelSpec:
  """A model and how it is optimized.

  Attributes:
    model: Model with its loss.
    optimizers: Optimizers of the variables; those in no group are frozen.
    clip_norm: Global norm to which all gradients are clipped together.
  """

  model: TrainableModel
  optimizers: Sequence[OptimizerGroup]
  clip_norm: float = 1.0


class Listener:
  """Is called at events of a run, in the training thread."""

  def begin(self, step: int, index_step: int) -> None:
    """The state is restored; no batch has been made.

    Args:
      step: Step at which training starts.
      index_step: Index version used before; -1 at a fresh start.
    """

  def exported(self, directory: str, step: int) -> None:
    """An export was published."""

  def saved(self, step: int, index_step: int) -> None:
    """A checkpoint was written that resumes with version `index_step`."""

  def report(self, step: int) -> Mapping[str, Any]:
    """Returns values to log with the metrics; strings become text summaries."""
    return {}

  def end(self) -> None:
    """Training has ended, perhaps by an error; called in reverse order."""


class Task:
  """A training, to be run by `estimator.run_task`.

  Attributes:
    export_schedule: Steps at which exports are published, besides step 0 and
      the last step; None publishes none.
    keep_exports: Number of exports to keep.
    evaluates: Whether there are batches to evaluate on.
    evaluates_at_start: Whether the untrained model is evaluated.
    best_metric: Metric whose highest value marks the best export; None keeps no
      best export.
    fixed_shapes: Compile for the shapes of the first batch only, for TPUs.
  """

  export_schedule: RefreshSchedule | None = None
  keep_exports: int = 3
  evaluates: bool = False
  evaluates_at_start: bool = True
  best_metric: str | None = None
  fixed_shapes: bool = False

  def make_model(self) -> ModelSpec:
    """Makes model and optimizers; called once.

    The run has then set the distribution strategy, the precision and the seed.
    """
    raise NotImplementedError

  def train_batches(self, start: int) -> Iterable[Batch]:
    """Batches from number `start` on; may have `close()`.

    The same number is the same batch in every run.
    """
    raise NotImplementedError

  def eval_batches(self) -> Iterable[Batch]:
    """Finite held-out batches, numbered from 0; may have `close()`."""
    raise NotImplementedError

  def more_metrics(self) -> Mapping[str, float]:
    """Metrics of an evaluation other than means over examples."""
    return {}

  def export(self, directory: str, step: int) -> None:
    """Writes the modules of the model into a directory."""
    raise NotImplementedError

  def resume_settings(self) -> Mapping[str, Any]:
    """JSON values that a restart must share with the run, by name."""
    return {}

  def listeners(self) -> Sequence[Listener]:
    """Listeners of the run, in calling order."""
    return []

  def finish(self) -> None:
    """Is called when training has reached its last step."""

  def close(self) -> None:
    """Frees resources after the run."""
