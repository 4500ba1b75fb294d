# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Salient spans as an Apache Beam pipeline, for corpora of many files.

The code of `salient_spans` turns batches of input records into span records;
Beam decides where and in which order. Each file is read by one worker, so many
files are read at the same time. The records are those of a local run, in
another order; the fingerprint is that of a local run where the input is one
file (there batches go on from one file to the next, here they do not).
"""

import collections
import hashlib
import json
import os
import pathlib
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from absl import logging

from realm_tf.configs.spans_config import SpansConfig
from realm_tf.corpus import estimates, processes, readers, sharding
from realm_tf.corpus import shards as shards_lib
from realm_tf.corpus.document import CorpusError
from realm_tf.spans import salient_spans, span_statistics

_MAX_REPORTED = 20
_RECORDS, _SUMMARY = 'records', 'summary.json'


def _make_pipeline(options: Sequence[str]) -> Any:
  try:
    import apache_beam as beam
    from apache_beam.options import pipeline_options
  except ImportError as e:
    raise CorpusError(
      "--pipeline=beam needs Apache Beam: pip install 'realm_tf[beam]'"
    ) from e
  return beam.Pipeline(options=pipeline_options.PipelineOptions(list(options)))


class _Summary(NamedTuple):
  """What is known of some batches, in any order.

  Attributes:
    counts: Of all.
    tallies: Of all.
    digests: (file, batch) -> digest of its records.
    problems: (file, batch, text), not all if there are many.
  """

  counts: collections.Counter
  tallies: dict[str, collections.Counter]
  digests: dict[tuple[int, int], str]
  problems: list[tuple[int, int, str]]


def _summarize(key: tuple[int, int], result: processes.Result) -> _Summary:
  digest = hashlib.sha256()
  for record in result.records:
    digest.update(record)
  return _Summary(
    result.counts,
    result.tallies or {},
    {key: digest.hexdigest()},
    [(*key, problem) for problem in result.problems[:_MAX_REPORTED]],
  )


def _add_up(summaries: Iterable[_Summary]) -> _Summary:
  """Makes a new object: Beam adds up in parts, and again."""
  total = _Summary(collections.Counter(), {}, {}, [])
  for summary in summaries:
    total.counts.update(summary.counts)
    shards_lib.add_tallies(total.tallies, summary.tallies)
    total.digests.update(summary.digests)
    total.problems.extend(summary.problems)
  del total.problems[_MAX_REPORTED:]
  return total


def _to_json(summary: _Summary) -> str:
  return json.dumps(
    {
      'counts': {'read': 0, **summary.counts},
      'tallies': shards_lib.most_frequent(summary.tallies),
      'digests': [digest for _, digest in sorted(summary.digests.items())],
      'problems': [problem for *_, problem in sorted(summary.problems)],
    }
  )


def _read(
  numbered: tuple[int, tuple[str, str]],
) -> Iterator[tuple[tuple[int, int], list[readers.RawRecord]]]:
  """Yields the batches of a file, numbered."""
  number, file = numbered
  for i, batch in enumerate(sharding.batches([file])):
    yield (number, i), [record for record, _ in batch]


def _add_steps(
  pipeline: Any,
  plan: salient_spans.Plan,
  directory: pathlib.Path,
  num_shards: int,
) -> None:
  """Adds the steps from files to records and a summary in `directory`."""
  import apache_beam as beam

  class Tag(beam.DoFn):
    """Loads the tagger once in each worker."""

    def setup(self) -> None:
      self._process = salient_spans.make_processor(plan.processor_settings)

    def process(self, element: tuple) -> Iterator[tuple]:
      key, batch = element
      yield key, self._process(batch)

  results = (
    pipeline
    | 'Files' >> beam.Create(list(enumerate(plan.paths)))
    | 'Spread files' >> beam.Reshuffle()
    | 'Read' >> beam.FlatMap(_read)
    | 'Spread batches' >> beam.Reshuffle()
    | 'Tag' >> beam.ParDo(Tag())
  )
  _ = (
    results
    | 'Records' >> beam.FlatMap(lambda element: element[1].records)
    | 'Write records'
    >> beam.io.WriteToTFRecord(
      str(directory / _RECORDS),
      file_name_suffix='.tfrecord.gz',
      num_shards=num_shards,
    )
  )
  _ = (
    results
    | 'Summarize' >> beam.MapTuple(_summarize)
    | 'Add up' >> beam.CombineGlobally(_add_up)
    | 'To JSON' >> beam.Map(_to_json)
    | 'Write summary'
    >> beam.io.WriteToText(
      str(directory / _SUMMARY), num_shards=1, shard_name_template=''
    )
  )


def _report(summary: Mapping[str, Any], strict: bool) -> None:
  problems = summary['problems']
  if strict and problems:
    raise CorpusError(f'{problems[0]} (--strict)')
  for problem in problems:
    logging.warning('skipped: %s', problem)
  more = summary['counts'].get('malformed', 0) - len(problems)
  if more > 0:
    logging.warning('%d further malformed records', more)


def tag_salient_spans(
  config: SpansConfig, options: Sequence[str] = ()
) -> dict[str, Any]:
  """Writes what `salient_spans.tag_salient_spans` writes, by Beam.

  A run that was interrupted begins anew: to resume is up to Beam's runner.

  Args:
    config: `num_processes` and `show_progress` do not count. Input and output
      must be visible to all workers under the same paths.
    options: Of Beam, as on its command line: `--runner=DirectRunner`.

  Returns:
    The manifest.

  Raises:
    CorpusError: Beam is not installed, or input, tagger or output directory
      will not do.
  """
  pipeline = _make_pipeline(options)
  plan = salient_spans.plan(config)
  shards = shards_lib.Shards(
    config.output_dir,
    'spans',
    {
      **sharding.full_settings(config, plan.settings, plan.paths),
      'pipeline': 'beam',
    },
  )
  manifest = shards.open(overwrite=config.overwrite)
  if manifest is not None:
    logging.info('%s is there already', config.output_dir)
    return manifest
  shards.forget()
  total = sum(estimates.estimate_records(*file) for file in plan.paths)
  num_shards = max(1, round(total / config.records_per_shard))
  work = shards.unfinished / 'beam'
  shutil.rmtree(work, ignore_errors=True)
  work.mkdir()
  with pipeline:
    _add_steps(pipeline, plan, work, num_shards)
  summary = json.loads((work / _SUMMARY).read_text())
  _report(summary, config.strict)
  del summary['problems']
  nothing: dict[str, Any] = {'counts': {}, 'tallies': {}, 'digests': []}
  for i, path in enumerate(sorted(work.glob(f'{_RECORDS}-*'))):
    count = sum(1 for _ in readers.raw_records(str(path), 'blocks'))
    os.replace(path, shards.data_file(i))
    shards.add({**(nothing if i else summary), 'num_records': count})
  manifest = shards.finish({}, span_statistics.summarize)
  salient_spans.write_pairs(config, manifest)
  return manifest
