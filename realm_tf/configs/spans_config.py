# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of tagging salient spans."""

import dataclasses
from collections.abc import Sequence
from typing import Literal

from realm_tf.configs.config import Config
from realm_tf.configs.corpus_config import JobConfig

SPAN_GROUPS = ('person', 'organization', 'location', 'misc', 'date')


@dataclasses.dataclass(frozen=True, kw_only=True)
class SpanRulesConfig(Config):
  """Which of the spans found are kept.

  Attributes:
    labels: Groups of labels (person, organization, location, misc, date), or
      labels of the tagger. Defaults to all groups.
    min_span_chars: Minimum characters of a span. Defaults to 2.
    max_span_chars: Maximum characters of a span; 0 for no limit. Defaults to
      100.
    unique_spans: Keep only the first of a document's spans with the same text,
      ignoring case. Defaults to False.
    drop_spanless: Share of the sentences without a span that are left out of
      the records, chosen by their text alone. Defaults to 0.
  """

  labels: tuple[str, ...] = SPAN_GROUPS
  min_span_chars: int = 2
  max_span_chars: int = 100
  unique_spans: bool = False
  drop_spanless: float = 0.0

  def __post_init__(self) -> None:
    super().__post_init__()
    if not self.labels:
      raise ValueError('`labels` names no label')
    self.check_at_least(1, 'min_span_chars')
    if self.max_span_chars and self.max_span_chars < self.min_span_chars:
      raise ValueError(
        f'`max_span_chars` ({self.max_span_chars}) is less than'
        f' `min_span_chars` ({self.min_span_chars}); 0 is for no limit'
      )
    self.check_rate('drop_spanless')


@dataclasses.dataclass(frozen=True, kw_only=True)
class LookupPairsConfig(Config):
  """How pairs of a sentence and a passage that tells its blank are made.

  Attributes:
    pairs_per_document: Maximum number of pairs per document. Defaults to 3.
    passage_words: Maximum words of a passage. Passage and sentence together
      should not be longer than what they train. Defaults to 55.
    pairs_seed: Seed of the choice of names. Defaults to 0.
  """

  pairs_per_document: int = 3
  passage_words: int = 55
  pairs_seed: int = 0

  def __post_init__(self) -> None:
    super().__post_init__()
    self.check_at_least(1, 'pairs_per_document', 'passage_words')


@dataclasses.dataclass(frozen=True, kw_only=True)
class SpansConfig(JobConfig, SpanRulesConfig, LookupPairsConfig):
  """Configuration of tagging salient spans.

  Attributes:
    tagger: Tagger of names, or `none` for dates alone. Defaults to gazetteer.
    gazetteer: File of names, one per line, for the gazetteer tagger.
    spacy_pipeline: Name or path of an installed spaCy pipeline, for the spaCy
      tagger. Defaults to en_core_web_sm.
    bert_tagger: Model directory or export of a trained tagger, for the BERT
      tagger.
    dates: Whether dates are salient, too. Defaults to True.
    lookup_pairs: JSONL file to write pairs of a sentence and a passage to, for
      masked language modeling. Defaults to none.
    pipeline: What runs the job: local processes, or Apache Beam. Defaults to
      local.
    beam_options: Options of Beam, such as `--runner=DirectRunner`. Defaults to
      none.
  """

  tagger: Literal['gazetteer', 'spacy', 'bert', 'none'] = 'gazetteer'
  gazetteer: str = ''
  spacy_pipeline: str = 'en_core_web_sm'
  bert_tagger: str = ''
  dates: bool = True
  lookup_pairs: str = ''
  pipeline: Literal['local', 'beam'] = 'local'
  beam_options: Sequence[str] = ()

  def __post_init__(self) -> None:
    super().__post_init__()
    if self.tagger == 'none' and not self.dates:
      raise ValueError('`tagger` is none and `dates` false: nothing to find')
    for name, tagger in (('gazetteer', 'gazetteer'), ('bert_tagger', 'bert')):
      if getattr(self, name) and self.tagger != tagger:
        raise ValueError(f'`{name}`: the tagger {self.tagger} does not use it')
    if self.tagger == 'bert' and not self.bert_tagger:
      raise ValueError('`bert_tagger` is needed: a trained tagger')
    if self.beam_options and self.pipeline != 'beam':
      raise ValueError(
        '`beam_options`: `pipeline` is local and does not use them'
      )
