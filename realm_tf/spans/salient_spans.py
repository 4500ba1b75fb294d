# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The pre-training corpus: documents in, records of salient spans out."""

import collections
import functools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from realm_tf.configs.spans_config import SpansConfig
from realm_tf.corpus import processes, readers, sharding
from realm_tf.spans import bert_tagger, span_records, span_statistics, taggers
from realm_tf.spans.span_rules import DEFAULT_RULES, SpanRules, resolve
from realm_tf.text import sentences

TAGGERS = ('gazetteer', 'spacy', 'bert', 'none')

# Characters of text that are read to count how words are capitalised, from at
# most so many files.
_CASE_SAMPLE = 8_000_000
_CASE_FILES = 64


def make_tagger(
  config: SpansConfig, cases: taggers.CaseCounts | None
) -> taggers.Tagger | None:
  """Makes the tagger of names that a config asks for, if any."""
  if config.tagger == 'spacy':
    return taggers.SpacyTagger(config.spacy_pipeline)
  if config.tagger == 'bert':
    return bert_tagger.BertTagger(config.bert_tagger)
  if config.tagger == 'gazetteer':
    names: frozenset[str] = frozenset()
    if config.gazetteer:
      names = taggers.read_gazetteer(config.gazetteer)
    return taggers.GazetteerTagger(cases or taggers.NO_CASES, names)
  return None


def _check_labels(config: SpansConfig) -> None:
  """Checks, without loading models, that the labels wanted can occur."""
  known = {
    'gazetteer': lambda: ('NAME',),
    'spacy': lambda: taggers.SpacyTagger.LABELS,
    'bert': lambda: bert_tagger.read_info(config.bert_tagger)['labels'],
    'none': tuple,
  }[config.tagger]()
  config.part(SpanRules).check_labels(
    [*known, *(['DATE'] if config.dates else [])]
  )


def make_processor(
  settings: tuple[SpansConfig, taggers.CaseCounts | None],
) -> processes.Processor:
  """Makes what turns a batch of raw records into span records."""
  config, cases = settings
  tagger = make_tagger(config, cases)
  return functools.partial(_to_spans, tagger=tagger, config=config)


def _to_spans(
  batch: Sequence[readers.RawRecord],
  tagger: taggers.Tagger | None,
  config: SpansConfig,
) -> processes.Result:
  documents, counts, problems = readers.parse_all(batch)
  tagged = tag_documents(
    documents, tagger, config.part(SpanRules), config.dates
  )
  counts.update(tagged.counts)
  counts['kept'] = len(tagged.records)
  return processes.Result(tagged.records, counts, problems, tagged.tallies)


class Tagged(NamedTuple):
  """What documents became.

  Attributes:
    records: Serialized span records of those that have spans, in order.
    counts: `sentences`, `sentences_with_spans`, `spans_LABEL`,
      `spans_dropped_REASON`, `sentences_dropped`, `skipped_no_spans`.
    tallies: Of `span_statistics`.
  """

  records: list[bytes]
  counts: collections.Counter
  tallies: dict[str, collections.Counter]


class _Chooser:
  """Keeps spans by rules, and counts."""

  def __init__(self, rules: SpanRules):
    self._rules = rules
    self.counts: collections.Counter = collections.Counter()
    self.per_sentence: collections.Counter = collections.Counter()
    self.frequent: collections.Counter = collections.Counter()

  def choose(
    self, sentence: bytes, found: Sequence[taggers.Span], seen: set[str]
  ) -> list[taggers.Span]:
    """The spans of a sentence that are kept.

    Args:
      sentence: UTF-8.
      found: Its spans, in any order; they may overlap.
      seen: Texts of the document's spans so far; is added to.
    """
    kept = []
    rules = self._rules
    wanted = [span for span in found if rules.wants(span.label)]
    self._drop('label', len(found) - len(wanted))
    disjoint = resolve(wanted)
    self._drop('overlap', len(wanted) - len(disjoint))
    for span in disjoint:
      text = sentence[span.start : span.limit].decode()
      if not rules.fits(len(text)):
        self._drop('length', 1)
        continue
      if rules.unique_spans:
        if text.casefold() in seen:
          self._drop('repeated', 1)
          continue
        seen.add(text.casefold())
      kept.append(span)
      self.counts[f'spans_{span.label}'] += 1
      self.frequent[span_statistics.frequent_key(span.label, text)] += 1
    self.counts['sentences_with_spans'] += bool(kept)
    self.per_sentence[str(len(kept))] += 1
    return kept

  def _drop(self, reason: str, count: int) -> None:
    # No zeros: they would be in the manifest.
    if count:
      self.counts[f'spans_dropped_{reason}'] += count


def _tag_whole(
  documents: Sequence[readers.Document],
  in_bytes: Sequence[Sequence[tuple[int, int]]],
  tagger: taggers.Tagger,
) -> tuple[list[list[taggers.Span]], int]:
  """Tags documents, and hands the spans out to their sentences.

  Args:
    documents: In order.
    in_bytes: (start, limit) of their sentences.
    tagger: Given whole documents.

  Returns:
    The spans of each sentence, from its start; and how many are in none
    because they go on from one to the next.
  """
  result = []
  total = kept = 0
  tagged = tagger.tag([d.text for d in documents])
  for places, spans in zip(in_bytes, tagged):
    total += len(spans)
    i = 0
    for start, limit in places:
      inside = []
      while i < len(spans) and spans[i].start < limit:
        span = spans[i]
        if start <= span.start and span.limit <= limit:
          inside.append(
            taggers.Span(span.start - start, span.limit - start, span.label)
          )
        i += 1
      kept += len(inside)
      result.append(inside)
  return result, total - kept


def tag_documents(
  documents: Sequence[readers.Document],
  tagger: taggers.Tagger | None,
  rules: SpanRules = DEFAULT_RULES,
  with_dates: bool = True,
) -> Tagged:
  """Finds the salient spans of documents.

  Args:
    documents: In order.
    tagger: Of names; None for dates alone.
    rules: Which spans are kept; where two overlap, see `span_rules`.
    with_dates: Whether dates are looked for.
  """
  spans_of = [sentences.sentence_spans(d.text) for d in documents]
  texts = [
    d.text[start:limit]
    for d, found in zip(documents, spans_of)
    for start, limit in found
  ]
  none: list[list[taggers.Span]] = [[] for _ in texts]
  in_bytes = [
    sentences.byte_spans(d.text, found) for d, found in zip(documents, spans_of)
  ]
  chooser = _Chooser(rules)
  counts = chooser.counts
  names = none
  if tagger is not None and getattr(tagger, 'whole_documents', False):
    names, across = _tag_whole(documents, in_bytes, tagger)
    if across:
      counts['spans_dropped_across_sentences'] = across
  elif tagger is not None:
    names = tagger.tag(texts)
  found_dates = taggers.tag_dates(texts) if with_dates else none
  records = []
  i = 0
  for document, sentence_spans in zip(documents, in_bytes):
    text = document.text.encode()
    places = []
    spans = []
    seen: set[str] = set()
    for start, limit in sentence_spans:
      sentence = text[start:limit]
      kept = chooser.choose(sentence, [*found_dates[i], *names[i]], seen)
      i += 1
      if not kept and rules.drops_sentence(sentence):
        counts['sentences_dropped'] += 1
        continue
      places.append((start, limit))
      spans += [(start + span.start, start + span.limit) for span in kept]
    counts['sentences'] += len(sentence_spans)
    if not spans:
      counts['skipped_no_spans'] += 1
      continue
    records.append(
      span_records.encode_document(document.title.encode(), text, places, spans)
    )
  tallies = {
    span_statistics.SPANS_PER_SENTENCE: chooser.per_sentence,
    span_statistics.FREQUENT: chooser.frequent,
  }
  return Tagged(records, counts, tallies)


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
  block have the same title and text, and so the same document uid. Goes on
  where an interrupted run of the same settings stopped.

  Returns:
    The manifest: `counts`, `fingerprint`, `settings`, `shards`.

  Raises:
    CorpusError: Input, tagger or output directory will not do.
  """
  job = plan(config)
  return sharding.write_sharded(
    config,
    'spans',
    make_processor,
    job.processor_settings,
    job.settings,
    paths=job.paths,
    summarize=span_statistics.summarize,
  )


class Plan(NamedTuple):
  """What a config comes to.

  Attributes:
    paths: (path, format) of the input.
    settings: What the output depends on, for the manifest.
    processor_settings: What `make_processor` takes.
  """

  paths: list[tuple[str, str]]
  settings: dict[str, Any]
  processor_settings: tuple[SpansConfig, taggers.CaseCounts | None]


def plan(config: SpansConfig) -> Plan:
  """Looks at input and tagger.

  Raises:
    CorpusError: They will not do.
  """
  paths = sharding.input_files(config)
  # These fail here, in one line, rather than in every process.
  _check_labels(config)
  make_tagger(config, None)
  settings: dict[str, Any] = {
    'tagger': config.tagger,
    'dates': config.dates,
    'rules': {
      **config.part(SpanRules).to_dict(),
      'labels': list(config.labels),
    },
  }
  cases = None
  if config.tagger == 'gazetteer':
    # Not where it lies: copies are the same, and a file can be edited.
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
