# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A job that turns many input files into one output directory, resumably.

The input is read as batches of records. Several batches make a part of the
output, of which a note in `.unfinished/` says that it is on disk; a run that
was killed resumes after the last part with a note. What is written does not
depend on the number of processes. `manifest.json` appears last.

`run` works in this process and in others on this machine, `beam_runner` where
Apache Beam says; both write parts by `write_part`.
"""

import collections
import contextlib
import dataclasses
import itertools
import os
import pathlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from absl import logging

from realm_tf.configs.corpus_config import JobConfig, ReadingConfig
from realm_tf.corpus import corpus, estimates, formats, readers, workers
from realm_tf.corpus.document import CorpusError
from realm_tf.corpus.problems import Problems
from realm_tf.io import atomic
from realm_tf.io import files as file_lib
from realm_tf.io.progress import progress

# Input records of a batch: enough for the tokenizer to be fast.
BATCH_RECORDS = 512
_UNFINISHED = '.unfinished'
# Entries of a tally that a part keeps, the most frequent.
_TALLIED = 20_000
# Bytes of text below which one process is done before others have started
# (each imports TensorFlow), and how far gzip and bzip2 pack text.
_SMALL_INPUT = 48 << 20
_PACKING = 3
# Files of a format that are named to the user.
_FILES_NAMED = 3

File = tuple[str, str]
"""Path and format."""
Position = tuple[int, int]
"""Number of a file, and of the next record in it."""
Note = dict[str, Any]
_NOTE = {'counts': dict, 'tallies': dict, 'problems': list}
OpenPart = Callable[
  [pathlib.Path, int, Note | None],
  contextlib.AbstractContextManager[tuple[Callable[[Any], Any], Note]],
]
"""Opens a part by `.unfinished/`, its number, and the note before it.

Gives what writes a `workers.Result.output`, and may return more counts; and a
dict that holds, when the part is closed and on disk, what the note says of it.
"""


@dataclasses.dataclass(frozen=True)
class Job:
  """What a job does with its input.

  Attributes:
    kind: Kind of the output, in its manifest.
    files: Input files.
    make_processor: Makes what processes a batch; a function of a module.
    processor_settings: Argument of `make_processor`.
    open_part: Opens a part of the output.
    finish: Puts the parts where they belong. Is given `.unfinished/`, the
      notes, and the sums of their counts and tallies; writes
      `manifest.json` last. Repeatable: it may be killed and called again.
    settings: What the output depends on; a run resumes only with the same.
    outputs: Globs of the files in the output directory: replaced with
      `overwrite`, else an error if they are there without a manifest.
  """

  kind: str
  files: Sequence[File]
  make_processor: workers.MakeProcessor
  processor_settings: Any
  open_part: OpenPart
  finish: Callable[[pathlib.Path, list[Note], Note], None]
  settings: Mapping[str, Any]
  outputs: Sequence[str]


def input_files(config: JobConfig) -> list[File]:
  """Returns the input files in order.

  Raises:
    CorpusError: A file is not there, or its format is unknown.
  """
  return [
    (
      path,
      formats.detect_format(path, config)
      if config.format == 'auto'
      else config.format,
    )
    for path in readers.list_files(config.input)
  ]


def batches_per_part(config: JobConfig) -> int:
  """Returns the number of batches of a part of the output."""
  return max(1, round(config.records_per_shard / BATCH_RECORDS))


def describe_files(files: Sequence[File]) -> list[dict[str, str]]:
  """Names input files without where on this machine they lie."""
  paths = [os.path.abspath(path) for path, _ in files]
  root = os.path.commonpath([os.path.dirname(path) for path in paths])
  return [
    {
      'path': os.path.relpath(path, root),
      'digest': readers.content_digest(path),
      'format': format,
    }
    for path, (_, format) in zip(paths, files)
  ]


def batches(
  files: Sequence[File], position: Position, reading: ReadingConfig
) -> Iterator[tuple[list[readers.RawRecord], Position]]:
  """Yields batches of `BATCH_RECORDS` records with the position after each."""

  def records() -> Iterator[tuple[readers.RawRecord, Position]]:
    first, skip = position
    for i, (path, format) in enumerate(files[first:], first):
      start = skip if i == first else 0
      its = readers.raw_records(path, format, start, reading)
      for number, record in enumerate(its, start + 1):
        yield record, (i, number)

  stream = records()
  while batch := list(itertools.islice(stream, BATCH_RECORDS)):
    yield [record for record, _ in batch], batch[-1][1]


def total_records(files: Iterable[File]) -> int:
  """Estimates the number of records of files."""
  return sum(estimates.estimate_records(*file) for file in files)


def write_part(
  open_part: OpenPart,
  directory: pathlib.Path,
  number: int,
  before: Note | None,
  results: Iterable[tuple[workers.Result, Position]],
  problems: Problems,
) -> Note:
  """Writes a part of the output and takes note of it.

  Args:
    open_part: Opens the part.
    directory: `.unfinished/`.
    number: Number of the part.
    before: Note of the part before it.
    results: Results of the part.
    problems: Takes what is malformed.

  Returns:
    The note.
  """
  total: Note = {'counts': collections.Counter(read=0), 'tallies': {}}
  with open_part(directory, number, before) as (write, facts):
    for result, position in results:
      problems.merge(result.counts, result.problems)
      _add(total, result.counts, result.tallies or {})
      total['counts'].update(write(result.output) or {})
      total['position'] = position
  tallies = {
    name: dict(counted.most_common(_TALLIED))
    for name, counted in total['tallies'].items()
  }
  note = {
    **total,
    **facts,
    'tallies': tallies,
    'problems': problems.first,
  }
  atomic.write_json(directory / f'{number:05d}.json', note)
  return note


def _add(total: Note, counts: Mapping, tallies: Mapping[str, Mapping]) -> None:
  total['counts'].update(counts)
  for name, counted in tallies.items():
    its = total['tallies'].setdefault(name, collections.Counter())
    its.update(counted)


class Workspace:
  """The output directory of a job, and the notes about its parts.

  Attributes:
    directory: `.unfinished/`.
    notes: Notes of the parts that are there, by number.
  """

  def __init__(self, config: JobConfig, job: Job):
    """Reads nothing yet."""
    self._output = pathlib.Path(config.output_dir)
    self._overwrite = config.overwrite
    self._job = job
    self._settings = {
      **job.settings,
      **config.fields,
      'input': describe_files(job.files),
    }
    self.directory = self._output / _UNFINISHED
    self._settings_file = self.directory / 'settings.json'
    self.notes: dict[int, Note] = {}

  def open(self) -> dict[str, Any] | None:
    """Finds out what is there.

    Returns:
      The manifest, if the same output is there already.

    Raises:
      CorpusError: Another output is there, or half of one.
    """
    if self._overwrite:
      self._check_removable()
      self._remove()
    # An older program wrote it so, and was killed.
    atomic.remove_stale(self._output, corpus.DOCUMENTS)
    for path in (self._output / corpus.MANIFEST, self._settings_file):
      if not path.exists():
        continue
      there = atomic.read_object(path, {}, {'settings': dict})
      difference = _difference(there.get('settings', {}), self._settings)
      if there.get('kind') != self._job.kind:
        difference = f'it is of kind {there.get("kind")!r}'
      whole = path != self._settings_file
      if difference:
        what = 'a whole' if whole else 'an unfinished'
        raise CorpusError(
          f'`output_dir`: {self._output} holds {what} output of other settings'
          f' ({difference}); name another directory, or set `overwrite`'
        )
      if whole:
        # Left by a kill after the manifest was written.
        shutil.rmtree(self.directory, ignore_errors=True)
        logging.info('%s is there already', self._output)
        return there
    self.directory.mkdir(parents=True, exist_ok=True)
    atomic.remove_stale(self.directory)
    if not self._settings_file.exists():
      left = [*self.directory.iterdir(), *self._outputs()]
      tops = (self._output / o.split('/')[0] for o in self._job.outputs)
      left += [path for path in tops if path.exists()]
      if left:
        raise CorpusError(
          f'`output_dir`: {left[0]} is left of an output that is not whole and'
          ' cannot be resumed; name another directory, or set `overwrite`'
        )
      atomic.write_json(
        self._settings_file,
        {'kind': self._job.kind, 'settings': self._settings},
      )
    self.read_notes()
    return None

  def read_notes(self) -> None:
    """Reads the notes about parts."""
    self.notes = {
      int(path.stem): atomic.read_object(path, _NOTE)
      for path in sorted(self.directory.glob('?????.json'))
    }

  def _outputs(self) -> list[pathlib.Path]:
    return sorted(p for o in self._job.outputs for p in self._output.glob(o))

  def _check_removable(self) -> None:
    """Checks that directories of an earlier output hold nothing else."""
    own = {self._output, *self._outputs()}
    for folder in {(self._output / o).parent for o in self._job.outputs} - own:
      for path in sorted(folder.glob('*')):
        if path not in own:
          raise CorpusError(
            f'`output_dir`: {path} is not of the output that `overwrite` would'
            ' replace; move it away, or name another directory'
          )

  def _remove(self) -> None:
    """Removes an earlier output, and nothing else."""
    # First: nothing can resume what a killed call leaves.
    self._settings_file.unlink(missing_ok=True)
    (self._output / corpus.MANIFEST).unlink(missing_ok=True)
    shutil.rmtree(self.directory, ignore_errors=True)
    for path in self._outputs():
      path.unlink()
      if path.parent != self._output and not any(path.parent.iterdir()):
        path.parent.rmdir()

  def discard(self) -> None:
    """Removes what a run without a result wrote."""
    shutil.rmtree(self.directory)

  def finish(self, problems: Problems) -> dict[str, Any]:
    """Makes the parts the output; returns its manifest.

    Raises:
      CorpusError: There is no document in them; they are removed.
    """
    notes = [self.notes[number] for number in sorted(self.notes)]
    total: Note = {'counts': collections.Counter(), 'tallies': {}}
    for note in notes:
      _add(total, note['counts'], note['tallies'])
    # Those without a span are documents.
    if not total['counts']['kept'] + total['counts']['skipped_no_spans']:
      self.discard()
      raise _nothing_kept(self._job.files, total['counts'], problems)
    problems.counts.update(total['counts'] - problems.counts)
    problems.warn_if_most()
    total['counts'] = dict(sorted(total['counts'].items()))
    total['settings'] = self._settings
    self._job.finish(self.directory, notes, total)
    shutil.rmtree(self.directory)
    return atomic.read_json(self._output / corpus.MANIFEST)


def run(config: JobConfig, job: Job) -> dict[str, Any]:
  """Runs a job on this machine, or what an interrupted run left of it.

  Returns:
    The manifest.

  Raises:
    BlockingIOError: Another process works in the output directory.
    CorpusError: Input, settings or output directory cannot be used.
  """
  with atomic.working_in(config.output_dir):
    return _run(config, job)


def _run(config: JobConfig, job: Job) -> dict[str, Any]:
  workspace = Workspace(config, job)
  manifest = workspace.open()
  if manifest is not None:
    return manifest
  notes = workspace.notes
  before = notes[len(notes) - 1] if notes else None
  if before is not None:
    logging.info('resuming after part %d', len(notes))
  problems = Problems(config.strict)
  # A note has those of the notes before it, too.
  seen = (tuple(p) for note in notes.values() for p in note['problems'])
  problems.merge({}, dict.fromkeys(seen))
  position = tuple((before or {}).get('position', (0, 0)))
  results = workers.in_order(
    batches(job.files, position, config),
    job.make_processor,
    job.processor_settings,
    _num_processes(config, job.files),
  )
  bar = progress(
    desc=f'{job.kind}: input records',
    unit='doc',
    total=total_records(job.files),
    initial=sum(n['counts']['read'] for n in notes.values()),
    disable=not config.progress,
  )

  def shown() -> Iterator[tuple[workers.Result, Position]]:
    for result, position in results:
      bar.update(result.counts['read'])
      yield result, position

  stream = shown()
  try:
    with contextlib.closing(results), bar:
      while (first := next(stream, None)) or not notes:
        rest = itertools.islice(stream, batches_per_part(config) - 1)
        its = itertools.chain([first], rest) if first else ()
        before = notes[len(notes)] = write_part(
          job.open_part, workspace.directory, len(notes), before, its, problems
        )
  except CorpusError:
    # Of the input; a call with other input or settings is to find nothing.
    if not notes:
      workspace.discard()
    raise
  return workspace.finish(problems)


def _nothing_kept(
  files: Sequence[File], counts: Mapping[str, int], problems: Problems
) -> CorpusError:
  left_out = [
    f'{count} {name}'
    for name, count in sorted(counts.items())
    if count and name.startswith(('malformed_', 'skipped_'))
  ]
  said = f' ({", ".join(left_out)})' if left_out else ''
  (path, format), more = files[0], len(files) - 1
  others = f' and {more} more files' if more else ''
  return CorpusError(
    f'`input`: no document in {path} (read as {format}){others}:'
    f' {counts["read"]} records{said}{problems.explain()}; nothing is written'
  )


def _taken_for(described: Sequence[Mapping[str, str]]) -> list[str]:
  """Returns a line for each format: the files that were taken for it."""
  paths: dict[str, list[str]] = {}
  for file in described:
    paths.setdefault(file['format'], []).append(file['path'])
  return [
    f'  read as {name:<21}{", ".join(its[:_FILES_NAMED])}'
    + (f' and {len(its) - _FILES_NAMED} more' * (len(its) > _FILES_NAMED))
    for name, its in paths.items()
  ]


def _num_processes(config: JobConfig, files: Iterable[File]) -> int:
  if config.num_processes:
    return config.num_processes
  size = 0
  for path, format in files:
    packed: object = False
    if format == 'corpus':
      path = os.path.join(path, corpus.DOCUMENTS, 'body_text.bin')
    else:
      with open(path, 'rb') as f:
        packed = format == 'parquet' or file_lib.packing_of(f.read(8))
    size += os.path.getsize(path) * (_PACKING if packed else 1)
  return 1 if size < _SMALL_INPUT else os.cpu_count() or 1


def _difference(there: Mapping, wanted: Mapping) -> str:
  """Names the first setting, or input file, in which two jobs differ."""
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


def describe_counts(manifest: Mapping[str, Any]) -> str:
  """Returns what the input was taken for, and what was read, kept and skipped.

  For people, several lines.
  """
  counts = manifest.get('counts', {})
  lines = [manifest['kind']]
  lines += _taken_for(manifest.get('settings', {}).get('input', ()))
  first = {'read': 0, 'kept': 1}
  for name in sorted(counts, key=lambda n: (first.get(n, 2), n)):
    lines.append(f'  {name:<28}{counts[name]:>14,}')
  return '\n'.join(lines)
