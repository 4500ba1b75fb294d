# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Flags that all trainings have."""

from typing import Any

from absl import flags

_DEFAULTS = {
  'warmup_steps': None,
  'eval_every': 1000,
  'save_checkpoints_steps': 1000,
  'log_every_steps': 100,
}
_NAMES = (
  *('model_dir', 'train_steps', 'batch_size', 'learning_rate'),
  *(*_DEFAULTS, 'dropout', 'seed', 'mixed_precision'),
)
_STRATEGY = 'strategy'


def define(
  *,
  examples: str,
  seed_of: str,
  train_steps: int,
  batch_size: int,
  learning_rate: float,
  min_batch_size: int = 1,
  strategies: bool = False,
  **defaults: int,
) -> None:
  """Defines the flags; the binary adopts them as its own.

  Args:
    examples: What a batch is of.
    seed_of: What the seed decides.
    train_steps: Default of that flag, as are the next two.
    batch_size: See `train_steps`.
    learning_rate: See `train_steps`.
    min_batch_size: What is less is refused.
    strategies: Whether it can run on several devices.
    **defaults: Of other flags, where they are not the usual ones.
  """
  values = {**_DEFAULTS, **defaults}
  flags.DEFINE_string(
    'model_dir', None, 'Everything is written here.', required=True
  )
  flags.DEFINE_integer(
    'train_steps', train_steps, 'Step at which training ends.', lower_bound=1
  )
  flags.DEFINE_integer(
    'batch_size',
    batch_size,
    f'{examples} a step.',
    lower_bound=min_batch_size,
  )
  flags.DEFINE_float(
    'learning_rate', learning_rate, 'The highest.', lower_bound=0
  )
  flags.DEFINE_integer(
    'warmup_steps',
    values['warmup_steps'],
    'Steps until the learning rate is highest. Default: a tenth, between 100'
    ' and 10,000.',
    lower_bound=0,
  )
  flags.DEFINE_float(
    'dropout',
    None,
    'Rate of dropout. Default: as the weights say, 0.1 for BERT. A training of'
    ' few steps comes further with 0; what it writes says so, too: give 0.1 to'
    ' a longer one that starts from that.',
    lower_bound=0,
    upper_bound=0.99,
  )
  flags.DEFINE_integer('seed', 0, f'Of {seed_of}.')
  flags.DEFINE_bool('mixed_precision', False, 'Compute in bfloat16.')
  if strategies:
    flags.DEFINE_enum(
      _STRATEGY,
      'one',
      ['one', 'mirrored'],
      'Device, or all GPUs of the machine.',
    )
  flags.DEFINE_integer(
    'eval_every',
    values['eval_every'],
    'Steps between two evaluations.',
    lower_bound=1,
  )
  flags.DEFINE_integer(
    'save_checkpoints_steps',
    values['save_checkpoints_steps'],
    'Steps between two checkpoints; where there are exports, each has one.',
    lower_bound=1,
  )
  flags.DEFINE_integer(
    'log_every_steps',
    values['log_every_steps'],
    'Steps over which metrics are averaged.',
    lower_bound=1,
  )


def values() -> dict[str, Any]:
  """What was given, as arguments of a `TrainingSettings`."""
  given = {name: flags.FLAGS[name].value for name in _NAMES}
  if _STRATEGY in flags.FLAGS:
    given['strategy'] = flags.FLAGS[_STRATEGY].value
  return given
