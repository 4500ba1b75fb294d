# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Adds documents to a corpus and its index, and removes some.

    python -m bin.update_index --corpus_dir=out/corpus \
        --index_dir=out/realm/index --add=news.jsonl --remove=gone.txt \
        --output_dir=out/edition2

Only the new documents are tokenized and embedded, by the embedder in the index;
a ScaNN index gains and loses rows without training its tree again. The corpus
and the index that are given are not changed. The result is a corpus and an
index that belong together, for whatever takes a corpus and its index:

    python -m bin.ask --model_dir=out/qa --corpus_dir=out/edition2/corpus \
        --index_dir=out/edition2/index

--add takes what build_corpus --input takes. --remove takes a title per line,
or, if the file ends in .jsonl, objects with an "id" (the document ids of
answers) and perhaps a "title", or a "title", a "uid" or a "row" (the block ids
that an exported model gives). Documents are removed before others are
added: to replace some, name them in both, or give --replace_titles.

A malformed line is reported with file and line and left out, and so is what
cannot be removed because it is not there; --strict makes either an error.
Blocks to add that are there already are counted and left out.

New rows that are like the old ones are found as well as those. Of rows unlike
any that the tree was trained on it may miss one in five: the program warns when
a tenth of the rows is new, and --retrain trains the tree again, without
embedding.

Cost: 5 s to start; the new documents as in build_index; 1 s per 100,000
documents for the index (8 with --retrain) and 1 s for the corpus. Memory,
measured with 100,000 rows of 256 numbers (0.1 GB of embeddings) and removals
only: 1.8 GB at the peak with ScaNN, 1.9 GB with --retrain, 1.5 GB with exact
search, of which 0.9 GB are TensorFlow.

Expect: in --output_dir corpus/ and index/<step>/, both at once when they are
whole. Documents that stay keep their order and their document ids, new ones
follow them: block ids are not those of the corpus before. --overwrite replaces
what an update wrote there and nothing else, and --output_dir may not contain
the corpus or the index that is given, nor lie in them. Printed: what was read,
removed, added, and the path of the index.
"""

from realm_tf.configs.update_config import UpdateConfig

from . import config_flags, program

config_flags.define(UpdateConfig)


def main() -> None:
  """Updates as the flags say."""
  config = config_flags.make(UpdateConfig)
  from realm_tf.indexing import corpus_update

  path, counts = corpus_update.update_corpus(config)
  for name, count in counts.items():
    print(f'  {name:<28}{count:>14,}')
  print(path)


if __name__ == '__main__':
  program.run(main)
