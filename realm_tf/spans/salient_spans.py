# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The pre-training corpus: documents in, records of salient spans out."""

import contextlib
import functools
import hashlib
import os
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from absl import logging

from realm_tf.configs.corpus_config import ReadingConfig
from realm_tf.configs.spans_config import SpansConfig
from realm_tf.corpus import beam_runner, block_records, job, readers, workers
from realm_tf.io import atomic
from realm_tf.spans import (
  bert_tagger,
  lookup_pairs,
  span_rules,
  span_statistics,
  taggers,
)
from realm_tf.spans.document_tagging import tag_documents
from realm_tf.text import sentences

STATISTICS = 'statistics.json'

# Characters of text that are read to count capitalized words, and the maximum
# number of files that they are from.
_CASE_SAMPLE = 8_000_000
_CASE_FILES = 64


def make_tagger(
  config: SpansConfig, cases: taggers.CaseCounts = taggers.NO_CASES
) -> taggers.Tagger | None:
  """Makes the tagger of names that a config asks for, if any.

  Args:
    config: Which tagger.
    cases: How words are capitalized, for the gazetteer tagger.

  Raises:
    CorpusError: It cannot be made.
  """
  if config.tagger == 'spacy':
    return taggers.SpacyTagger(config.spacy_pipeline)
  if config.tagger == 'bert':
    return bert_tagger.BertTagger(config.bert_tagger)
  if config.tagger == 'gazetteer':
    names: frozenset[str] = frozenset()
    if config.gazetteer:
      names = taggers.read_gazetteer(config.gazetteer)
    return taggers.GazetteerTagger(cases, names)
  return None


def _labels(config: SpansConfig) -> list[str]:
  """The labels that can occur; no model is loaded."""
  known = {
    'gazetteer': lambda: ['NAME'],
    'spacy': lambda: [*taggers.SpacyTagger.LABELS],
    'bert': lambda: bert_tagger.read_info(config.bert_tagger)['labels'],
    'none': list,
  }[config.tagger]()
  return [*known, 'DATE'] if config.dates else known


def make_processor(
  settings: tuple[SpansConfig, taggers.CaseCounts],
) -> workers.Processor:
  """Makes the function from a batch of raw records to span records."""
  config, cases = settings
  tagger = make_tagger(config, cases)
  return functools.partial(_to_spans, tagger=tagger, config=config)


def _to_spans(
  batch: Sequence[readers.RawRecord],
  tagger: taggers.Tagger | None,
  config: SpansConfig,
) -> workers.Result:
  documents, counts, problems = readers.parse_all(batch, config)
  tagged = tag_documents(documents, tagger, config, config.dates)
  counts.update(tagged.counts)
  counts['kept'] = len(tagged.records)
  return workers.Result(tagged.records, counts, problems, tagged.tallies)


def _sample_sentences(
  paths: Sequence[tuple[str, str]], reading: ReadingConfig
) -> Iterator[str]:
  """Yields sentences from the beginnings of files spread over the input."""
  step = -(-len(paths) // _CASE_FILES)
  chosen = paths[::step]
  for path, format in chosen:
    left = _CASE_SAMPLE // len(chosen)
    for record in readers.raw_records(path, format, reading=reading):
      for document in readers.parse_all([record], reading)[0]:
        yield from sentences.split_sentences(document.text)
        left -= len(document.text)
      if left <= 0:
        break


@contextlib.contextmanager
def _open_part(
  directory: pathlib.Path, number: int, before: job.Note | None
) -> Iterator[tuple[Callable[[list[bytes]], None], job.Note]]:
  """Opens a file of records; its digests are those of batches."""
  del before
  facts: job.Note = {'digests': [], 'num_records': 0}
  with (
    atomic.atomic_file(directory / _part_name(number)) as f,
    block_records.record_writer(f.name) as writer,
  ):

    def write(records: list[bytes]) -> None:
      digest = hashlib.sha256()
      for record in records:
        digest.update(record)
        writer.write(record)
      facts['digests'].append(digest.hexdigest())
      facts['num_records'] += len(records)

    yield write, facts


def _part_name(number: int) -> str:
  return f'{number:05d}.tfrecord.gz'


def _finish(
  directory: pathlib.Path, notes: Sequence[job.Note], total: job.Note
) -> None:
  """Gives the parts their names and writes statistics and manifest."""
  output = directory.parent
  names = []
  digest = hashlib.sha256()
  for number, note in enumerate(notes):
    names.append(f'spans-{number:05d}-of-{len(notes):05d}.tfrecord.gz')
    part = directory / _part_name(number)
    # Not there: an earlier call was killed after this.
    if part.exists():
      os.replace(part, output / names[-1])
    for batch in note['digests']:
      digest.update(bytes.fromhex(batch))
  atomic.write_json(
    output / STATISTICS,
    span_statistics.summarize(total['counts'], total['tallies']),
  )
  atomic.write_json(
    output / 'manifest.json',
    {
      'kind': 'spans',
      'counts': total['counts'],
      'fingerprint': digest.hexdigest(),
      'settings': total['settings'],
      'shards': names,
      'records_in_shards': [note['num_records'] for note in notes],
    },
  )


def tag_salient_spans(config: SpansConfig) -> dict[str, Any]:
  """Writes `spans-XXXXX-of-XXXXX.tfrecord.gz`, statistics and manifest.

  Reads what `build_corpus` reads, or a corpus: then sentence and block have the
  same title and text, and so the same document uid. Resumes an interrupted run
  of the same settings.

  Returns:
    The manifest: `counts`, `fingerprint`, `settings`, `shards`.

  Raises:
    CorpusError: Input, tagger or output directory cannot be used.
  """
  made = _make_job(config)
  if config.pipeline == 'beam':
    manifest = beam_runner.run(config, made, config.beam_options)
  else:
    manifest = job.run(config, made)
  _write_pairs(config, manifest)
  return manifest


def _write_pairs(config: SpansConfig, manifest: Mapping[str, Any]) -> None:
  """Writes the look-up pairs of tagged spans, if the config asks for them."""
  if config.lookup_pairs:
    counts = lookup_pairs.write_pairs(
      [os.path.join(config.output_dir, shard) for shard in manifest['shards']],
      config.lookup_pairs,
      config,
      show_progress=config.progress,
    )
    logging.info(
      '%s pairs from %s of %s documents',
      *(
        f'{counts[c]:,}' for c in ('pairs', 'documents_with_pairs', 'documents')
      ),
    )


def _make_job(config: SpansConfig) -> job.Job:
  """Looks at input and tagger.

  Raises:
    CorpusError: They cannot be used.
  """
  files = job.input_files(config)
  # These fail here, in one line, rather than in every process.
  span_rules.check_labels(config.labels, _labels(config))
  make_tagger(config)
  settings: dict[str, Any] = {
    'tagger': config.tagger,
    'dates': config.dates,
    # With the names that the first outputs have.
    'rules': {
      'labels': list(config.labels),
      'min_chars': config.min_span_chars,
      'max_chars': config.max_span_chars,
      'unique_texts': config.unique_spans,
      'drop_spanless': config.drop_spanless,
    },
    'records_per_shard': job.batches_per_part(config) * job.BATCH_RECORDS,
  }
  if config.pipeline != 'local':
    settings['pipeline'] = config.pipeline
  cases = taggers.NO_CASES
  if config.tagger == 'gazetteer':
    # Its content, not its path: copies are the same, and a file can be edited.
    settings['gazetteer'] = config.gazetteer and (
      readers.content_digest(config.gazetteer, ends=None)
    )
    cases = taggers.count_cases(_sample_sentences(files, config))
  elif config.tagger == 'spacy':
    settings['spacy_pipeline'] = config.spacy_pipeline
  elif config.tagger == 'bert':
    settings['bert_tagger'] = readers.content_digest(
      bert_tagger.weights_file(config.bert_tagger), ends=None
    )
  return job.Job(
    kind='spans',
    files=files,
    make_processor=make_processor,
    processor_settings=(config, cases),
    open_part=_open_part,
    finish=_finish,
    settings=settings,
    outputs=('spans-?????-of-?????.tfrecord.gz', STATISTICS),
  )
