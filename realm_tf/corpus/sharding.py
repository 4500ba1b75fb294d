# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""From input files to sharded records: many processes, resumable, in order.

One process reads the input in order, cuts it into batches of raw records and
writes the shards; the others, and it too when it has time, turn batches into
serialized output records. A batch is the same whatever the number of processes,
and results are taken in the order of the input, so the output is the same to
the byte.

A finished shard stands in `OUTPUT/.unfinished/` with a note of where in the
input it ends; a build that was interrupted goes on behind the last of them.
When the input is used up the shards get their final names, and the manifest is
written last: a directory with a manifest is whole.
"""

import collections
import hashlib
import itertools
import os
from collections.abc import Iterator, Sequence
from typing import Any

from absl import logging

from realm_tf.configs.corpus_config import ShardingConfig
from realm_tf.corpus import block_records, estimates, processes, readers
from realm_tf.corpus import shards as shards_lib
from realm_tf.corpus.document import CorpusError
from realm_tf.io import atomic
from realm_tf.io.progress import progress

# Input records a process gets at a time: enough for the tokenizer to be fast.
# Part of the output's definition: the fingerprint is made batch by batch.
BATCH_RECORDS = 512
_MAX_REPORTED = 20
# Bytes of text below which one process is done before others have started
# (each imports TensorFlow); and how far gzip and bzip2 pack text.
_SMALL_INPUT = 48 << 20
_PACKING = 3


def batches(
  paths: Sequence[tuple[str, str]], position: tuple[int, int] = (0, 0)
) -> Iterator[list[tuple[readers.RawRecord, int]]]:
  """Yields batches of `BATCH_RECORDS` records with the index of their file.

  Args:
    paths: (path, format) of each file.
    position: File and record in it to begin at.
  """

  def records():
    first, skip = position
    for i, (path, format) in enumerate(paths[first:], first):
      start = skip if i == first else 0
      for record in readers.raw_records(path, format, start):
        yield record, i

  stream = records()
  while batch := list(itertools.islice(stream, BATCH_RECORDS)):
    yield batch


def _describe_inputs(paths: Sequence[tuple[str, str]]) -> list[dict]:
  """Names the input without where on this machine it lies."""
  root = os.path.commonpath(
    [os.path.dirname(os.path.abspath(p)) for p, _ in paths]
  )
  return [
    {
      'path': os.path.relpath(os.path.abspath(path), root),
      'digest': readers.content_digest(path),
      'format': format,
    }
    for path, format in paths
  ]


def full_settings(
  config: ShardingConfig,
  settings: dict[str, Any],
  paths: Sequence[tuple[str, str]],
) -> dict[str, Any]:
  """Adds what an output depends on in any case: input, and size of shards."""
  batches_per_shard = max(1, round(config.records_per_shard / BATCH_RECORDS))
  return {
    **settings,
    'input': _describe_inputs(paths),
    'records_per_shard': batches_per_shard * BATCH_RECORDS,
  }


def write_sharded(
  config: ShardingConfig,
  kind: str,
  make_processor: processes.MakeProcessor,
  processor_settings: Any,
  settings: dict[str, Any],
  extra: dict[str, Any] | None = None,
  paths: Sequence[tuple[str, str]] | None = None,
  summarize: shards_lib.Summarize | None = None,
) -> dict[str, Any]:
  """Reads all input, processes it, and writes shards and manifest.

  Args:
    config: What to read and where to write.
    kind: `blocks` or `spans`: the shards' name.
    make_processor: Called once in each process with `processor_settings`.
    processor_settings: Anything that can be pickled.
    settings: What the output depends on, for the manifest; a build resumes
      only if they are the same.
    extra: More entries for the manifest.
    paths: (path, format) of the input, where the caller has it already.
    summarize: Makes what is written as `shards.STATISTICS`; None writes none.

  Returns:
    The manifest.

  Raises:
    CorpusError: Of input or settings.
  """
  if paths is None:
    paths = input_files(config)
  settings = full_settings(config, settings, paths)
  batches_per_shard = settings['records_per_shard'] // BATCH_RECORDS
  shards = shards_lib.Shards(config.output_dir, kind, settings)
  manifest = shards.open(overwrite=config.overwrite)
  if manifest is not None:
    logging.info('%s is there already', config.output_dir)
    return manifest
  position = (0, 0)
  if shards.notes:
    position = tuple(shards.notes[-1]['position'])
    logging.info('Resuming behind shard %d', len(shards.notes) - 1)
  _write_shards(
    shards,
    config,
    paths,
    position,
    make_processor,
    processor_settings,
    batches_per_shard,
  )
  return shards.finish(extra or {}, summarize)


def input_files(config: ShardingConfig) -> list[tuple[str, str]]:
  """Returns the input's files and their formats, in order."""
  return [
    (p, readers.detect_format(p) if config.format == 'auto' else config.format)
    for p in readers.list_files(config.input)
  ]


def _num_processes(
  config: ShardingConfig, paths: Sequence[tuple[str, str]]
) -> int:
  if config.num_processes:
    return config.num_processes
  size = 0
  for path, _ in paths:
    packed = path.endswith(('.gz', '.bz2'))
    size += os.path.getsize(path) * (_PACKING if packed else 1)
  return 1 if size < _SMALL_INPUT else os.cpu_count() or 1


def _write_shards(
  shards: shards_lib.Shards,
  config: ShardingConfig,
  paths: Sequence[tuple[str, str]],
  position: tuple[int, int],
  make_processor: processes.MakeProcessor,
  processor_settings: Any,
  batches_per_shard: int,
) -> None:
  """Writes the shards behind `position`."""
  positions: collections.deque = collections.deque()

  def followed():
    # Follows where in the input each batch ends.
    file, offset = position
    for batch in batches(paths, position):
      for _, index in batch:
        file, offset = (index, offset + 1) if index == file else (index, 1)
      positions.append((file, offset))
      yield [record for record, _ in batch]

  reported = sum(n['counts'].get('malformed', 0) for n in shards.notes)
  results = processes.in_order(
    followed(),
    make_processor,
    processor_settings,
    _num_processes(config, paths),
  )
  bar = progress(
    desc=f'{shards.kind}: input records',
    unit='doc',
    total=sum(estimates.estimate_records(*file) for file in paths),
    initial=sum(n['counts']['read'] for n in shards.notes),
    disable=not config.progress,
  )
  try:
    while True:
      pending = next(results, None)
      if pending is None and shards.notes:
        break
      counts: collections.Counter = collections.Counter(read=0)
      tallies: dict[str, collections.Counter] = {}
      digests = []
      num_records = 0
      with atomic.atomic_file(shards.data_file(len(shards.notes))) as f:
        with block_records.record_writer(f.name) as writer:
          while pending is not None:
            for problem in pending.problems:
              reported += 1
              _report(problem, reported, config.strict)
            digest = hashlib.sha256()
            for record in pending.records:
              digest.update(record)
              writer.write(record)
            digests.append(digest.hexdigest())
            num_records += len(pending.records)
            counts.update(pending.counts)
            shards_lib.add_tallies(tallies, pending.tallies or {})
            position = positions.popleft()
            bar.update(pending.counts['read'])
            if len(digests) == batches_per_shard:
              break
            pending = next(results, None)
      shards.add(
        {
          'counts': dict(counts),
          'digests': digests,
          'num_records': num_records,
          'position': position,
          'tallies': shards_lib.most_frequent(tallies),
        }
      )
  finally:
    results.close()
    bar.close()


def _report(problem: str, number: int, strict: bool) -> None:
  if strict:
    raise CorpusError(f'{problem} (--strict)')
  if number <= _MAX_REPORTED:
    logging.warning('skipped: %s', problem)
  if number == _MAX_REPORTED:
    logging.warning('further malformed records are only counted')


def describe_counts(manifest: dict[str, Any]) -> str:
  """Returns what was read, kept and skipped, for people, several lines."""
  counts = manifest['counts']
  lines = [f'{manifest["kind"]} in {len(manifest["shards"])} shard(s)']
  first = {'read': 0, 'kept': 1}
  for name in sorted(counts, key=lambda n: (first.get(n, 2), n)):
    lines.append(f'  {name:<28}{counts[name]:>14,}')
  return '\n'.join(lines)
