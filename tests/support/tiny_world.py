# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Sixty documents of invented places, as files a binary can read."""

import functools
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile

from realm_tf.configs.corpus_config import CorpusConfig
from realm_tf.configs.spans_config import SpansConfig
from realm_tf.corpus import build_corpus
from realm_tf.spans import salient_spans
from tests.support.fork_server import ForkServer

ROOT = pathlib.Path(__file__).resolve().parents[2]
_WORDS = """
is the of a an in and to its people capital river language king speak flows
through town named lies near sea long old rules ruled by was once great they
eat trade with whose where seat government land . , ? s
"""
_SYLLABLES = 'ba do ke li mu na po ra si tu ve zo'


def _names(count: int, rng: random.Random) -> list[str]:
  syllables = _SYLLABLES.split()
  made: set[str] = set()
  while len(made) < count:
    made.add(''.join(rng.choice(syllables) for _ in range(3)))
  return sorted(made)


def write(directory: pathlib.Path, *, count: int = 60) -> None:
  """Writes `knowledge.jsonl`, `text.jsonl`, `vocab.txt`, `bert_config.json`.

  Each sentence of `text.jsonl` tells a fact of `knowledge.jsonl` in other
  words.
  """
  rng = random.Random(7)
  directory.mkdir(parents=True, exist_ok=True)
  lands = _names(count, rng)
  rng.shuffle(lands)
  cities = _names(count, rng)
  rng.shuffle(cities)
  rivers = _names(count, rng)
  with open(directory / 'knowledge.jsonl', 'w') as f:
    for number, (land, city, river) in enumerate(zip(lands, cities, rivers)):
      name, capital = land.title(), city.title()
      text = (
        f'{name} is a land near the sea. The capital of {name} is {capital}.'
        f' The long river {river.title()} flows through {name}.'
      )
      record = {'id': number, 'title': name, 'text': text}
      f.write(json.dumps(record) + '\n')
  with open(directory / 'text.jsonl', 'w') as f:
    for land, city, river in zip(lands, cities, rivers):
      name, capital = land.title(), city.title()
      text = (
        f'People in {name} once named {capital} the seat of government.'
        f' They trade with the people of {name} by the {river.title()} river.'
      )
      f.write(json.dumps({'title': f'On {name}', 'text': text}) + '\n')
  letters = 'abcdefghijklmnopqrstuvwxyz0123456789'
  vocab = [
    *('[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'),
    *dict.fromkeys([*_WORDS.split(), *letters, *lands, *cities, *rivers, 'on']),
    *(f'##{letter}' for letter in letters),
  ]
  (directory / 'vocab.txt').write_text('\n'.join(vocab) + '\n')
  config = {
    'vocab_size': len(vocab),
    'hidden_size': 32,
    'num_hidden_layers': 2,
    'num_attention_heads': 2,
    'intermediate_size': 64,
    'max_position_embeddings': 128,
    'type_vocab_size': 2,
    'hidden_dropout_prob': 0.1,
    'attention_probs_dropout_prob': 0.1,
    'hidden_act': 'gelu',
    'initializer_range': 0.02,
  }
  (directory / 'bert_config.json').write_text(json.dumps(config))


def build(directory: pathlib.Path) -> None:
  """Writes the files, and from them `corpus/` and `spans/`, in this process."""
  write(directory)
  vocab_file = str(directory / 'vocab.txt')
  build_corpus.build_corpus(
    CorpusConfig(
      input=[str(directory / 'knowledge.jsonl')],
      output_dir=str(directory / 'corpus'),
      num_processes=1,
      vocab_file=vocab_file,
    )
  )
  salient_spans.tag_salient_spans(
    SpansConfig(
      input=[str(directory / 'text.jsonl')],
      output_dir=str(directory / 'spans'),
      num_processes=1,
    )
  )


def write_heldout(
  path: pathlib.Path, directory: pathlib.Path, *, count: int | None = None
) -> None:
  """Writes a blank for each of the first lines of `text.jsonl`: its city."""
  lines = (directory / 'text.jsonl').read_text().splitlines()[:count]
  with open(path, 'w') as f:
    for line in lines:
      record = json.loads(line)
      text = record['text'].split('. ')[0] + '.'
      city = text.split()[4]
      start = text.index(city, text.index('named'))
      blank = {
        'text': text,
        'span': [start, start + len(city)],
        'title': record['title'].removeprefix('On '),
      }
      f.write(json.dumps(blank) + '\n')


def last_line(result: subprocess.CompletedProcess) -> str:
  """What a binary says at its end, which must be an error without a trace."""
  assert result.returncode != 0, result.stdout
  output = result.stdout + result.stderr
  assert 'Traceback' not in output, output
  return (result.stderr.strip() or result.stdout.strip()).splitlines()[-1]


def command(name: str, *flags: str) -> list[str]:
  """How a user calls `bin/<name>.py`."""
  return [sys.executable, '-m', f'bin.{name}', *flags]


def environment() -> dict[str, str]:
  """Of a subprocess: finds the package, without TensorFlow's start banner."""
  return {
    **os.environ,
    'PYTHONPATH': str(ROOT),
    'TF_CPP_MIN_LOG_LEVEL': '3',
    'PYTHONUNBUFFERED': '1',
  }


def call(
  name: str, *flags: str, timeout: float = 280, typed: str | None = None
) -> subprocess.CompletedProcess:
  """Runs a binary to its end, with its output as text.

  Args:
    name: Name of the binary.
    *flags: Of the binary.
    timeout: Seconds after which it is killed.
    typed: What a person types in.
  """
  return subprocess.run(
    command(name, *flags),
    cwd=ROOT,
    env=environment(),
    capture_output=True,
    text=True,
    timeout=timeout,
    input=typed,
  )


@functools.lru_cache(maxsize=1)
def _fork_server() -> ForkServer:
  """The one of this process."""
  return ForkServer(environment())


def call_forked(
  name: str, *flags: str, timeout: float = 280, typed: str = ''
) -> subprocess.CompletedProcess:
  """Like `call`, without the seconds that TensorFlow takes to start.

  Each binary is run by `call` as well, as a user calls it.
  """
  with tempfile.TemporaryDirectory() as folder:
    paths = {
      stream: os.path.join(folder, stream)
      for stream in ('stdin', 'stdout', 'stderr')
    }
    pathlib.Path(paths['stdin']).write_text(typed)
    code = _fork_server().run(name, *flags, streams=paths, timeout=timeout)
    if code == -signal.SIGKILL:
      raise subprocess.TimeoutExpired(command(name, *flags), timeout)
    return subprocess.CompletedProcess(
      command(name, *flags),
      code,
      *(pathlib.Path(paths[out]).read_text() for out in ('stdout', 'stderr')),
    )


def write_questions(directory: pathlib.Path) -> None:
  """Writes `questions/{train,dev}.jsonl`: who asks for a land gets its city."""
  records = []
  for line in (directory / 'knowledge.jsonl').read_text().splitlines():
    record = json.loads(line)
    city = record['text'].split('. ')[1].split()[-1]
    question = f'What is the capital of {record["title"]}?'
    records.append({'question': question, 'answer': [city]})
  folder = directory / 'questions'
  folder.mkdir()
  for name, part in (('train', records[::2]), ('dev', records[1::2])):
    with open(folder / f'{name}.jsonl', 'w') as f:
      f.writelines(json.dumps(record) + '\n' for record in part)
