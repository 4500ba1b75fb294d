# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from realm_tf.training import checkpoints, task
from realm_tf.training.run_directory import RunDirectory


@pytest.fixture
def generators_enabled():
  keras.backend.experimental.enable_tf_random_generator()
  yield
  keras.backend.experimental.disable_tf_random_generator()


def make(model_dir, *, seed=0):
  keras.utils.set_random_seed(seed)
  model = keras.Sequential([keras.layers.Dense(2), keras.layers.Dropout(0.5)])
  model(tf.zeros([1, 3]))
  optimizer = keras.optimizers.legacy.Adam(0.1)
  spec = task.ModelSpec(
    model, [task.OptimizerGroup(optimizer, model.trainable_variables)]
  )
  state = checkpoints.TrainingState()
  manager = checkpoints.make_manager(
    checkpoints.make_checkpoint(spec, state),
    str(model_dir / 'checkpoints'),
    keep=2,
  )
  return model, state, manager


def test_dropout_draws_what_it_would_have_drawn(tmp_path, generators_enabled):
  model, state, manager = make(tmp_path)
  x = tf.ones([4, 3])
  model(x, training=True)
  state.step.assign(7)
  state.next_batch.assign(9)
  manager.save(checkpoint_number=7)
  expected = [model(x, training=True).numpy() for _ in range(2)]
  assert not np.array_equal(*expected)
  model, state, manager = make(tmp_path, seed=1)
  assert len(checkpoints.random_generators(model)) == 1
  manager.restore_or_initialize()
  assert (int(state.step), int(state.next_batch)) == (7, 9)
  assert int(state.index_step) == -1
  for one in expected:
    np.testing.assert_array_equal(model(x, training=True).numpy(), one)


def test_keeps_the_last_and_knows_the_latest(tmp_path, generators_enabled):
  assert RunDirectory(tmp_path).latest_step() == -1
  model, state, manager = make(tmp_path)
  for step in (0, 10, 20):
    state.step.assign(step)
    manager.save(checkpoint_number=step)
  assert RunDirectory(tmp_path).latest_step() == 20
  left = {p.name for p in (tmp_path / 'checkpoints').glob('*.index')}
  assert left == {'ckpt-10.index', 'ckpt-20.index'}
  kernel = model.trainable_variables[0]
  kernel.assign(kernel * np.nan)
  manager.save(checkpoint_number=30)
  assert RunDirectory(tmp_path).latest_step() == 20


def test_a_half_written_checkpoint_is_not_used(tmp_path, generators_enabled):
  _, state, manager = make(tmp_path)
  state.step.assign(10)
  manager.save(checkpoint_number=10)
  directory = tmp_path / 'checkpoints'
  # What a kill leaves: TF's temporary directory, and data not yet recorded.
  (directory / 'ckpt-20_temp').mkdir()
  (directory / 'ckpt-20_temp' / 'part-00000-of-00001.data').touch()
  (directory / 'ckpt-20.data-00000-of-00001').write_bytes(b'half')
  _, state, manager = make(tmp_path)
  manager.restore_or_initialize()
  assert int(state.step) == 10
  assert not (directory / 'ckpt-20_temp').exists()
  state.step.assign(20)
  manager.save(checkpoint_number=20)
  assert RunDirectory(tmp_path).latest_step() == 20


def three(model_dir):
  """Checkpoints of steps 9, 10 and 20; their directory."""
  _, state, manager = make(model_dir)
  manager._max_to_keep = 3
  for step in (9, 10, 20):
    state.step.assign(step)
    manager.save(checkpoint_number=step)
  return model_dir / 'checkpoints'


@pytest.mark.parametrize('pointer', [None, b'', b'model_checkpoint_path: "c'])
def test_without_its_pointer_the_newest_whole_one_counts(
  tmp_path, generators_enabled, pointer
):
  directory = three(tmp_path)
  (directory / 'checkpoint').unlink()
  if pointer is not None:
    (directory / 'checkpoint').write_bytes(pointer)
  assert RunDirectory(tmp_path).latest_step() == 20
  _, state, manager = make(tmp_path)
  manager.restore_or_initialize()
  assert int(state.step) == 20
  # It is known what to remove later.
  state.step.assign(30)
  manager.save(checkpoint_number=30)
  left = {p.name for p in directory.glob('*.index')}
  assert left == {'ckpt-20.index', 'ckpt-30.index'}


@pytest.mark.parametrize('part', ['index', 'data-00000-of-00001'])
@pytest.mark.parametrize('kept', [None, 0, 50, -1])
def test_a_damaged_checkpoint_is_named_and_passed_over(
  tmp_path, generators_enabled, caplog, part, kept
):
  directory = three(tmp_path)
  path = directory / f'ckpt-20.{part}'
  whole = path.read_bytes()
  path.unlink()
  if kept is not None:
    path.write_bytes(whole[:kept])
  assert RunDirectory(tmp_path).latest_step() == 10
  said = [r.getMessage() for r in caplog.records]
  assert f'{directory}/ckpt-20 is damaged' in said[0]
  assert said[1] == f'going on from {directory}/ckpt-10'
  _, state, manager = make(tmp_path)
  manager.restore_or_initialize()
  assert int(state.step) == 10
  state.step.assign(20)
  manager.save(checkpoint_number=20)
  caplog.clear()
  assert RunDirectory(tmp_path).latest_step() == 20
  assert not caplog.records


def test_no_whole_checkpoint_is_an_error(tmp_path, generators_enabled):
  directory = three(tmp_path)
  for path in directory.glob('*.data-*'):
    path.write_bytes(b'')
  with pytest.raises(ValueError, match='checkpoints: no checkpoint is whole'):
    RunDirectory(tmp_path).latest_step()
