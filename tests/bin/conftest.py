# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import dataclasses
import pathlib
import subprocess

import pytest

from realm_tf.bert import weights
from realm_tf.training import warm_start
from tests.bin import finetuned as finetuned_lib
from tests.bin import tiny_world
from tests.shared_fixture import make_once


@pytest.fixture(scope='session')
def world(tmp_path_factory):
  """The tiny world's files, its corpus and its spans."""
  directory = tmp_path_factory.mktemp('world')
  tiny_world.build(directory)
  return directory


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


@pytest.fixture(scope='session')
def local_run(tmp_path_factory):
  """One run of the whole way, as short as can be, for several tests."""
  return make_once(tmp_path_factory, 'local_run', _run_local)


def _run_local(directory: pathlib.Path) -> LocalRun:
  world = directory / 'world'
  # An ICT batch of bin/run_local takes 64 blocks.
  tiny_world.write(world, count=70)
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


@pytest.fixture(scope='session')
def finetuned(tmp_path_factory):
  """One fine-tuning, as short as can be, for several tests."""
  return make_once(tmp_path_factory, 'finetuned', finetuned_lib.make)
