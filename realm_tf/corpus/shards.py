# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The shards of a corpus: while they are made, and when they get their names.

A finished shard stands in `OUTPUT/.unfinished/` with a note beside it. The
manifest is written last: a directory with a manifest is whole.
"""

import collections
import hashlib
import os
import pathlib
import shutil
from collections.abc import Callable, Mapping
from typing import Any

from realm_tf.corpus.document import CorpusError
from realm_tf.io import atomic

_UNFINISHED = '.unfinished'
# Entries of a tally that a shard keeps, the most frequent.
_TALLIED = 20_000
STATISTICS = 'statistics.json'
# Makes the content of `STATISTICS` of counts and tallies.
Summarize = Callable[
  [Mapping[str, int], Mapping[str, collections.Counter]], dict[str, Any]
]


class Shards:
  """The shards of a build, finished and in the making."""

  def __init__(self, output_dir: str, kind: str, settings: dict):
    """Reads nothing yet.

    Args:
      output_dir: Where the shards go.
      kind: `blocks` or `spans`: their name.
      settings: What they depend on.
    """
    self.kind = kind
    self.settings = settings
    self.directory = pathlib.Path(output_dir)
    self.unfinished = self.directory / _UNFINISHED
    self.notes: list[dict] = []

  def open(self, *, overwrite: bool = False) -> dict | None:
    """Finds out what is there.

    Args:
      overwrite: Whether it is removed first.

    Returns:
      The manifest if the same corpus stands there already.

    Raises:
      CorpusError: Another corpus stands there, or half of one.
    """
    if overwrite:
      self._remove()
    for path in (self.directory / 'manifest.json', self._settings_file):
      if not path.exists():
        continue
      there = atomic.read_json(path)
      difference = _difference(there.get('settings', {}), self.settings)
      if there.get('kind') != self.kind:
        difference = f'it is of kind {there.get("kind")!r}'
      if difference:
        what = 'whole' if path.name == 'manifest.json' else 'unfinished'
        raise CorpusError(
          f'--output_dir: {self.directory} holds a {what} corpus of other'
          f' settings ({difference}); name another directory, or give'
          ' --overwrite'
        )
      if path.name == 'manifest.json':
        return there
    self.unfinished.mkdir(parents=True, exist_ok=True)
    atomic.remove_stale(self.unfinished)
    if not self._settings_file.exists():
      self._check_nothing_is_left()
      atomic.write_json(
        self._settings_file, {'kind': self.kind, 'settings': self.settings}
      )
    while self._note_file(len(self.notes)).exists():
      self.notes.append(atomic.read_json(self._note_file(len(self.notes))))
    return None

  @property
  def _settings_file(self) -> pathlib.Path:
    return self.unfinished / 'settings.json'

  def _note_file(self, shard: int) -> pathlib.Path:
    return self.unfinished / f'{shard:05d}.json'

  def data_file(self, shard: int) -> pathlib.Path:
    """Where a shard is written before it gets its name."""
    return self.unfinished / f'{shard:05d}.tfrecord.gz'

  def forget(self) -> None:
    """Drops the shards that an interrupted run has finished."""
    for path in [
      self.unfinished / name for name in os.listdir(self.unfinished)
    ]:
      if path.is_file() and path != self._settings_file:
        path.unlink()
    self.notes = []

  def _named(self) -> list[pathlib.Path]:
    """The shards that have their names."""
    pattern = f'{self.kind}-?????-of-?????.tfrecord.gz'
    return sorted(self.directory.glob(pattern))

  def _check_nothing_is_left(self) -> None:
    """Refuses shards of which nobody knows what they are of."""
    left = [*sorted(self.unfinished.glob('?????.*')), *self._named()]
    if left:
      raise CorpusError(
        f'--output_dir: {left[0]} is left of a corpus that is not whole and'
        ' that no build goes on with; name another directory, or give'
        ' --overwrite'
      )

  def _remove(self) -> None:
    """Removes what an earlier build left, and nothing else."""
    # First: nothing goes on with what a killed call leaves.
    self._settings_file.unlink(missing_ok=True)
    (self.directory / 'manifest.json').unlink(missing_ok=True)
    (self.directory / STATISTICS).unlink(missing_ok=True)
    shutil.rmtree(self.unfinished, ignore_errors=True)
    for path in self._named():
      path.unlink()

  def add(self, note: dict) -> None:
    """Takes note that the next shard is whole."""
    atomic.write_json(self._note_file(len(self.notes)), note)
    self.notes.append(note)

  def finish(self, extra: dict, summarize: Summarize | None) -> dict:
    """Gives the shards their names and writes the manifest."""
    total = len(self.notes)
    names = []
    for shard in range(total):
      name = f'{self.kind}-{shard:05d}-of-{total:05d}.tfrecord.gz'
      names.append(name)
      # Not there: an earlier try got as far as this one's name.
      if self.data_file(shard).exists():
        os.replace(self.data_file(shard), self.directory / name)
    counts: collections.Counter = collections.Counter()
    digest = hashlib.sha256()
    for note in self.notes:
      counts.update(note['counts'])
      for batch in note['digests']:
        digest.update(bytes.fromhex(batch))
    if summarize is not None:
      tallies: dict[str, collections.Counter] = {}
      for note in self.notes:
        add_tallies(tallies, note.get('tallies', {}))
      atomic.write_json(self.directory / STATISTICS, summarize(counts, tallies))
    manifest = {
      'kind': self.kind,
      'counts': dict(sorted(counts.items())),
      'fingerprint': digest.hexdigest(),
      'settings': self.settings,
      'shards': names,
      'records_in_shards': [note['num_records'] for note in self.notes],
      **extra,
    }
    atomic.write_json(self.directory / 'manifest.json', manifest)
    shutil.rmtree(self.unfinished)
    return manifest


def add_tallies(
  tallies: dict[str, collections.Counter], more: Mapping[str, Mapping]
) -> None:
  """Adds counts by name to those that are there."""
  for name, counted in more.items():
    tallies.setdefault(name, collections.Counter()).update(counted)


def most_frequent(
  tallies: Mapping[str, collections.Counter],
) -> dict[str, dict[str, int]]:
  """What a shard keeps of its tallies, as JSON values."""
  return {
    name: dict(counted.most_common(_TALLIED))
    for name, counted in tallies.items()
  }


def _difference(there: dict, wanted: dict) -> str:
  """Names the first setting, or input file, in which two builds differ."""
  for name in sorted({*there, *wanted}):
    was, now = there.get(name), wanted.get(name)
    if was == now:
      continue
    if name != 'input':
      return f'{name} is {was!r}, not {now!r}'
    files = ({frozenset(f.items()) for f in its or ()} for its in (was, now))
    paths = (dict(f)['path'] for f in set.symmetric_difference(*files))
    return f'the input files differ: {min(paths, default="their order")}'
  return ''
