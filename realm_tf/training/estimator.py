# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Training with evaluations, checkpoints and exports, on orbit."""

import contextlib
import math
import os
import sys
from collections.abc import Iterator
from typing import Any

import orbit
import tensorflow as tf
import tf_keras as keras
from absl import logging

from realm_tf.bert import precision
from realm_tf.configs.training_config import TrainingConfig
from realm_tf.io import atomic
from realm_tf.io import progress as progress_lib
from realm_tf.training import checkpoints, exporters, summaries
from realm_tf.training import trainer as trainer_lib
from realm_tf.training.run_directory import RunDirectory
from realm_tf.training.task import Task


class _WithoutOrbit:
  """Standard output without the lines that orbit both prints and logs."""

  _ITS_OWN = ('train | ', ' eval | ', 'restor', 'saved checkpoint')

  def __init__(self, stream: Any):
    self._stream = stream
    self._dropped = False

  def write(self, text: str) -> int:
    if self._dropped and text == '\n':
      self._dropped = False
      return 1
    self._dropped = text.startswith(self._ITS_OWN)
    return len(text) if self._dropped else self._stream.write(text)

  def __getattr__(self, name: str) -> Any:
    return getattr(self._stream, name)


@contextlib.contextmanager
def _keras_settings(seed: int, mixed_precision: bool) -> Iterator[None]:
  """Sets Keras' global settings for a run; restores them afterwards."""
  had_generators = keras.backend.experimental.is_tf_random_generator_enabled()
  # Generators are variables, so dropout resumes exactly.
  keras.backend.experimental.enable_tf_random_generator()
  keras.utils.set_random_seed(seed)
  try:
    with precision.mixed_precision_scope(mixed_precision):
      yield
  finally:
    if not had_generators:
      keras.backend.experimental.disable_tf_random_generator()


class _Run:
  """One call of `run_task`."""

  def __init__(
    self,
    config: TrainingConfig,
    task: Task,
    directory: RunDirectory,
    strategy: tf.distribute.Strategy,
  ):
    self._config = config
    self._task = task
    self._directory = directory
    fresh = directory.latest_step() < 0
    if fresh:
      directory.check_empty()
    directory.check_settings(
      {
        'batch_size': config.batch_size,
        'seed': config.seed,
        **task.resume_settings(),
      },
      fresh,
    )
    self._listeners = task.listeners()
    with contextlib.suppress(FileNotFoundError):
      os.remove(directory.finished)
    with strategy.scope():
      spec = task.make_model()
      self._state = checkpoints.TrainingState()
      self._manager = checkpoints.make_manager(
        checkpoints.make_checkpoint(spec, self._state),
        directory.checkpoints,
        config.keep_checkpoint_max,
      )
    self._bar: Any = None
    self._trainer = trainer_lib.StepTrainer(
      spec,
      strategy=strategy,
      global_step=self._state.step,
      next_batch=self._state.next_batch,
      index_step=self._state.index_step,
      fixed_shapes=task.fixed_shapes,
      on_step=lambda: self._bar.update(1),
    )
    evaluator = None
    if task.evaluates:
      evaluator = trainer_lib.StepEvaluator(
        spec.model,
        task.eval_batches,
        strategy=strategy,
        more_metrics=task.more_metrics,
      )
    # The controller restores the newest checkpoint here.
    self._controller = orbit.Controller(
      global_step=self._state.step,
      trainer=self._trainer,
      evaluator=evaluator,
      strategy=strategy,
      steps_per_loop=self._steps_to_next_stop,
      checkpoint_manager=self._manager,
      summary_dir=os.path.join(directory.summaries, 'train'),
      eval_summary_dir=os.path.join(directory.summaries, 'eval'),
      train_actions=[self._after_loop],
      eval_actions=[self._after_evaluation],
    )
    self._saved_step = -1 if fresh else self.step
    self._log = summaries.MetricsLog(directory.metrics, self._saved_step)
    self._latest = self._best = None
    if task.export_schedule is not None:
      self._latest = exporters.LatestExporter(
        task.export, directory.exports, keep=task.keep_exports
      )
      self._latest.drop_after(self._saved_step)
    if task.evaluates and task.best_metric is not None:
      self._best = exporters.BestExporter(
        task.export, directory.best_exports, task.best_metric
      )
      self._best.drop_after(self._saved_step)

  @property
  def step(self) -> int:
    """Steps taken."""
    return int(self._state.step.numpy())

  def _steps_to_next_stop(self, step: int) -> int:
    """Steps until something is due to be logged, saved or exported."""
    step = int(step)
    stops = [
      (step // every + 1) * every
      for every in (
        self._config.log_every_steps,
        self._config.save_checkpoints_steps,
      )
    ]
    if self._task.export_schedule is not None:
      due = self._task.export_schedule.next_after(step)
      stops += [] if due is None else [due]
    return min(stops) - step

  def _is_export_due(self, step: int) -> bool:
    schedule = self._task.export_schedule
    if schedule is None:
      return False
    return step in (0, self._config.train_steps) or schedule.is_due(step)

  def _save(self, step: int) -> None:
    # Never twice under one name: the second time would not be atomic.
    if step == self._saved_step:
      return
    self._manager.save(checkpoint_number=step)
    self._saved_step = step
    for listener in self._listeners:
      listener.saved(step, int(self._state.index_step.numpy()))

  def _export(self, step: int) -> None:
    assert self._latest is not None
    path = self._latest.export(step)
    logging.info('exported step %d to %s', step, path)
    for listener in self._listeners:
      listener.exported(path, step)

  def _after_loop(self, output: Any) -> None:
    """Reports, saves and exports; `output` is written as scalars next."""
    step = self.step
    texts: dict[str, str] = {}
    for listener in self._listeners:
      for name, value in listener.report(step).items():
        (texts if isinstance(value, str) else output)[name] = value
    batch = self._trainer.last_batch
    is_log_step = step % self._config.log_every_steps == 0
    if is_log_step and batch is not None and batch.describe is not None:
      texts['retrieved'] = batch.describe()
    with self._controller.summary_manager.summary_writer().as_default():
      for name, text in texts.items():
        tf.summary.text(name, text, step=step)
    self._log.write(step, 'train', output)
    self._show(output)
    export_due = self._is_export_due(step)
    is_last = step == self._config.train_steps
    # An export is always preceded by its checkpoint, so that no export or
    # index is ever of a step beyond the one that a restart begins with.
    if export_due or is_last or step % self._config.save_checkpoints_steps == 0:
      self._save(step)
    if export_due:
      self._export(step)

  def _show(self, output: Any) -> None:
    shown = {
      short: f'{float(output[name]):.4g}'
      for name, short in (
        ('loss', 'loss'),
        ('retrieval_utility', 'utility'),
        ('off_policy_delay_steps', 'delay'),
        ('examples_per_second', 'examples/s'),
      )
      if name in output
    }
    self._bar.set_postfix(shown, refresh=False)
    texts = [f'{name} {value}' for name, value in shown.items()]
    logging.info('step %d: %s', self.step, ', '.join(texts))

  def _after_evaluation(self, output: Any) -> None:
    self._log.write(self.step, 'eval', output)
    texts = [f'{name} {float(value):.4g}' for name, value in output.items()]
    logging.info('held-out at step %d: %s', self.step, ', '.join(texts))
    if self._best is not None and self._best.consider(self.step, output):
      logging.info('step %d is the best so far', self.step)

  def run(self) -> dict[str, float]:
    """Trains from the current to the last step; evaluates on the way."""
    config = self._config
    self._bar = progress_lib.progress(
      total=config.train_steps,
      initial=self.step,
      desc='train',
      unit='step',
      disable=not config.progress,
    )
    try:
      if self._saved_step < 0:
        self._save(self.step)
      if self._is_export_due(self.step):
        assert self._latest is not None
        if not self._latest.has(self.step):
          self._export(self.step)
      for listener in self._listeners:
        listener.begin(self.step, int(self._state.index_step.numpy()))
      result = self._loop()
      atomic.write_json(self._directory.finished, {'step': self.step})
      return result
    finally:
      self._bar.close()
      for listener in reversed(self._listeners):
        listener.end()

  def _loop(self) -> dict[str, float]:
    config, task = self._config, self._task
    result: dict[str, float] = {}
    batches = None
    try:
      while True:
        step = self.step
        if task.evaluates:
          is_due = step % config.eval_every == 0
          if step == 0:
            is_due = task.evaluates_at_start
          if is_due or step >= config.train_steps:
            result = dict(self._controller.evaluate())
        if step >= config.train_steps:
          break
        if batches is None:
          batches = task.train_batches(int(self._state.next_batch.numpy()))
          self._trainer.batches = iter(batches)
        until = config.train_steps
        if task.evaluates:
          every = config.eval_every
          until = min(until, (step // every + 1) * every)
        self._controller.train(until, checkpoint_at_completion=False)
    finally:
      getattr(batches, 'close', lambda: None)()
    return {
      name: float(value)
      for name, value in result.items()
      if not math.isnan(float(value))
    }


def run_task(
  config: TrainingConfig,
  task: Task,
  strategy: tf.distribute.Strategy | None = None,
) -> dict[str, float]:
  """Trains to `config.train_steps`, from the newest checkpoint if there is one.

  A run that is killed at any moment resumes from its last checkpoint when
  called again with the same arguments: weights, optimizers, dropout, step,
  position in the data, and the index version in use.

  Args:
    config: Configuration of the training.
    task: What is trained. It is closed afterwards.
    strategy: Distribution strategy. Defaults to that of the configuration.

  Returns:
    The metrics of the last evaluation; empty if the task does not evaluate.

  Raises:
    BlockingIOError: Another process trains in `model_dir`.
    ValueError: The run so far had other settings, or its checkpoints are gone.
    FloatingPointError: The loss is not finite.
  """
  if strategy is None:
    strategy = (
      tf.distribute.MirroredStrategy()
      if config.strategy == 'mirrored'
      else tf.distribute.get_strategy()
    )
  try:
    with (
      contextlib.redirect_stdout(_WithoutOrbit(sys.stdout)),
      _keras_settings(config.seed, config.mixed_precision),
      RunDirectory(config.model_dir).lock() as directory,
    ):
      result = _Run(config, task, directory, strategy).run()
      task.finish()
      return result
  finally:
    task.close()
