# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Trains a BERT by masked language modelling: REALM's warm start.

    python -m bin.pretrain_bert --model_dir=out/bert \
        --train_passages=out/invented/passages.jsonl \
        --bert=testdata/bert_config.json --vocab_file=testdata/vocab.txt

A passage is a line of JSON with `text`; with `query`, a sentence about the
same thing, and `span`, the bytes of the query that the text can tell, it is a
pair, and the model learns to look an answer up. testdata/README.md has the
commands that made testdata/bert.

Cost: on 2 cores, 2 x 128, batches of 64 pairs of 40 wordpieces: 0.15 s a step.

Expect: `span_accuracy` stays near zero for the first thousand steps or so
and then rises as the model finds out that answers can be copied. The weights
are in model_dir/bert. Killed and called again with the same flags it goes on
where it was.
"""

from absl import app, flags, logging

from bin import bert_flags, console, training_flags
from realm_tf.configs.mlm_config import MlmConfig
from realm_tf.io import allocator
from realm_tf.tasks import mlm

# Where things are.
_TRAIN_PASSAGES = flags.DEFINE_string(
  'train_passages', None, 'JSONL, comma-separated globs.', required=True
)
_HELDOUT_PASSAGES = flags.DEFINE_string(
  'heldout_passages', None, 'The same, for evaluation; default: none.'
)
_STRICT = flags.DEFINE_bool(
  'strict', False, 'Do not begin if a line is malformed; default: skip it.'
)

# What is trained.
bert_flags.define(default='tiny')
flags.adopt_module_key_flags(bert_flags)
_WEIGHTS_DTYPE = flags.DEFINE_enum(
  'weights_dtype', 'float32', ['float32', 'float16'], 'Of the saved weights.'
)

# What is masked.
_MAX_LENGTH = flags.DEFINE_integer(
  'max_length', 128, 'Wordpieces of an example at most.', lower_bound=4
)
_MAX_PREDICTIONS = flags.DEFINE_integer(
  'max_predictions', 20, 'Masked wordpieces of an example.', lower_bound=1
)
_MASK_RATE = flags.DEFINE_float('mask_rate', 0.15, "BERT's.")
_NAME_MASK_RATE = flags.DEFINE_float(
  'name_mask_rate', 0.3, 'The same for capitalized words and numbers.'
)
_EMPTY_RATE = flags.DEFINE_float(
  'empty_rate', 0.1, 'Share of the pairs whose passage is left out.'
)

# How it is trained.
training_flags.define(
  examples='Passages',
  seed_of='weights, masks and order',
  train_steps=10_000,
  batch_size=64,
  learning_rate=1e-3,
)
flags.adopt_module_key_flags(training_flags)

# What is told and written on the way.
_EVAL_BATCHES = flags.DEFINE_integer(
  'eval_batches', 10, 'Batches of an evaluation.', lower_bound=1
)


def main(argv: list[str]) -> None:
  """Trains as the flags say."""
  if len(argv) > 1:
    raise app.UsageError(f'these are no flags: {" ".join(argv[1:])}')
  logging.set_verbosity(logging.INFO)
  config = MlmConfig(
    **training_flags.values(),
    **bert_flags.values(),
    train_passages=_TRAIN_PASSAGES.value,
    heldout_passages=_HELDOUT_PASSAGES.value,
    max_length=_MAX_LENGTH.value,
    max_predictions=_MAX_PREDICTIONS.value,
    mask_rate=_MASK_RATE.value,
    name_mask_rate=_NAME_MASK_RATE.value,
    empty_rate=_EMPTY_RATE.value,
    eval_batches=_EVAL_BATCHES.value,
    weights_dtype=_WEIGHTS_DTYPE.value,
    strict=_STRICT.value,
  )
  allocator.limit_arenas()
  with console.one_line_errors('pretrain_bert'):
    result = mlm.pretrain(config)
  for name, value in sorted(result.items()):
    print(f'{name}\t{value:.4f}')
  print(f'The weights are in {config.model_dir}/bert')


if __name__ == '__main__':
  app.run(main)
