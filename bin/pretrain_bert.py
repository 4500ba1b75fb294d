# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Trains a BERT by masked language modelling: REALM's warm start.

    python -m bin.pretrain_bert --model_dir=out/bert \
        --train_passages=out/invented/passages.jsonl \
        --bert=testdata/bert_config.json --vocab_file=testdata/vocab.txt

A passage is a line of JSON with `text`. With `query`, a sentence about the same
thing, and `span`, the bytes of the query that the text can tell, it is a pair,
from which the model learns to look an answer up. testdata/README.md has the
commands that made testdata/bert.

Cost: on 2 cores, 2 x 128, batches of 64 pairs of 40 wordpieces: 0.15 s a step.

Expect: `span_accuracy` stays near zero for about a thousand steps and rises
when the model has found out that answers can be copied. The weights are in
model_dir/bert. A run that was killed resumes when called again with the same
flags.
"""

from realm_tf.configs.mlm_config import MlmConfig

from . import config_flags, program

config_flags.define(MlmConfig)


def main() -> None:
  """Trains as the flags say."""
  config = config_flags.make(MlmConfig)
  from realm_tf.io import allocator
  from realm_tf.tasks import mlm

  allocator.limit_arenas()
  result = mlm.pretrain(config)
  for name, value in sorted(result.items()):
    print(f'{name}\t{value:.4f}')
  print(f'The weights are in {config.model_dir}/bert')


if __name__ == '__main__':
  program.run(main)
