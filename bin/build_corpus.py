# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Builds the knowledge corpus: text of many formats in, blocks out.

    python -m bin.build_corpus \
      --input='dumps/enwiki-latest-pages-articles.xml.bz2' \
      --vocab_file=bert/vocab.txt --output_dir=data/wikipedia

--input takes JSONL with "title" and "text", WikiExtractor's output (both of
its forms), a MediaWiki XML dump as downloaded, DPR's psgs_w100.tsv, and plain
text, a file a document; plain, .gz or .bz2; paths, globs and directories,
separated by commas. The format is found out by looking, or given by --format.

Lists, indices, outlines, disambiguation pages, redirects and whatever is no
article are left out and counted. A malformed line is reported with file and
line and left out too; with --strict it ends the build.

Cost: about 3,500 documents of 200 words a second and core, and some 10 s to
start; from the XML of Wikipedia, 1.6 MB of wikitext a second and core (2.5 core
hours for every 14 GB). 0.7 GB of memory a process. What was interrupted goes
on behind the last whole shard when the same command is given again.

Result: in --output_dir blocks-XXXXX-of-XXXXX.tfrecord.gz (title, body,
title_token_ids, body_token_ids), manifest.json, and documents/, the
memory-mapped form that index and trainer read. The same input gives the same
files, whatever --num_processes. Printed: what was read, kept and left out, e.g.

    blocks in 1 shard(s)
      read                                27,597
      kept                                27,285
      blocks                              27,433
      ...
"""

import os

from absl import app, flags

from realm_tf.configs.corpus_config import CorpusConfig
from realm_tf.corpus import build_corpus, corpus, readers, sharding

FLAGS = flags.FLAGS

flags.DEFINE_list('input', None, 'Files, globs or directories to read.')
flags.DEFINE_string('output_dir', None, 'Where the corpus goes.')
flags.DEFINE_string(
  'vocab_file', None, "BERT's vocabulary, a wordpiece a line."
)
flags.DEFINE_bool(
  'lower_case', True, 'Whether the vocabulary is an uncased one.'
)
flags.DEFINE_enum(
  'format', 'auto', ['auto', *readers.FORMATS], 'What the input is.'
)
flags.DEFINE_integer(
  'max_block_length',
  288,
  'Wordpieces of a block at most, [CLS] title [SEP] body [SEP] counted.',
)
flags.DEFINE_integer(
  'records_per_shard', 50_000, 'Input documents of an output shard.'
)
flags.DEFINE_integer(
  'num_processes',
  0,
  'Processes; 0: one per core, or one alone if the input is small.',
)
flags.DEFINE_bool('strict', False, 'End at the first malformed record.')
flags.DEFINE_bool(
  'overwrite', False, 'Replace a corpus that stands in --output_dir.'
)
flags.mark_flags_as_required(['input', 'output_dir', 'vocab_file'])


def main(argv: list[str]) -> None:
  """Reads the flags and builds."""
  if len(argv) > 1:
    raise app.UsageError(f'unknown argument {argv[1]!r}')
  try:
    manifest = build_corpus.build_corpus(
      CorpusConfig(
        input=FLAGS.input,
        output_dir=FLAGS.output_dir,
        format=FLAGS.format,
        records_per_shard=FLAGS.records_per_shard,
        num_processes=FLAGS.num_processes,
        strict=FLAGS.strict,
        overwrite=FLAGS.overwrite,
        vocab_file=FLAGS.vocab_file,
        lower_case=FLAGS.lower_case,
        max_block_length=FLAGS.max_block_length,
      )
    )
    corpus.write_documents(
      os.path.join(FLAGS.output_dir, 'blocks-*.tfrecord.gz'),
      os.path.join(FLAGS.output_dir, 'documents'),
      vocab_size=manifest['vocab_size'],
      vocab_fingerprint=manifest['vocab_fingerprint'],
    )
  except (ValueError, OSError) as e:
    raise SystemExit(f'build_corpus: {e}') from None
  print(sharding.describe_counts(manifest))


if __name__ == '__main__':
  app.run(main)
