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
    'Of the questions, see bin/score_predictions --help.',
  )
  flags.DEFINE_string(
    'paragraphs',
    None,
    'JSONL of which the corpus was built, with the ids by which questions name'
    ' their gold paragraph.',
  )
  flags.DEFINE_integer(
    'max_block_length', 288, 'As of bin/build_corpus; for --paragraphs.'
  )


def values() -> dict[str, Any]:
  """What was given, as arguments of the configs of these trainings."""
  return {
    'format': flags.FLAGS['format'].value,
    'paragraphs': flags.FLAGS['paragraphs'].value,
    'max_block_length': flags.FLAGS['max_block_length'].value,
  }
