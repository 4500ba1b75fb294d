# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs a job on Apache Beam, for input of many files.

A part of the output is made of consecutive files, or rows of a corpus, by one
worker. The output is that of `job.run` but for the way it is divided into
parts; its fingerprint is the same where one part holds everything.
"""

import itertools
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

from realm_tf.configs.corpus_config import JobConfig, ReadingConfig
from realm_tf.corpus import job as job_lib
from realm_tf.corpus import workers
from realm_tf.corpus.document import CorpusError
from realm_tf.corpus.problems import Problems
from realm_tf.io import atomic

_Part = tuple[int, list[job_lib.File], int, int | None]
"""Number, files, first record, and number of batches (None for all)."""


def _parts(config: JobConfig, job: job_lib.Job) -> Iterator[_Part]:
  size = job_lib.batches_per_part(config) * job_lib.BATCH_RECORDS
  number, waiting, expected = itertools.count(), [], 0
  for file in job.files:
    total = job_lib.total_records([file])
    if file[1] == 'corpus':
      for start in range(0, total, size):
        yield next(number), [file], start, job_lib.batches_per_part(config)
      continue
    waiting.append(file)
    expected += total
    if expected >= size:
      yield next(number), waiting, 0, None
      waiting, expected = [], 0
  if waiting:
    yield next(number), waiting, 0, None


def run(
  config: JobConfig, job: job_lib.Job, options: Sequence[str] = ()
) -> dict[str, Any]:
  """Runs a job whose parts do not depend on one another.

  Resumes an interrupted run: parts with a note are not made again.

  Args:
    config: `num_processes` and `progress` are ignored. Input and output
      must be visible to all workers under the same paths.
    job: Job to run.
    options: Options of Beam, such as `--runner=DirectRunner`.

  Returns:
    The manifest.

  Raises:
    CorpusError: Beam is not installed; or as `job.run`.
  """
  try:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
  except ImportError as e:
    raise CorpusError(
      "Apache Beam is not installed: pip install 'realm_tf[beam]'"
    ) from e

  with atomic.working_in(config.output_dir):
    workspace = job_lib.Workspace(config, job)
    manifest = workspace.open()
    if manifest is not None:
      return manifest
    todo = [p for p in _parts(config, job) if p[0] not in workspace.notes]
    make_processor, settings = job.make_processor, job.processor_settings
    open_part, directory = job.open_part, str(workspace.directory)

    class WritePart(beam.DoFn):
      """Writes parts; makes the processor once in each worker."""

      def setup(self) -> None:
        self._process = make_processor(settings)

      def process(self, element: _Part) -> Iterator[int]:
        yield _write_part(self._process, open_part, directory, element, config)

    with beam.Pipeline(options=PipelineOptions(list(options))) as pipeline:
      _ = (
        pipeline
        | 'Parts' >> beam.Create(todo)
        | 'Spread' >> beam.Reshuffle()
        | 'Write' >> beam.ParDo(WritePart())
      )
    workspace.read_notes()
    problems = Problems(config.strict)
    for note in workspace.notes.values():
      problems.merge(note['counts'], note['problems'])
    return workspace.finish(problems)


def _write_part(
  process: workers.Processor,
  open_part: job_lib.OpenPart,
  directory: str,
  part: _Part,
  reading: ReadingConfig,
) -> int:
  number, files, start, count = part
  batches = itertools.islice(job_lib.batches(files, (0, start), reading), count)
  job_lib.write_part(
    open_part,
    pathlib.Path(directory),
    number,
    None,
    ((process(batch), position) for batch, position in batches),
    Problems(silent=True),
  )
  return number
