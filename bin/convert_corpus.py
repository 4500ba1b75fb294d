# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Converts a knowledge corpus of the original release into ours, and back.

    python -m bin.convert_corpus --from='retrieval_corpus/docs.tfr.gz-*' \
        --vocab_file=bert/vocab.txt --to=data/wikipedia

--from takes REALM's TFRecords (docs.tfr.gz-*) or the JSONL with "title" and
"body" that they are made of, or a directory of ORQA's blocks.tfr, titles.tfr
and, if it is there, examples.tfr. Each block stays one block, in its order, so
that the embeddings of an `encoded/encoded.ckpt` belong to it; wordpieces that
the files have are kept. Text that is not yet in blocks is for bin/build_corpus.

The other way, a corpus of ours is written as the original's programs read it:

    python -m bin.convert_corpus --from=data/wikipedia --to=docs \
        --format=realm --num_shards=50
    python -m bin.convert_corpus --from=data/wikipedia --to=orqa \
        --format=orqa --vocab_file=bert/vocab.txt

Pre-training corpora need no conversion: bin/pretrain_realm reads the original's
TFRecords, and bin/tag_salient_spans writes such.

Cost: about 5,000 blocks of 250 wordpieces a second, in one process.

Result: --to appears when it is whole; printed is the number of blocks.
"""

import os

from absl import app, flags, logging

from bin import console
from realm_tf.corpus.corpus import Corpus
from realm_tf.original import corpus_conversion, original_corpus
from realm_tf.text.tokenizer import BertTokenizer

_FROM = flags.DEFINE_string(
  'from', None, 'Files or directory, see above.', required=True
)
_TO = flags.DEFINE_string('to', None, 'Directory to be made.', required=True)
_FORMAT = flags.DEFINE_enum(
  'format', 'ours', ['ours', 'realm', 'orqa'], 'What is written.'
)
_VOCAB_FILE = flags.DEFINE_string(
  'vocab_file', None, 'Of the wordpieces; not needed for --format=realm.'
)
_LOWER_CASE = flags.DEFINE_bool(
  'lower_case', True, 'Whether the vocabulary is an uncased one.'
)
_NUM_SHARDS = flags.DEFINE_integer(
  'num_shards', 50, 'Files of --format=realm.', lower_bound=1
)


def _tokenizer() -> BertTokenizer:
  if _VOCAB_FILE.value is None:
    raise app.UsageError('give --vocab_file')
  return BertTokenizer.from_file(
    _VOCAB_FILE.value, lower_case=_LOWER_CASE.value
  )


def _convert() -> int:
  """Converts as the flags say; returns the number of blocks."""
  source, output = _FROM.value, _TO.value
  if os.path.exists(output) and (
    not os.path.isdir(output) or os.listdir(output)
  ):
    raise ValueError(f'--to: {output} is there already: name a new directory')
  if _FORMAT.value == 'ours':
    tokenizer = _tokenizer()
    blocks = original_corpus.read(source)
    return len(
      corpus_conversion.to_corpus(blocks, output, tokenizer, source=source)
    )
  documents = Corpus.open(source)
  if _FORMAT.value == 'realm':
    corpus_conversion.to_realm(documents, output, num_shards=_NUM_SHARDS.value)
  else:
    corpus_conversion.to_orqa(documents, output, _tokenizer())
  return len(documents)


def main(argv: list[str]) -> None:
  """Converts as the flags say."""
  if len(argv) > 1:
    raise app.UsageError(f'these are no flags: {" ".join(argv[1:])}')
  logging.set_verbosity(logging.WARNING)
  with console.one_line_errors('convert_corpus'):
    count = _convert()
  print(f'{count:,} blocks in {_TO.value}')


if __name__ == '__main__':
  app.run(main)
