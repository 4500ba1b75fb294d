# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The pre-training corpus: documents in, records of salient spans out."""

import collections
import dataclasses
import functools
from collections.abc import Iterator, Sequence
from typing import Any

from realm_tf.corpus import (
  processes,
  readers,
  sentences,
  sharding,
  span_records,
  taggers,
)
from realm_tf.corpus.document import CorpusError

TAGGERS = ('gazetteer', 'spacy', 'none')

# Characters of text that are read to count how words are capitalised, from at
# most so many files.
_CASE_SAMPLE = 8_000_000
_CASE_FILES = 64


@dataclasses.dataclass(frozen=True)
class SpansConfig(sharding.ShardingConfig):
  """How to tag salient spans; see also `ShardingConfig`.

  Attributes:
    tagger: `gazetteer`, `spacy`, or `none` for dates alone.
    gazetteer: A file of names, one a line, for the gazetteer tagger.
    spacy_pipeline: An installed pipeline of spaCy.
    dates: Whether dates are salient, too.
  """

  tagger: str = 'gazetteer'
  gazetteer: str = ''
  spacy_pipeline: str = 'en_core_web_sm'
  dates: bool = True

  def __post_init__(self):
    super().__post_init__()
    if self.tagger not in TAGGERS:
      raise CorpusError(
        f'--tagger: {self.tagger!r} is none of {", ".join(TAGGERS)}'
      )
    if self.tagger == 'none' and not self.dates:
      raise CorpusError('--tagger=none --nodates: nothing to find')
    if self.gazetteer and self.tagger != 'gazetteer':
      raise CorpusError(f'--gazetteer: --tagger={self.tagger} does not read it')


def make_tagger(
  config: SpansConfig, cases: taggers.CaseCounts | None
) -> taggers.Tagger | None:
  """Makes the tagger of names that a config asks for, if any."""
  if config.tagger == 'spacy':
    return taggers.SpacyTagger(config.spacy_pipeline)
  if config.tagger == 'gazetteer':
    names: frozenset[str] = frozenset()
    if config.gazetteer:
      names = taggers.read_gazetteer(config.gazetteer)
    return taggers.GazetteerTagger(cases or taggers.NO_CASES, names)
  return None


def _make_processor(
  settings: tuple[SpansConfig, taggers.CaseCounts | None],
) -> processes.Processor:
  config, cases = settings
  tagger = make_tagger(config, cases)
  return functools.partial(_to_spans, tagger=tagger, with_dates=config.dates)


def _to_spans(
  batch: Sequence[readers.RawRecord],
  tagger: taggers.Tagger | None,
  with_dates: bool,
) -> processes.Result:
  documents, counts, problems = readers.parse_all(batch)
  records, span_counts = tag_documents(documents, tagger, with_dates)
  counts.update(span_counts)
  counts['kept'] = len(records)
  return processes.Result(records, counts, problems)


def tag_documents(
  documents: Sequence[readers.Document],
  tagger: taggers.Tagger | None,
  with_dates: bool = True,
) -> tuple[list[bytes], collections.Counter]:
  """Finds the salient spans of documents.

  Where a date and a name overlap, the date is taken.

  Returns:
    The serialized span records of the documents that have any, in order; and
    what was counted: `sentences`, `sentences_with_spans`, `spans_LABEL`,
    `skipped_no_spans`.
  """
  counts: collections.Counter = collections.Counter()
  spans_of = [sentences.sentence_spans(d.text) for d in documents]
  texts = [
    d.text[start:limit]
    for d, found in zip(documents, spans_of)
    for start, limit in found
  ]
  none: list[list[taggers.Span]] = [[] for _ in texts]
  names = tagger.tag(texts) if tagger else none
  found_dates = taggers.DateTagger().tag(texts) if with_dates else none
  records = []
  i = 0
  for document, sentence_spans in zip(documents, spans_of):
    in_bytes = sentences.byte_spans(document.text, sentence_spans)
    spans = []
    for start, _ in in_bytes:
      merged = taggers.merge(found_dates[i], names[i])
      for span in merged:
        spans.append((start + span.start, start + span.limit))
        counts[f'spans_{span.label}'] += 1
      counts['sentences_with_spans'] += bool(merged)
      i += 1
    counts['sentences'] += len(in_bytes)
    if not spans:
      counts['skipped_no_spans'] += 1
      continue
    records.append(
      span_records.encode_document(
        document.title.encode(), document.text.encode(), in_bytes, spans
      )
    )
  return records, counts


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
  """Writes `spans-XXXXX-of-XXXXX.tfrecord.gz` and `manifest.json`.

  Reads what `build_corpus` reads, or the blocks it wrote: then sentence and
  block have the same title and text, and so the same document uid. Goes on
  where an interrupted run of the same settings stopped.

  Returns:
    The manifest: `counts`, `fingerprint`, `settings`, `shards`.

  Raises:
    CorpusError: Input, tagger or output directory will not do.
  """
  paths = sharding.input_files(config)
  # Fails here, in one line, rather than in every process.
  make_tagger(config, None)
  settings: dict[str, Any] = {'tagger': config.tagger, 'dates': config.dates}
  cases = None
  if config.tagger == 'gazetteer':
    # Not where it lies: copies are the same, and a file can be edited.
    settings['gazetteer'] = config.gazetteer and (
      readers.content_digest(config.gazetteer, ends=None)
    )
    cases = taggers.count_cases(_sample_sentences(paths))
  elif config.tagger == 'spacy':
    settings['spacy_pipeline'] = config.spacy_pipeline
  return sharding.write_sharded(
    config,
    'spans',
    _make_processor,
    (config, cases),
    settings,
    paths=paths,
  )
