# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Finds names and dates in text: the pre-training corpus.

    python -m bin.tag_salient_spans \
        --input=data/wikipedia --output_dir=data/spans

--input takes everything that build_corpus takes, and the corpora it writes.
Give it the corpus if the knowledge corpus itself is the pre-training text:
sentence and block then have the same document uid, and a sentence's own block
is never among its candidates.

--tagger=gazetteer (the default) needs nothing: a name is a sequence of
capitalized words; a word at the start of a sentence counts if the corpus
capitalizes it elsewhere. --gazetteer=FILE adds names, one per line. On Wikigold
it finds 84 % of the entities exactly, and 73 % of what it finds is one (87 %
overlap one). --tagger=bert is the paper's: --bert_tagger=DIR names the
model_dir of train_tagger, or an export in it. --tagger=spacy takes an installed
pipeline by name (pip install 'realm_tf[spacy]'); --tagger=none finds dates
alone.

Of spans that overlap a date is kept, then the longer one, then the one that
begins first. --labels, --min_span_chars and --max_span_chars drop others.

With --lookup_pairs=FILE pairs of a sentence and a passage that tells its blank
are written, too, for pretrain_bert --train_passages=FILE: a name that stands in
two sentences of a document is the blank of one, and the sentences around the
other are the passage. A reader that has learned from them that answers can be
looked up helps the retriever from the beginning of pretrain_realm.

Cost: about 1,200 documents of 200 words per second and core with the gazetteer,
and 10 s to start; spaCy is 10 to 50 times as slow. A BERT of 6 layers of 384
tags 15 to 25 documents per second on two cores, one of 2 layers of 128 about
200. Pairs are made of 2,000 documents of 150 words per second. An interrupted
run resumes. --pipeline=beam uses Apache Beam (pip install 'realm_tf[beam]'),
with its options in --beam_options.

Expect: in --output_dir spans-XXXXX-of-XXXXX.tfrecord.gz, an Example per
document (title, text, sentence_byte_start, sentence_byte_limit,
span_byte_start, span_byte_limit), statistics.json (spans per sentence, by
label, the most frequent) and manifest.json; `describe` shows them. Printed:

    spans
      read                                 6,578
      kept                                 6,577
      ...
    sentences with a span: 76.1% of 75,550; 1.94 spans a sentence
      DATE               9,989    6.8%
      NAME             136,806   93.2%
      most frequent: US (1,272), United States (1,117), U.S. (833) ...
"""

import dataclasses
import os

from realm_tf.configs.spans_config import SpansConfig

from . import config_flags, program

config_flags.define(SpansConfig)


def main() -> None:
  """Tags as the flags say."""
  config = config_flags.make(SpansConfig)
  from realm_tf.corpus import job
  from realm_tf.io import atomic
  from realm_tf.spans import salient_spans, span_statistics
  from realm_tf.training import run_directory

  if config.bert_tagger:
    config = dataclasses.replace(
      config, bert_tagger=run_directory.best_tagger(config.bert_tagger)
    )
  manifest = salient_spans.tag_salient_spans(config)
  print(job.describe_counts(manifest))
  statistics = os.path.join(config.output_dir, salient_spans.STATISTICS)
  print(span_statistics.describe(atomic.read_json(statistics)))


if __name__ == '__main__':
  program.run(main)
