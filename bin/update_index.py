# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Adds documents to a corpus and its index, and removes some.

    python -m bin.update_index --corpus_dir=out/corpus \
        --index_dir=out/realm/index --add=news.jsonl --remove=gone.txt \
        --output_dir=out/edition2

Only the new documents are tokenized and embedded, by the embedder that lies in
the index; a ScaNN index gets and loses rows and its tree is not trained again.
The corpus and the index that are given stay as they are. The result is a corpus
and an index that belong together, and goes wherever those did:

    python -m bin.ask --model_dir=out/qa --corpus_dir=out/edition2/corpus \
        --index_dir=out/edition2/index

--add takes what bin/build_corpus --input takes. --remove takes a title a line,
or, if it ends in .jsonl, objects with a "title", a "uid" or a "row" (the block
ids that the exported model gives). First it is removed, then added: to replace
documents name them in both, or give --replace_titles.

A malformed line is reported with file and line and left out, and so is what
cannot be removed since it is not there; with --strict that ends the program.
What is to be added and is there already, to the byte, is counted and left out.

Rows that are like those before are found as well as these were. Of rows unlike
any that the tree was trained on it may miss one in five: it warns where a tenth
of the rows is new, and --retrain trains the tree anew, without embedding.

Cost: 5 s to start; the new documents as of bin/build_index; 1 s a 100,000
documents for the index (8 with --retrain), and 8 s for writing the corpus, most
of it for the block records. Memory, measured with 100,000 rows of 256 numbers
(0.1 GB of embeddings) and removals only: 1.8 GB at the peak with ScaNN, 1.9 GB
with --retrain, 1.5 GB with exact search, of which 0.9 GB are TensorFlow.

Result: in --output_dir corpus/ and index/<step>/, both at once when they are
whole. Documents that stay keep their order, new ones come behind them: block
ids are not those of the corpus before. --overwrite replaces what an update
wrote there and nothing else, and --output_dir may not hold the corpus or the
index that is given, nor lie in them. Printed: what was read, removed, added,
and the path of the index.
"""

from absl import app, flags

from bin import console
from realm_tf.configs.update_config import UpdateConfig
from realm_tf.corpus import readers
from realm_tf.indexing import corpus_update

_CORPUS_DIR = flags.DEFINE_string(
  'corpus_dir', None, 'Of bin/build_corpus or this program.', required=True
)
_INDEX_DIR = flags.DEFINE_string(
  'index_dir', None, 'Its index, or the directory of several.', required=True
)
_OUTPUT_DIR = flags.DEFINE_string(
  'output_dir', None, 'For corpus/ and index/.', required=True
)
_ADD = flags.DEFINE_string(
  'add', '', 'Documents to add: files, globs, directories; by commas.'
)
_REMOVE = flags.DEFINE_string(
  'remove', '', 'Files that name the documents to remove; by commas.'
)
_FORMAT = flags.DEFINE_enum(
  'format', 'auto', ['auto', *readers.FORMATS], 'What --add is.'
)
_REPLACE_TITLES = flags.DEFINE_bool(
  'replace_titles', False, 'Remove documents that have the title of a new one.'
)
_STRICT = flags.DEFINE_bool(
  'strict', False, 'End at what is malformed, or cannot be removed.'
)
_RETRAIN = flags.DEFINE_bool(
  'retrain', False, 'Train the tree of a ScaNN index anew, on all rows.'
)
_OVERWRITE = flags.DEFINE_bool(
  'overwrite', False, 'Replace the update that stands in --output_dir.'
)
_EMBEDDER = flags.DEFINE_string(
  'embedder', None, 'TF Hub module, for an index without one in it.'
)
_MAX_LENGTH = flags.DEFINE_integer(
  'candidate_seq_len',
  None,
  'Wordpieces of a document, as of bin/build_index; default: what the index'
  ' says, or 288.',
)
_MIXED_PRECISION = flags.DEFINE_bool(
  'mixed_precision', None, 'Embed in bfloat16; default: as the index was.'
)


def main(argv: list[str]) -> None:
  """Updates as the flags say."""
  if len(argv) > 1:
    raise app.UsageError(f'these are no flags: {" ".join(argv[1:])}')
  console.show_messages()
  with console.one_line_errors('update_index'):
    path, counts = corpus_update.update_corpus(
      UpdateConfig(
        corpus_dir=_CORPUS_DIR.value,
        index_dir=_INDEX_DIR.value,
        output_dir=_OUTPUT_DIR.value,
        add=_ADD.value,
        remove=_REMOVE.value,
        format=_FORMAT.value,
        replace_titles=_REPLACE_TITLES.value,
        strict=_STRICT.value,
        retrain=_RETRAIN.value,
        overwrite=_OVERWRITE.value,
        embedder=_EMBEDDER.value,
        candidate_seq_len=_MAX_LENGTH.value,
        mixed_precision=_MIXED_PRECISION.value,
      )
    )
  for name, count in counts.items():
    print(f'  {name:<28}{count:>14,}')
  print(path)


if __name__ == '__main__':
  app.run(main)
