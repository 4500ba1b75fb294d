# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A run of bin/demo on a tiny world, for the tests that use what it made."""

import dataclasses
import json
import pathlib
import subprocess

from realm_tf.bert import weights
from realm_tf.tasks import starts
from tests.support import tiny_world

CHANGED = 5  # Facts that the second edition changes.


@dataclasses.dataclass(frozen=True)
class LocalRun:
  """What bin/demo was given and made.

  Attributes:
    world: Its texts, questions and initial weights.
    flags: Its flags.
    bert: Initial weights.
    heldout: Blanks that it filled, two of them unusable.
    directory: Everything that it wrote.
    result: What it printed.
  """

  world: pathlib.Path
  flags: list[str]
  bert: pathlib.Path
  heldout: pathlib.Path
  directory: pathlib.Path
  result: subprocess.CompletedProcess


def _write_second_edition(world: pathlib.Path) -> None:
  """Turns the answers to some questions around."""
  lines = (world / 'qa/dev.jsonl').read_text().splitlines()[:CHANGED]
  changes, text = [], (world / 'knowledge.jsonl').read_text()
  for record in map(json.loads, lines):
    (old,) = record['answer']
    new = old[::-1]
    text = text.replace(old, new)
    changes.append({'question': record['question'], 'old': [old], 'new': [new]})
  (world / 'knowledge_edition2.jsonl').write_text(text)
  (world / 'edition2_changes.jsonl').write_text(
    ''.join(json.dumps(change) + '\n' for change in changes)
  )


def make(directory: pathlib.Path) -> LocalRun:
  """Goes the whole way on the tiny world, in as few steps as possible."""
  world = directory / 'world'
  # Fewer documents than the 64 of a batch of ICT.
  tiny_world.write(world, count=50)
  (world / 'text.jsonl').rename(world / 'pretraining.jsonl')
  (world / 'text.jsonl').symlink_to('pretraining.jsonl')
  # Positions for the default lengths.
  config = json.loads((world / 'bert_config.json').read_text())
  config['max_position_embeddings'] = 512
  (world / 'bert_config.json').write_text(json.dumps(config))
  bert, _ = starts.load_bert(
    str(world / 'bert_config.json'), vocab_file=str(world / 'vocab.txt')
  )
  weights.save_bert(
    dataclasses.replace(bert, vocab_file=str(world / 'vocab.txt')),
    world / 'bert',
  )
  tiny_world.write_questions(world)
  (world / 'questions').rename(world / 'qa')
  (world / 'qa/test.jsonl').symlink_to('dev.jsonl')
  _write_second_edition(world)
  heldout = directory / 'heldout.jsonl'
  tiny_world.write_heldout(heldout, world, count=30)
  with open(heldout, 'a') as f:
    # Too long for the lengths of the small world.
    f.write('{"text": "%s named Lima.", "span": [306, 310]}\n' % ('on ' * 100))
    # What was taken out has no wordpiece.
    f.write('{"text": "named \\u200b.", "span": [6, 9]}\n')
  flags = [
    f'--output_dir={directory}/out',
    f'--world={world}',
    f'--heldout_text={world}/text.jsonl',
    f'--heldout_blanks={heldout}',
    '--ict_steps=4',
    '--realm_steps=6',
    '--qa_steps=2',
    '--refresh_schedule=0-:3',
  ]
  result = tiny_world.call('demo', *flags, timeout=1200)
  return LocalRun(
    world, flags, world / 'bert', heldout, directory / 'out', result
  )
