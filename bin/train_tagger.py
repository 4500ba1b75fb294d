# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Trains a BERT that finds names, for tag_salient_spans --tagger=bert.

    python -m bin.train_tagger --model_dir=out/tagger --bert=BERT \
        --train_files=wikigold.conll.txt --mixed_precision

--train_files are in CoNLL format: a token per line with its tag in the last of
two or four columns, an empty line after each sentence, -DOCSTART- before each
document; IO, BIO, IOB1 or BIOES. Without --dev_files a fifth of the documents
is held out (--dev_share, --split_seed).

It is trained on whole documents, cut into overlapping windows, and on copies of
them in which names have changed places with others of the same label
(--swapped_copies). That is for small data: CoNLL-2003 needs no copies.

Cost: on 2 cores, 6 layers of 384 (all-MiniLM-L6-v2): 0.8 s per step of 12
windows in bfloat16, 8 minutes in all; 1.5 GB.

Expect: `f1` on held-out documents, shown at each evaluation, is near 0.70 after
100 steps and near 0.75 at the end for these weights on Wikigold. The best
export is model_dir/export/tf_hub_best/<step>/tagger, a SavedModel from raw text
to spans. Printed are scores by label, and a confusion table. A killed run
resumes when it is started again with the same flags.
"""

from realm_tf.configs.tagger_config import TaggerConfig

from . import config_flags, program

config_flags.define(TaggerConfig)


def main() -> None:
  """Trains as the flags say."""
  config = config_flags.make(TaggerConfig)
  from realm_tf.spans import entities
  from realm_tf.tasks import tagger

  result = tagger.train(config)
  print(entities.describe_scores(result.scores), end='\n\n')
  print(
    entities.describe_confusion(result.confusion, result.labels), end='\n\n'
  )
  print(
    f'F1 of the last step {result.last_f1:.4f}, of step {result.step} above.'
  )
  print(f'The tagger is {result.directory}')


if __name__ == '__main__':
  program.run(main)
