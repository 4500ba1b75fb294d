# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Train and evaluate, as an Estimator would, on orbit."""

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
from realm_tf.io import atomic
from realm_tf.io import progress as progress_lib
from realm_tf.training import checkpoints, exporters, summaries
from realm_tf.training import run_config as run_config_lib
from realm_tf.training import trainer as trainer_lib

FINISHED = 'finished.json'


class _WithoutOrbit:
  """Standard output without what orbit prints besides logging it."""

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
def _keras_settings(config: run_config_lib.RunConfig) -> Iterator[None]:
  """Keras' global settings for a run, undone after it."""
  had_generators = keras.backend.experimental.is_tf_random_generator_enabled()
  # Generators are variables, so that dropout resumes where it was.
  keras.backend.experimental.enable_tf_random_generator()
  keras.utils.set_random_seed(config.seed)
  try:
    with precision.mixed_precision_scope(config.mixed_precision):
      yield
  finally:
    if not had_generators:
      keras.backend.experimental.disable_tf_random_generator()


class _Run:
  """One call of `train_and_evaluate`."""

  def __init__(
    self,
    model_fn: run_config_lib.ModelFn,
    config: run_config_lib.RunConfig,
    train: run_config_lib.TrainSpec,
    evaluation: run_config_lib.EvalSpec | None,
  ):
    self._config = config
    self._train = train
    self._evaluation = evaluation
    fresh = checkpoints.latest_step(config.model_dir) < 0
    checkpoints.check_resume_settings(
      config.model_dir, config.resume_settings, fresh
    )
    finished = os.path.join(config.model_dir, FINISHED)
    if os.path.exists(finished):
      os.remove(finished)
    strategy = config.strategy or tf.distribute.get_strategy()
    with strategy.scope():
      self._spec = model_fn(config)
      self._state = checkpoints.TrainingState()
      self._manager = checkpoints.make_manager(
        checkpoints.make_checkpoint(self._spec, self._state), config
      )
    self._bar = progress_lib.progress(
      total=train.max_steps, desc='train', unit='step', disable=True
    )
    self._trainer = trainer_lib.StepTrainer(
      self._spec,
      strategy=strategy,
      global_step=self._state.step,
      next_batch=self._state.next_batch,
      index_step=self._state.index_step,
      fixed_shapes=config.fixed_shapes,
      on_step=lambda: self._bar.update(1),
    )
    evaluator = None
    if evaluation is not None:
      evaluator = trainer_lib.StepEvaluator(
        self._spec.model,
        evaluation.input_fn,
        strategy=strategy,
        more_metrics=evaluation.more_metrics,
      )
    # The controller restores the newest checkpoint here.
    self._controller = orbit.Controller(
      global_step=self._state.step,
      trainer=self._trainer,
      evaluator=evaluator,
      strategy=strategy,
      steps_per_loop=self._steps_to_next_stop,
      checkpoint_manager=self._manager,
      summary_dir=os.path.join(config.summary_dir, 'train'),
      eval_summary_dir=os.path.join(config.summary_dir, 'eval'),
      train_actions=[self._after_loop],
      eval_actions=[self._after_evaluation],
    )
    self._saved_step = -1 if fresh else self.step
    self._log = summaries.MetricsLog(
      os.path.join(config.model_dir, 'metrics.jsonl'), self._saved_step
    )
    self._latest = self._make_latest_exporter()
    self._best = self._make_best_exporter()

  def _make_latest_exporter(self) -> exporters.LatestExporter | None:
    if self._train.export_schedule is None:
      return None
    if self._spec.export_fn is None:
      raise ValueError('export_schedule is set, but the model has no export_fn')
    exporter = exporters.LatestExporter(
      self._spec.export_fn,
      self._config.export_dir,
      keep=self._train.keep_exports,
    )
    # A fresh run has no export, not even of step 0, whatever lies there.
    exporter.drop_after(self._saved_step)
    return exporter

  def _make_best_exporter(self) -> exporters.BestExporter | None:
    evaluation = self._evaluation
    if evaluation is None or evaluation.best_metric is None:
      return None
    if self._spec.export_fn is None:
      raise ValueError('best_metric is set, but the model has no export_fn')
    exporter = exporters.BestExporter(
      self._spec.export_fn,
      self._config.best_export_dir,
      evaluation.best_metric,
    )
    exporter.drop_after(self._saved_step)
    return exporter

  @property
  def step(self) -> int:
    """Steps taken."""
    return int(self._state.step.numpy())

  def _steps_to_next_stop(self, step: int) -> int:
    """Steps until something is to be logged, saved or exported."""
    step = int(step)
    stops = [
      (step // every + 1) * every
      for every in (
        self._config.log_every_steps,
        self._config.save_checkpoints_steps,
      )
    ]
    if self._train.export_schedule is not None:
      due = self._train.export_schedule.next_after(step)
      stops += [] if due is None else [due]
    return min(stops) - step

  def _is_export_due(self, step: int) -> bool:
    if self._latest is None:
      return False
    assert self._train.export_schedule is not None
    is_end = step in (0, self._train.max_steps)
    return is_end or self._train.export_schedule.is_due(step)

  def _save(self, step: int) -> None:
    # Never twice under one name: the second time would not be atomic.
    if step == self._saved_step:
      return
    self._manager.save(checkpoint_number=step)
    self._saved_step = step
    for listener in self._train.listeners:
      listener.saved(step, int(self._state.index_step.numpy()))

  def _export(self, step: int) -> None:
    assert self._latest is not None
    path = self._latest.export(step)
    logging.info('exported step %d to %s', step, path)
    for listener in self._train.listeners:
      listener.exported(path, step)

  def _after_loop(self, output: Any) -> None:
    """Reports, saves and exports; `output` is written as scalars next."""
    step = self.step
    texts: dict[str, str] = {}
    for listener in self._train.listeners:
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
    is_last = step == self._train.max_steps
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
    """Trains from where the run is to the last step; evaluates on the way."""
    train, config = self._train, self._config
    self._bar = progress_lib.progress(
      total=train.max_steps,
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
      for listener in train.listeners:
        listener.begin(self.step, int(self._state.index_step.numpy()))
      result = self._loop()
      atomic.write_json(
        os.path.join(config.model_dir, FINISHED), {'step': self.step}
      )
      return result
    finally:
      self._bar.close()
      for listener in reversed(train.listeners):
        listener.end()

  def _loop(self) -> dict[str, float]:
    train, evaluation = self._train, self._evaluation
    result: dict[str, float] = {}
    batches = None
    try:
      while True:
        step = self.step
        if evaluation is not None:
          is_due = step % evaluation.every_steps == 0
          if step == 0:
            is_due = evaluation.at_start
          if is_due or step >= train.max_steps:
            result = dict(self._controller.evaluate())
        if step >= train.max_steps:
          break
        if batches is None:
          batches = train.input_fn(int(self._state.next_batch.numpy()))
          self._trainer.batches = iter(batches)
        until = train.max_steps
        if evaluation is not None:
          every = evaluation.every_steps
          until = min(until, (step // every + 1) * every)
        self._controller.train(until, checkpoint_at_completion=False)
    finally:
      close = getattr(batches, 'close', None)
      if close is not None:
        close()
    return {
      name: float(value)
      for name, value in result.items()
      if not math.isnan(float(value))
    }


def train_and_evaluate(
  model_fn: run_config_lib.ModelFn,
  run_config: run_config_lib.RunConfig,
  train_spec: run_config_lib.TrainSpec,
  eval_spec: run_config_lib.EvalSpec | None = None,
) -> dict[str, float]:
  """Trains to `train_spec.max_steps`, from the newest checkpoint if any.

  A run that is killed at any moment goes on from its last checkpoint when
  called again with the same arguments: weights, optimizers, dropout, step,
  position in the data, and the version of the index in use.

  Args:
    model_fn: Makes model and optimizers; called once, in the strategy's scope
      and with Keras set up for the run (precision, seed).
    run_config: How the run is carried out.
    train_spec: What is trained on, and how far.
    eval_spec: What is evaluated on, and when; None trains only.

  Returns:
    The metrics of the last evaluation, empty without `eval_spec`.
  """
  with contextlib.redirect_stdout(_WithoutOrbit(sys.stdout)):
    with _keras_settings(run_config):
      return _Run(model_fn, run_config, train_spec, eval_spec).run()
