# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Builds a knowledge corpus: text of many formats in, blocks out.

    python -m bin.build_corpus \
        --input='dumps/enwiki-latest-pages-articles.xml.bz2' \
        --bert=BERT_DIR --output_dir=data/wikipedia

--input takes JSONL and JSON arrays with "text" and perhaps "title", "id" and
"url", as BEIR, KILT, Pyserini, MS MARCO and SQuAD name them; csv, tsv (DPR's,
ColBERT's) and Parquet by the names of their columns; WikiExtractor's output in
both of its forms; a MediaWiki XML dump of any language as downloaded; plain
text (a file per document); and a corpus. Files may be packed by gzip, bzip2, xz
or zstd, and in UTF-16. Paths, globs and directories are separated by commas.
--title_field, --text_field and --id_field name other fields or columns. Zstd
and Parquet need `pip install 'realm_tf[formats]'`. What each file was taken for
is printed; HTML, SQL, PDF, archives and the like are refused by name.

Disambiguation pages, redirects and whatever is no article are left out and
counted, and so are lists, indices and outlines of Wikipedia, pages that would
take long to parse, and blocks that are there already. A malformed record is
counted by kind, the first of each kind are reported with file and line, and it
is left out, too; with --strict it ends the build. A file that is cut off is an
error unless --accept_damaged is given, and so is input without a document:
nothing is written then.

Cost: about 3,500 documents of 200 words per second and core, and 10 s to
start; from the XML of Wikipedia, 1.6 MB of wikitext per second and core (2.5
core hours for every 14 GB). 0.7 GB of memory per process. An interrupted build
resumes when the same command is given again.

Expect: in --output_dir manifest.json, which has all facts about the corpus,
vocab.txt and documents/, which indexes and trainings map into memory. The same
input gives the same files, whatever --num_processes; `describe` shows them.
Printed: what was read, kept and left out, such as

    corpus
      read as jsonl                wiki.jsonl.gz
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
