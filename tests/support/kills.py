# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Kills programs at random moments, starts them again, and counts the damage.

    python -m tests.support.kills --work_dir=out/kills --kills=200

A program gets SIGKILL up to four times, after a random time or just after a
random change in its directory, and is then left to end. What it made is
compared with what it makes undisturbed. Each kill and each end is a line of
work_dir/log.jsonl; called again with the same directory it goes on from there,
which must be with the same code: what it compares with is kept.
"""

import argparse
import collections
import dataclasses
import json
import os
import pathlib
import random
import re
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from typing import Any

from realm_tf.io import checksums
from tests.support import small_programs, tiny_world
from tests.support.fork_server import ForkServer

_MOST_KILLS = 4
_TIMEOUT = 900.0
# Other in each run: times, and what depends on them.
_OF_TIME = re.compile(
  r'seconds|minutes|per_second|_at$|timestamp|crc32|deaths|swaps|swap_'
)
_NOT_COMPARED = ('saved_model.pb', 'checkpoint')
_EVENTS = re.compile(r'(?<=events\.out\.tfevents\.)\S+')
# Built after the last step, if there is time.
_OPTIONAL = re.compile(r'^index/[1-9]')


@dataclasses.dataclass
class Counts:
  """What was found.

  Attributes:
    kills: Processes that were killed.
    ends: Programs that came to their end after that.
    lost: What was there before a kill or should be, and is not.
    left: Names that an undisturbed run does not leave.
    different: Files whose content is not that of an undisturbed run.
    failed: Programs that did not end with 0.
  """

  kills: int = 0
  ends: int = 0
  lost: list[str] = dataclasses.field(default_factory=list)
  left: list[str] = dataclasses.field(default_factory=list)
  different: list[str] = dataclasses.field(default_factory=list)
  failed: list[str] = dataclasses.field(default_factory=list)

  def add(self, line: dict[str, Any]) -> None:
    """Counts a line of the log."""
    self.kills += line['event'] == 'kill'
    self.ends += line['event'] == 'end'
    for name in ('lost', 'left', 'different', 'failed'):
      getattr(self, name).extend(line.get(name, ()))

  @property
  def faults(self) -> list[str]:
    """All that should not be."""
    return [*self.lost, *self.left, *self.different, *self.failed]


def _files(directory: pathlib.Path) -> dict[str, pathlib.Path]:
  """Everything below a directory by name, event files without their time."""
  found = {
    _EVENTS.sub('*', str(path.relative_to(directory))): path
    for path in directory.rglob('*')
  }
  return {n: path for n, path in found.items() if not _OPTIONAL.match(n)}


def _without_time(value: Any) -> Any:
  if isinstance(value, dict):
    kept = (key for key in value if not _OF_TIME.search(key))
    return {key: _without_time(value[key]) for key in kept}
  return value


def _content(path: pathlib.Path, roots: Sequence[pathlib.Path]) -> Any:
  """What is compared of a file; where the runs lie is left out."""
  if path.suffix not in ('.json', '.jsonl'):
    return path.read_bytes()
  text = path.read_text()
  for root in roots:
    text = text.replace(str(root), '')
  lines = text.splitlines() if path.suffix == '.jsonl' else [text]
  return [_without_time(json.loads(line)) for line in lines]


def _compare(made: pathlib.Path, whole: pathlib.Path) -> dict[str, list[str]]:
  """Compares the directory of a program with that of an undisturbed run."""
  mine, its = _files(made), _files(whole)
  different = []
  roots = (made.parent, whole.parent)
  for name in sorted(mine.keys() & its.keys()):
    path = mine[name]
    if path.is_dir() or path.name in _NOT_COMPARED or name.endswith('*'):
      continue
    if _content(path, roots) != _content(its[name], roots):
      different.append(f'{made.name}/{name}')
  return {
    'lost': [f'{made.name}/{n}' for n in sorted(its.keys() - mine.keys())],
    'left': [f'{made.name}/{n}' for n in sorted(mine.keys() - its.keys())],
    'different': different,
  }


def _damaged(directory: pathlib.Path) -> list[str]:
  """Whatever lies under its final name and is not whole."""
  faults = []
  for info in directory.rglob('*.json'):
    if '.tmp-' in str(info) or info.name not in (
      *('metadata.json', 'realm.json', 'manifest.json'),
    ):
      continue
    parents = 2 if info.name == 'realm.json' else 1
    root = info.parents[parents - 1]
    try:
      checksums.verify(root, json.loads(info.read_text()).get(checksums.CRC32))
    except ValueError as e:
      faults.append(str(e))
  return faults


def _progress(directory: pathlib.Path) -> int:
  """How far a program has come that goes on where it was."""
  steps = [
    int(path.stem.rpartition('-')[2])
    for path in directory.glob('checkpoints/ckpt-*.index')
  ]
  parts = [int(p.stem) for p in directory.glob('.unfinished/[0-9]*.json')]
  batches = [
    json.loads(path.read_text())['batches']
    for path in directory.glob('.partial*/progress.json')
  ]
  return max([-1, *steps, *parts, *batches])


class Killer:
  """Runs programs and kills them."""

  def __init__(self, work_dir: str | os.PathLike, seed: int = 0):
    """Reads the log; undisturbed runs are made when they are needed."""
    self._root = pathlib.Path(work_dir).resolve()
    self._log = self._root / 'log.jsonl'
    self._tmp = self._root / 'tmp'
    self._whole = self._root / 'undisturbed'
    self._seed = seed
    self._seconds: dict[str, float] = {}
    self.counts = Counts()
    self._tmp.mkdir(parents=True, exist_ok=True)
    if self._log.exists():
      for line in self._log.read_text().splitlines():
        entry = json.loads(line)
        self.counts.add(entry)
        if entry['event'] == 'whole':
          self._seconds[entry['program']] = entry['seconds']
    small_programs.write_inputs(self._root / 'inputs')
    self._server = ForkServer(
      {**tiny_world.environment(), 'TMPDIR': str(self._tmp)}
    )
    # Until it has imported TensorFlow.
    self._server.run('describe', streams={'stderr': os.devnull})

  def _write(self, **line: Any) -> None:
    with open(self._log, 'a') as f:
      f.write(json.dumps(line) + '\n')
    self.counts.add(line)

  def _flags(self, name: str, output: pathlib.Path) -> Sequence[str]:
    return small_programs.flags(self._root / 'inputs', self._whole, output)[
      name
    ]

  def _run(self, name: str, output: pathlib.Path, **how: Any) -> int:
    said = str(self._root / 'said.txt')
    pathlib.Path(said).write_text('')
    return self._server.run(
      name,
      *self._flags(name, output),
      streams={'stdout': said, 'stderr': said},
      **how,
    )

  def run_whole(self, names: Sequence[str]) -> None:
    """Runs programs undisturbed, those that were not."""
    for name in names:
      if name in self._seconds:
        continue
      shutil.rmtree(self._whole / name, ignore_errors=True)
      start = time.monotonic()
      code = self._run(name, self._whole, timeout=_TIMEOUT)
      if code:
        raise ChildProcessError((self._root / 'said.txt').read_text())
      self._seconds[name] = time.monotonic() - start
      self._write(event='whole', program=name, seconds=self._seconds[name])

  def _moments(self, name: str, rng: random.Random) -> Iterator[dict[str, Any]]:
    """When to kill, then a moment that is after the end."""
    for _ in range(rng.randint(1, _MOST_KILLS)):
      if rng.random() < 0.5:
        yield {'timeout': rng.uniform(0.05, self._seconds[name])}
      else:
        changes = rng.randint(1, len(_files(self._whole / name)))
        yield {'timeout': _TIMEOUT, 'changes': changes}
    yield {'timeout': _TIMEOUT}

  def kill_one(self, name: str, most: int = _MOST_KILLS) -> None:
    """Kills a program some times; then it is let to its end and compared."""
    number = self.counts.kills
    rng = random.Random(f'{self._seed} {name} {number} {self.counts.ends}')
    output = self._root / 'killed'
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir()
    made = output / name
    before = -1
    for moment in self._moments(name, rng):
      if self.counts.kills - number >= most:
        moment = {'timeout': _TIMEOUT}
      code = self._run(name, output, watched=str(output), **moment)
      lost = [f'{name}: {fault}' for fault in _damaged(output)]
      if code != -signal.SIGKILL:
        break
      now = _progress(made)
      if now < before:
        lost.append(f'{name} went back from {before} to {now}')
      before = now
      self._write(event='kill', program=name, at=moment, lost=lost)
    found = collections.defaultdict(list, {'lost': lost})
    if code:
      said = (self._root / 'said.txt').read_text()
      found['failed'].append(f'{name} ended with {code}: {said[-2000:]}')
    else:
      for key, names in _compare(made, self._whole / name).items():
        found[key] += names
      found['left'] += [
        *(p.name for p in output.iterdir() if p != made),
        *(p.name for p in self._tmp.glob('*realm_tf*')),
      ]
    self._write(event='end', program=name, **found)


def main() -> None:
  """Kills as often as was asked for."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--work_dir', required=True)
  parser.add_argument('--kills', type=int, default=200)
  parser.add_argument('--seed', type=int, default=0)
  args = parser.parse_args()
  killer = Killer(args.work_dir, args.seed)
  names = list(small_programs.flags(*[pathlib.Path()] * 3))
  killer.run_whole(names)
  start = time.monotonic()
  while killer.counts.kills < args.kills:
    for name in names:
      if killer.counts.kills >= args.kills:
        break
      killer.kill_one(name, args.kills - killer.counts.kills)
      counts = killer.counts
      print(
        f'{time.monotonic() - start:.0f} s: {counts.kills} kills,'
        f' {counts.ends} ends, {len(counts.lost)} lost, {len(counts.left)}'
        f' left, {len(counts.different)} different,'
        f' {len(counts.failed)} failed',
        flush=True,
      )
  for fault in killer.counts.faults:
    print(fault)
  raise SystemExit(bool(killer.counts.faults))


if __name__ == '__main__':
  main()
