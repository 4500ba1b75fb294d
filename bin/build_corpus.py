# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Builds a knowledge corpus: text of many formats in, blocks out.

    python -m bin.build_corpus \
        --input='dumps/enwiki-latest-pages-articles.xml.bz2' \
        --bert=BERT_DIR --output_dir=data/wikipedia

--input takes JSONL with "title" and "text" (and "id"), WikiExtractor's output
in both of its forms, a MediaWiki XML dump as downloaded, DPR's psgs_w100.tsv,
plain text (a file per document), and a corpus; plain, .gz or .bz2; paths,
globs and directories, separated by commas.

Lists, indices, outlines, disambiguation pages, redirects and whatever is no
article are left out and counted. A malformed line is reported with file and
line and left out, too; with --strict it ends the build.

Cost: about 3,500 documents of 200 words per second and core, and 10 s to
start; from the XML of Wikipedia, 1.6 MB of wikitext per second and core (2.5
core hours for every 14 GB). 0.7 GB of memory per process. An interrupted build
resumes when the same command is given again.

Expect: in --output_dir manifest.json, which has all facts about the corpus,
vocab.txt and documents/, which indexes and trainings map into memory. The same
input gives the same files, whatever --num_processes; `describe` shows them.
Printed: what was read, kept and left out, such as

    corpus
      read                                27,597
      kept                                27,285
      blocks                              27,433
      ...
"""

from realm_tf.configs.corpus_config import CorpusConfig

from . import config_flags, program

config_flags.define(CorpusConfig)


def main() -> None:
  """Builds as the flags say."""
  config = config_flags.make(CorpusConfig)
  from realm_tf.corpus import build_corpus, job

  print(job.describe_counts(build_corpus.build_corpus(config).info))


if __name__ == '__main__':
  program.run(main)
