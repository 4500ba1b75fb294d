# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Flags of questions that may name their gold paragraph."""

from typing import Any

from absl import flags

from realm_tf.questions import qa_datasets


def define() -> None:
  """Defines the flags; the binary adopts them as its own."""
  flags.DEFINE_enum(
    'format',
    'auto',
    ['auto', *qa_datasets.FORMATS],
    'Of the questions.',
  )


def values() -> dict[str, Any]:
  """What was given, as arguments of the configs of these trainings."""
  return {
    'format': flags.FLAGS['format'].value,
  }
