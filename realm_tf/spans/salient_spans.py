# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The pre-training corpus: documents in, records of salient spans out."""

import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from absl import logging

from realm_tf.configs.spans_config import SpansConfig
from realm_tf.corpus import processes, readers, sharding
from realm_tf.spans import (
  bert_tagger,
  lookup_pairs,
  span_rules,
  span_statistics,
  taggers,
)
from realm_tf.spans.document_tagging import tag_documents
from realm_tf.text import sentences

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
) -> processes.Processor:
  """Makes the function from a batch of raw records to span records."""
  config, cases = settings
  tagger = make_tagger(config, cases)
  return functools.partial(_to_spans, tagger=tagger, config=config)


def _to_spans(
  batch: Sequence[readers.RawRecord],
  tagger: taggers.Tagger | None,
  config: SpansConfig,
) -> processes.Result:
  documents, counts, problems = readers.parse_all(batch)
  tagged = tag_documents(documents, tagger, config, config.dates)
  counts.update(tagged.counts)
  counts['kept'] = len(tagged.records)
  return processes.Result(tagged.records, counts, problems, tagged.tallies)


def _sample_sentences(paths: Sequence[tuple[str, str]]) -> Iterator[str]:
  """Yields sentences from the beginnings of files spread over the input."""
  step = -(-len(paths) // _CASE_FILES)
  chosen = paths[::step]
  for path, format in chosen:
    left = _CASE_SAMPLE // len(chosen)
    for record in readers.raw_records(path, format):
      for document in readers.parse_all([record])[0]:
        yield from sentences.split_sentences(document.text)
        left -= len(document.text)
      if left <= 0:
        break


def tag_salient_spans(config: SpansConfig) -> dict[str, Any]:
  """Writes `spans-XXXXX-of-XXXXX.tfrecord.gz`, statistics and manifest.

  Reads what `build_corpus` reads, or the blocks it wrote: then sentence and
  block have the same title and text, and so the same document uid. An
  interrupted run with the same settings resumes.

  Returns:
    The manifest: `counts`, `fingerprint`, `settings`, `shards`.

  Raises:
    CorpusError: Input, tagger or output directory cannot be used.
    ValueError: `lookup_pairs` are asked for, but no name is mentioned twice.
  """
  job = plan(config)
  manifest = sharding.write_sharded(
    config,
    'spans',
    make_processor,
    job.processor_settings,
    job.settings,
    paths=job.paths,
    summarize=span_statistics.summarize,
  )
  write_pairs(config, manifest)
  return manifest


def write_pairs(config: SpansConfig, manifest: Mapping[str, Any]) -> None:
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


class Plan(NamedTuple):
  """What a config comes to.

  Attributes:
    paths: (path, format) of the input.
    settings: What the output depends on, for the manifest.
    processor_settings: Argument of `make_processor`.
  """

  paths: list[tuple[str, str]]
  settings: dict[str, Any]
  processor_settings: tuple[SpansConfig, taggers.CaseCounts]


def plan(config: SpansConfig) -> Plan:
  """Looks at input and tagger.

  Raises:
    CorpusError: They cannot be used.
  """
  paths = sharding.input_files(config)
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
  }
  cases = taggers.NO_CASES
  if config.tagger == 'gazetteer':
    # Its content, not its path: copies are the same, and a file can be edited.
    settings['gazetteer'] = config.gazetteer and (
      readers.content_digest(config.gazetteer, ends=None)
    )
    cases = taggers.count_cases(_sample_sentences(paths))
  elif config.tagger == 'spacy':
    settings['spacy_pipeline'] = config.spacy_pipeline
  elif config.tagger == 'bert':
    settings['bert_tagger'] = readers.content_digest(
      bert_tagger.weights_file(config.bert_tagger), ends=None
    )
  return Plan(paths, settings, (config, cases))
