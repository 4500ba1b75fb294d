# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import json
import pathlib
import random

import pytest

_WORDS = (
  *('river', 'town', 'king', 'land', 'old', 'great', 'flows', 'through'),
  *('was', 'is', 'the', 'of', 'in', 'built', 'near'),
)


@pytest.fixture(scope='session')
def vocab_file(tmp_path_factory) -> str:
  """Returns a vocabulary of some words, all letters and digits."""
  letters = 'abcdefghijklmnopqrstuvwxyz0123456789'
  pieces = [
    *('[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'),
    *_WORDS,
    *letters,
    *(f'##{c}' for c in letters),
    *'.,?!"()-\'',
    *'東京',
  ]
  path = tmp_path_factory.mktemp('vocab') / 'vocab.txt'
  path.write_text('\n'.join(pieces) + '\n')
  return str(path)


@pytest.fixture
def corpus_file(tmp_path) -> pathlib.Path:
  """Returns JSONL of 1,300 documents: 3 batches; lines 5 and 700 are broken."""
  rng = random.Random(1)
  path = tmp_path / 'corpus.jsonl'
  with open(path, 'w') as f:
    for i in range(1300):
      if i == 4:
        f.write('{"title": "broken"\n')
        continue
      if i == 699:
        f.write('{"title": "no text"}\n')
        continue
      text = ' '.join(
        ' '.join(rng.choices(_WORDS, k=rng.randint(3, 30))).capitalize() + '.'
        for _ in range(rng.randint(1, 9))
      )
      title = f'List of {i}' if i % 100 == 0 else f'Town {i}'
      f.write(json.dumps({'title': title, 'text': text}) + '\n')
  return path
