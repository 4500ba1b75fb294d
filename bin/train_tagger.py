# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Trains a BERT that finds names, for bin/tag_salient_spans --tagger=bert.

    python -m bin.train_tagger --model_dir=out/tagger --bert=BERT \
        --train_files=wikigold.conll.txt --mixed_precision

--train_files are of the CoNLL format: a token a line with its tag in the last
of two or four columns, an empty line behind each sentence, -DOCSTART- before
each document; IO, BIO, IOB1 or BIOES. Without --dev_files a fifth of the
documents is held out (--dev_share, --split_seed).

It is trained on whole documents, cut into windows that overlap, and on copies
of them in which names have changed places with others of the same label
(--swapped_copies). That is for small data: CoNLL-2003 needs no copies.

Cost: on 2 cores, 6 layers of 384 (all-MiniLM-L6-v2): 0.8 s a step of 12
windows in bfloat16, 8 minutes in all; 1.5 GB.

Expect: `f1` on documents held out, in the log at each evaluation, is near 0.70
after 100 steps and near 0.75 at the end for these weights on Wikigold. The
best export is model_dir/export/tf_hub_best/<step>/tagger, a SavedModel from
raw text to spans. Printed are scores by label, and what is confused. Killed
and called again with the same flags it goes on where it was.
"""

from absl import app, flags

from bin import bert_flags, console, training_flags
from realm_tf.configs.tagger_config import TaggerConfig
from realm_tf.spans import entities
from realm_tf.tasks import tagger

# Where things are.
_TRAIN_FILES = flags.DEFINE_string(
  'train_files', None, 'CoNLL files, comma-separated globs.', required=True
)
_DEV_FILES = flags.DEFINE_string(
  'dev_files', None, 'The same, to evaluate on. Default: see --dev_share.'
)
_DEV_SHARE = flags.DEFINE_float(
  'dev_share', 0.2, 'Share of the training documents that is held out instead.'
)
_SPLIT_SEED = flags.DEFINE_integer(
  'split_seed', 0, 'Of the choice of documents held out.'
)

# What is trained.
bert_flags.define()
flags.adopt_module_key_flags(bert_flags)
_CASE_FEATURE = flags.DEFINE_bool(
  'case_feature',
  True,
  'Tell the model how a word is capitalised, which wordpieces in lower case do'
  ' not show.',
)
_TRAIN_WORD_EMBEDDINGS = flags.DEFINE_bool(
  'train_word_embeddings',
  False,
  'Train them, too; of little data most of them learn nothing.',
)
_MAX_LENGTH = flags.DEFINE_integer(
  'max_length', 128, 'Wordpieces of a window, with [CLS] and [SEP].'
)
_OVERLAP = flags.DEFINE_integer(
  'overlap', 32, 'Wordpieces that a window has in common with the next one.'
)
_WHOLE_DOCUMENTS = flags.DEFINE_bool(
  'whole_documents',
  True,
  'Train on documents; else on sentences one by one, and tag these.',
)

# How it is trained.
training_flags.define(
  examples='Windows',
  seed_of='new weights, order, swaps, masks and dropout',
  train_steps=600,
  batch_size=12,
  learning_rate=3e-4,
  eval_every=100,
  save_checkpoints_steps=200,
  log_every_steps=50,
)
flags.adopt_module_key_flags(training_flags)
_SWAPPED_COPIES = flags.DEFINE_integer(
  'swapped_copies',
  4,
  'Copies of the data in which names have changed places.',
  lower_bound=0,
)
_SWAP_RATE = flags.DEFINE_float(
  'swap_rate', 0.5, 'Share of the names of a copy that are others.'
)
_MASK_RATE = flags.DEFINE_float(
  'mask_rate', 0.1, 'Share of the wordpieces that are masked in training.'
)


def _config() -> TaggerConfig:
  return TaggerConfig(
    **training_flags.values(),
    **bert_flags.values(),
    train_files=_TRAIN_FILES.value,
    dev_files=_DEV_FILES.value,
    dev_share=_DEV_SHARE.value,
    split_seed=_SPLIT_SEED.value,
    max_length=_MAX_LENGTH.value,
    overlap=_OVERLAP.value,
    case_feature=_CASE_FEATURE.value,
    whole_documents=_WHOLE_DOCUMENTS.value,
    swapped_copies=_SWAPPED_COPIES.value,
    swap_rate=_SWAP_RATE.value,
    mask_rate=_MASK_RATE.value,
    train_word_embeddings=_TRAIN_WORD_EMBEDDINGS.value,
  )


def main(argv: list[str]) -> None:
  """Trains as the flags say."""
  if len(argv) > 1:
    raise app.UsageError(f'these are no flags: {" ".join(argv[1:])}')
  console.show_messages()
  with console.one_line_errors('train_tagger'):
    result = tagger.train(_config())
  print(entities.describe_scores(result.scores))
  print()
  print(entities.describe_confusion(result.confusion, result.labels))
  print()
  print(
    f'F1 of the last step {result.last_f1:.4f}, of step {result.step} above.'
  )
  print(f'The tagger is {result.directory}')


if __name__ == '__main__':
  app.run(main)
