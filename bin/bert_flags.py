# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Flags of the trainings that may start from any BERT."""

from typing import Any

from absl import flags

_NAMES = ('bert', 'vocab_file', 'lower_case')


def define(*, start: str = 'Start', default: str = 'base') -> None:
  """Defines the flags; the binary adopts them as its own.

  Args:
    start: What is begun with the weights, the beginning of a sentence.
    default: Of --bert.
  """
  flags.DEFINE_string(
    'bert',
    default,
    f'{start}: a directory of weights, a bert_config.json or tiny, mini, small,'
    ' base (both random weights: these need --vocab_file).',
  )
  flags.DEFINE_string(
    'vocab_file', None, 'Default: the vocabulary beside the weights.'
  )
  flags.DEFINE_bool(
    'lower_case', None, 'Default: as the weights say, else true.'
  )


def values() -> dict[str, Any]:
  """What was given, as arguments of the configs of these trainings."""
  return {name: flags.FLAGS[name].value for name in _NAMES}
