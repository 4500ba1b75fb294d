# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Makes passages that tell what is masked in a sentence, to train a BERT on.

    python -m bin.make_lookup_pairs --input='data/spans/spans-*' \
        --output=data/pairs.jsonl
    python -m bin.pretrain_bert --model_dir=out/bert --bert=BERT \
        --train_passages=data/pairs.jsonl --train_steps=2500

Needs records of bin/tag_salient_spans. A name that stands in two sentences of a
document is the blank of the one, and the sentences around the other are the
passage. A reader that has learnt from such pairs that answers can be looked up
is of use to the retriever from the beginning of bin/pretrain_realm.

Cost: 2,000 documents of 150 words a second.

Result: JSONL with `query`, `span` and `text`, as bin/pretrain_bert reads it;
printed are the numbers:

    70,967 pairs from 27,381 of 39,097 documents
"""

from absl import app, flags

from bin import console
from realm_tf.spans import lookup_pairs

_INPUT = flags.DEFINE_string(
  'input',
  None,
  'Records of bin/tag_salient_spans; comma-separated globs.',
  required=True,
)
_OUTPUT = flags.DEFINE_string(
  'output', None, 'The file that is written.', required=True
)
_PAIRS_PER_DOCUMENT = flags.DEFINE_integer(
  'pairs_per_document', 3, 'Pairs of a document at most.', lower_bound=1
)
_PASSAGE_WORDS = flags.DEFINE_integer(
  'passage_words',
  55,
  'Words of a passage at most. Together with its sentence it should be within'
  ' --max_length of bin/pretrain_bert.',
  lower_bound=1,
)
_SEED = flags.DEFINE_integer('seed', 0, 'Of the choice of names.')


def main(argv: list[str]) -> None:
  """Writes the pairs."""
  if len(argv) > 1:
    raise app.UsageError(f'these are no flags: {" ".join(argv[1:])}')
  console.show_messages()
  with console.one_line_errors('make_lookup_pairs'):
    counts = lookup_pairs.write_pairs(
      _INPUT.value,
      _OUTPUT.value,
      seed=_SEED.value,
      max_pairs=_PAIRS_PER_DOCUMENT.value,
      passage_words=_PASSAGE_WORDS.value,
    )
  print(
    f'{counts["pairs"]:,} pairs from {counts["documents_with_pairs"]:,} of'
    f' {counts["documents"]:,} documents'
  )


if __name__ == '__main__':
  app.run(main)
