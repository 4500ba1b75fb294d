# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Flags of the binaries that answer questions with a fine-tuned model."""

from absl import app, flags

from realm_tf.training import exporters


def define(*, reads: str = 'Blocks that are read.') -> None:
  """Defines the flags; the binary adopts them as its own.

  Args:
    reads: Help of --reader_beam.
  """
  flags.DEFINE_string('model_dir', None, 'Of bin/finetune_qa.')
  flags.DEFINE_string(
    'export_dir', None, 'One of its exports; default: the best, or the newest.'
  )
  flags.DEFINE_string('corpus_dir', None, 'Of bin/build_corpus.', required=True)
  flags.DEFINE_string(
    'index_dir', None, 'Its index, or the directory of several.', required=True
  )
  flags.DEFINE_integer('reader_beam', 5, reads, lower_bound=1)
  flags.DEFINE_integer(
    'blocks_at_once', 40, 'Blocks in memory at a time; 0: all.', lower_bound=0
  )
  flags.DEFINE_bool('mixed_precision', False, 'Compute in bfloat16.')


def check() -> None:
  """Checks that there is a model.

  Raises:
    app.UsageError: There is none.
  """
  if flags.FLAGS.model_dir is None and flags.FLAGS.export_dir is None:
    raise app.UsageError('give --model_dir or --export_dir')


def export_dir() -> str:
  """The export that answers.

  Raises:
    FileNotFoundError: The model directory has none.
  """
  given = flags.FLAGS.export_dir
  return given or exporters.best_or_newest(flags.FLAGS.model_dir)
