# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A whole way by bin/run_local, for the tests of all that use what it made."""

import dataclasses
import pathlib
import subprocess

from realm_tf.bert import weights
from realm_tf.training import warm_start
from tests.support import tiny_world


@dataclasses.dataclass(frozen=True)
class LocalRun:
  """What bin/run_local was given and made.

  Attributes:
    world: Its texts and their vocabulary.
    flags: It was called with these.
    bert: Weights it started from.
    heldout: Blanks it was measured on, two of them unusable.
    directory: Everything it wrote.
    result: What it printed.
  """

  world: pathlib.Path
  flags: list[str]
  bert: pathlib.Path
  heldout: pathlib.Path
  directory: pathlib.Path
  result: subprocess.CompletedProcess


def make(directory: pathlib.Path) -> LocalRun:
  """Goes the whole way on the tiny world, as short as can be."""
  world = directory / 'world'
  # Fewer than the 64 of a batch of ICT.
  tiny_world.write(world, count=50)
  bert, _ = warm_start.load(
    str(world / 'bert_config.json'), vocab_file=str(world / 'vocab.txt')
  )
  weights.save_bert(
    dataclasses.replace(bert, vocab_file=str(world / 'vocab.txt')),
    directory / 'bert',
  )
  heldout = directory / 'heldout.jsonl'
  tiny_world.write_heldout(heldout, world, count=30)
  with open(heldout, 'a') as f:
    # Too long for the lengths of the small world.
    f.write('{"text": "%s named Lima.", "span": [306, 310]}\n' % ('on ' * 100))
    # Nothing is left of what was taken out.
    f.write('{"text": "named \\u200b.", "span": [6, 9]}\n')
  flags = [
    f'--output_dir={directory}/out',
    f'--knowledge={world}/knowledge.jsonl',
    f'--pretraining={world}/text.jsonl',
    f'--heldout_text={world}/text.jsonl',
    f'--heldout_blanks={heldout}',
    f'--bert={directory}/bert',
    '--ict_steps=4',
    '--realm_steps=6',
    '--refresh_schedule=0-:3',
  ]
  result = tiny_world.call('run_local', *flags, timeout=1200)
  return LocalRun(
    world, flags, directory / 'bert', heldout, directory / 'out', result
  )
