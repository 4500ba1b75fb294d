# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import os
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from realm_tf.configs.refresh_schedule import RefreshSchedule
from realm_tf.configs.training_config import TrainingConfig
from realm_tf.training import (
  estimator,
  optimization,
  run_directory,
  summaries,
)
from realm_tf.training.run_directory import RunDirectory
from realm_tf.training.task import (
  Batch,
  Listener,
  ModelSpec,
  OptimizerGroup,
  Task,
)


class Regression(keras.Model):
  """Fits y = x W; dropout makes every step depend on the random state."""

  def __init__(self):
    super().__init__()
    self.dense = keras.layers.Dense(3)
    self.dropout = keras.layers.Dropout(0.5)
    self(tf.zeros([1, 4]))

  def call(self, x, training=False):
    return self.dense(self.dropout(x, training=training))

  def loss_and_metrics(self, features, training):
    predicted = tf.cast(self(features['x'], training=training), tf.float32)
    error = predicted - features['y']
    loss = tf.reduce_mean(error**2)
    return loss, {'goodness': -loss}


class RegressionTask(Task):
  export_schedule = RefreshSchedule.parse('0-10:5,10-:10')
  evaluates = True
  best_metric = 'goodness'
  settings = {}
  heard_by = ()
  fail_at = None
  made = None

  def __init__(self, **fields):
    vars(self).update(fields)

  def make_model(self):
    self.model = Regression()
    optimizer = optimization.create_optimizer(0.05, 100, warmup_steps=5)
    variables = self.model.trainable_variables
    return ModelSpec(self.model, [OptimizerGroup(optimizer, variables)])

  def train_batches(self, start):
    batches = Batches(start, fail_at=self.fail_at)
    if self.made is not None:
      self.made.append((start, batches))
    return batches

  def eval_batches(self):
    return Batches(0, limit=3)

  def export(self, directory, step):
    kernel = self.model.dense.kernel.numpy()
    np.save(os.path.join(directory, 'w.npy'), kernel)
    with open(os.path.join(directory, 'step'), 'w') as f:
      f.write(str(step))

  def resume_settings(self):
    return self.settings

  def listeners(self):
    return self.heard_by


def config(model_dir, **changes):
  given = {
    'train_steps': 30,
    'batch_size': 8,
    'learning_rate': 0.05,
    'save_checkpoints_steps': 10,
    'log_every_steps': 5,
    'eval_every': 10,
    'progress': False,
  }
  return TrainingConfig(model_dir=str(model_dir), **{**given, **changes})


class Batches:
  def __init__(self, start, limit=None, fail_at=None):
    self._number, self._limit, self._fail_at = start, limit, fail_at
    self.closed = False

  def __iter__(self):
    return self

  def __next__(self):
    number = self._number
    if number == self._fail_at:
      raise KeyboardInterrupt('pulled the plug')
    if number == self._limit:
      raise StopIteration
    self._number += 1
    x = np.random.default_rng(number).normal(size=[8, 4]).astype(np.float32)
    return Batch(
      number,
      {'x': x, 'y': x[:, :3] * 2},
      index_step=number // 10 * 10,
      index_time=time.time() - 120,
      describe=lambda: f'batch {number}',
    )

  def close(self):
    self.closed = True


def run(
  model_dir, *, steps=30, fail_at=None, listeners=(), made=None, **changes
):
  settings = changes.pop('settings', {})
  return estimator.run_task(
    config(model_dir, train_steps=steps, **changes),
    RegressionTask(
      settings=settings, heard_by=listeners, fail_at=fail_at, made=made
    ),
  )


def curve(model_dir, kind='train', names=('loss', 'goodness')):
  lines = summaries.read_metrics(model_dir / 'metrics.jsonl')
  return [
    (line['step'], *(line[n] for n in names))
    for line in lines
    if line['kind'] == kind
  ]


def weights(model_dir):
  path = tf.train.latest_checkpoint(str(model_dir / 'checkpoints'))
  return {
    name: tf.train.load_variable(path, name)
    for name, _ in tf.train.list_variables(path)
    if 'VARIABLE_VALUE' in name
  }


def test_trains_saves_exports_and_evaluates(tmp_path):
  result = run(tmp_path)
  losses = curve(tmp_path)
  assert [step for step, *_ in losses] == [5, 10, 15, 20, 25, 30]
  assert losses[-1][1] < 0.8 * losses[0][1]
  evaluations = curve(tmp_path, 'eval')
  assert [step for step, *_ in evaluations] == [0, 10, 20, 30]
  assert result['loss'] == pytest.approx(evaluations[-1][1])
  assert result['examples'] == 24
  # Of the exports at 0, 5, 10, 20 and 30 the last three stay.
  assert run_directory.list_exports(tmp_path / 'export/tf_hub') == [10, 20, 30]
  best = max(evaluations, key=lambda line: line[2])
  assert run_directory.list_exports(tmp_path / 'export/tf_hub_best') == [
    best[0]
  ]
  assert RunDirectory(tmp_path).latest_step() == 30
  assert (tmp_path / 'finished.json').exists()


@pytest.mark.parametrize('fail_at', [1, 13, 20, 27])
def test_resume_gives_the_curve_of_an_unbroken_run(tmp_path, fail_at):
  unbroken, broken = tmp_path / 'unbroken', tmp_path / 'broken'
  run(unbroken)
  with pytest.raises(KeyboardInterrupt):
    run(broken, fail_at=fail_at)
  assert not (broken / 'finished.json').exists()
  made = []
  run(broken, made=made)
  # Checkpoints stand at 0, 5 and every tenth step.
  expected_start = 0 if fail_at < 5 else fail_at // 10 * 10
  assert made[0][0] == expected_start
  assert curve(broken) == curve(unbroken)
  expected = weights(unbroken)
  for name, value in weights(broken).items():
    if 'save_counter' not in name:
      np.testing.assert_array_equal(value, expected[name], err_msg=name)
  assert any('/m/' in name or name.endswith('/m') for name in expected) or any(
    '.OPTIMIZER_SLOT' in name for name in expected
  )


def test_off_policy_delay_is_the_age_of_the_batch_s_index(tmp_path):
  run(tmp_path, steps=15)
  rows = curve(
    tmp_path,
    names=(
      'index_version',
      'off_policy_delay_steps',
      'off_policy_delay_minutes',
    ),
  )
  # The batch of step 5 is number 4, made with version 0; that of step 15 is
  # number 14, made with version 10.
  assert [row[:3] for row in rows] == [(5, 0, 5), (10, 0, 10), (15, 10, 5)]
  assert all(2.0 <= row[3] < 2.5 for row in rows)


def events(directory):
  """(tag, step) -> value of all event files in a directory; texts as str."""
  found = {}
  for path in sorted(directory.iterdir()):
    for record in tf.data.TFRecordDataset(str(path)):
      event = tf.compat.v1.Event.FromString(record.numpy())
      for value in event.summary.value:
        content = tf.make_ndarray(value.tensor)
        if content.dtype == object:
          content = content.reshape(-1)[0].decode()
        found[value.tag, event.step] = content
  return found


def test_tensorboard_gets_scalars_and_texts(tmp_path, capfd):
  class Trouble(Listener):
    def report(self, step):
      return {'swaps': 2.0, 'trouble': f'at {step}'} if step == 10 else {}

  run(tmp_path, steps=10, listeners=[Trouble()], progress=True)
  found = events(tmp_path / 'summaries' / 'train')
  for tag in (
    'loss',
    'goodness',
    'learning_rate',
    'gradient_norm',
    'examples_per_second',
    'off_policy_delay_steps',
    'off_policy_delay_minutes',
    'index_version',
  ):
    assert {step for t, step in found if t == tag} == {5, 10}, tag
  assert found['off_policy_delay_steps', 10] == 10.0
  assert found['retrieved', 10] == 'batch 9'
  assert found['trouble', 10] == 'at 10' and found['swaps', 10] == 2.0
  logged = dict(curve(tmp_path, names=('loss',)))
  assert found['loss', 10] == pytest.approx(logged[10], rel=1e-6)
  evaluated = events(tmp_path / 'summaries' / 'eval')
  assert {step for t, step in evaluated if t == 'loss'} == {0, 10}
  said = capfd.readouterr()
  assert 'train:' in said.err and '10.0/10.0' in said.err
  assert 'steps/sec' not in said.out


def test_changed_settings_are_refused_by_name(tmp_path):
  run(tmp_path, steps=5, settings={'corpus': 'a'})
  with pytest.raises(ValueError, match='batch_size was 8 and is 4'):
    run(tmp_path, steps=9, batch_size=4, settings={'corpus': 'a'})
  with pytest.raises(ValueError, match="corpus was 'a' and is 'b'"):
    run(tmp_path, steps=9, settings={'corpus': 'b'})
  run(tmp_path, steps=9, settings={'corpus': 'a'})
  assert RunDirectory(tmp_path).latest_step() == 9


def test_listeners_hear_in_order_and_input_is_closed(tmp_path):
  heard, made = [], []

  class Ear(Listener):
    def __init__(self, name):
      self.name = name

    def begin(self, step, index_step):
      heard.append(('begin', self.name, step, index_step))

    def exported(self, directory, step):
      assert os.path.exists(os.path.join(directory, 'w.npy'))
      assert RunDirectory(tmp_path).latest_step() == step
      heard.append(('exported', self.name, step))

    def saved(self, step, index_step):
      heard.append(('saved', self.name, step, index_step))

    def report(self, step):
      return {'heard': len(heard), 'note': 'text'}

    def end(self):
      heard.append(('end', self.name))

  run(tmp_path, steps=10, listeners=[Ear('a')], made=made)
  assert heard == [
    ('saved', 'a', 0, -1),
    ('exported', 'a', 0),
    ('begin', 'a', 0, -1),
    ('saved', 'a', 5, 0),
    ('exported', 'a', 5),
    ('saved', 'a', 10, 0),
    ('exported', 'a', 10),
    ('end', 'a'),
  ]
  assert all(batches.closed for _, batches in made)
  heard.clear()
  with pytest.raises(KeyboardInterrupt):
    run(
      tmp_path, steps=20, listeners=[Ear('a'), Ear('b')], fail_at=12, made=made
    )
  assert heard[0] == ('begin', 'a', 10, 0)
  assert heard[-2:] == [('end', 'b'), ('end', 'a')]
  assert made[-1][1].closed


def test_an_export_missing_after_a_kill_is_written_at_the_start(tmp_path):
  run(tmp_path, steps=10)
  before = np.load(tmp_path / 'export/tf_hub/10/w.npy')
  os.rename(tmp_path / 'export/tf_hub/10', tmp_path / 'moved')
  # One of a step that the checkpoints know nothing of.
  os.makedirs(tmp_path / 'export/tf_hub/17')
  with pytest.raises(KeyboardInterrupt):
    run(tmp_path, steps=20, fail_at=12)
  assert run_directory.list_exports(tmp_path / 'export/tf_hub') == [0, 5, 10]
  np.testing.assert_array_equal(
    np.load(tmp_path / 'export/tf_hub/10/w.npy'), before
  )


def test_a_finished_run_called_again_has_no_line_twice(tmp_path):
  run(tmp_path, steps=20)
  before = curve(tmp_path), curve(tmp_path, 'eval')
  run(tmp_path, steps=20)
  assert (curve(tmp_path), curve(tmp_path, 'eval')) == before
  assert [step for step, *_ in before[1]] == [0, 10, 20]


def contents(directory):
  """The files of a run, with their contents."""
  return {
    path: path.read_bytes() for path in directory.rglob('*') if path.is_file()
  }


@pytest.mark.parametrize('lost', ['checkpoints', 'all but an export'])
def test_results_without_a_checkpoint_are_spared(tmp_path, lost):
  model_dir = tmp_path / 'run'
  run(model_dir, steps=10)
  shutil.rmtree(model_dir / 'checkpoints')
  found = 'export/tf_hub, export/tf_hub_best, finished.json, metrics.jsonl'
  if lost != 'checkpoints':
    for name in ('export/tf_hub', 'summaries'):
      shutil.rmtree(model_dir / name)
    for name in ('finished.json', 'metrics.jsonl'):
      (model_dir / name).unlink()
    found = 'export/tf_hub_best'
  before = contents(model_dir)
  with pytest.raises(ValueError) as e:
    run(model_dir, steps=10, settings={'corpus': 'other'})
  assert str(e.value) == (
    f'{model_dir} has no checkpoint to go on from, but results of a run'
    f' ({found}): put its checkpoints/ back, or remove the directory or give'
    ' another `model_dir` to begin again'
  )
  assert contents(model_dir) == before


@pytest.mark.parametrize('fault', ['no pointer', 'cut off'])
def test_a_run_goes_on_from_the_newest_whole_checkpoint(tmp_path, fault):
  unbroken, broken = tmp_path / 'unbroken', tmp_path / 'broken'
  run(unbroken)
  run(broken, steps=20)
  if fault == 'no pointer':
    (broken / 'checkpoints/checkpoint').unlink()
  else:
    data = broken / 'checkpoints/ckpt-20.data-00000-of-00001'
    data.write_bytes(data.read_bytes()[:-1])
  made = []
  run(broken, made=made)
  assert made[0][0] == (20 if fault == 'no pointer' else 10)
  assert curve(broken) == curve(unbroken)
  expected = weights(unbroken)
  for name, value in weights(broken).items():
    if 'save_counter' not in name:
      np.testing.assert_array_equal(value, expected[name], err_msg=name)


def test_a_second_trainer_is_refused_and_takes_nothing(tmp_path):
  half = tmp_path / 'checkpoints' / 'ckpt-20_temp'
  script = (
    'import sys\nfrom realm_tf.io import atomic\n'
    'with atomic.working_in(sys.argv[1]):\n  print(flush=True)\n'
    '  sys.stdin.read()'
  )
  run(tmp_path, steps=10)
  with subprocess.Popen(
    [sys.executable, '-c', script, str(tmp_path)],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
  ) as trainer:
    assert trainer.stdout is not None and trainer.stdout.readline()
    half.mkdir()
    before = contents(tmp_path)
    with pytest.raises(BlockingIOError, match=rf'\(pid {trainer.pid}, host'):
      run(tmp_path, steps=30)
    assert contents(tmp_path) == before and half.exists()
    trainer.kill()
  run(tmp_path, steps=30)
  assert not half.exists()


def test_an_infinite_loss_stops_and_spares_the_checkpoint(tmp_path):
  class Broken(Batches):
    def __next__(self):
      batch = super().__next__()
      if batch.number == 12:
        batch.features['y'] = batch.features['y'] * np.inf
      return batch

  task = RegressionTask()
  task.train_batches = Broken
  with pytest.raises(FloatingPointError, match='step 13'):
    estimator.run_task(config(tmp_path), task)
  assert RunDirectory(tmp_path).latest_step() == 10


def test_two_replicas_train_like_one(tmp_path, two_replicas):
  class NoDropout(Regression):
    def __init__(self):
      super().__init__()
      self.dropout = keras.layers.Dropout(0.0)

  class PlainTask(RegressionTask):
    export_schedule = best_metric = None

    def make_model(self):
      self.model = NoDropout()
      optimizer = optimization.create_optimizer(0.05, 100, warmup_steps=5)
      variables = self.model.trainable_variables
      return ModelSpec(self.model, [OptimizerGroup(optimizer, variables)])

  curves = []
  for name, strategy in (('one', None), ('two', two_replicas)):
    estimator.run_task(
      config(
        tmp_path / name,
        train_steps=8,
        log_every_steps=2,
        save_checkpoints_steps=4,
      ),
      PlainTask(),
      strategy,
    )
    curves.append(curve(tmp_path / name))
    assert RunDirectory(tmp_path / name).latest_step() == 8
  np.testing.assert_allclose(curves[0], curves[1], rtol=1e-4)


def test_keras_settings_are_given_back(tmp_path):
  seen = []

  class SpyingTask(RegressionTask):
    def make_model(self):
      seen.append(keras.mixed_precision.global_policy().name)
      return super().make_model()

    def close(self):
      seen.append('closed')

  estimator.run_task(
    config(tmp_path, train_steps=2, mixed_precision=True), SpyingTask()
  )
  assert seen == ['mixed_bfloat16', 'closed']
  assert keras.mixed_precision.global_policy().name == 'float32'
