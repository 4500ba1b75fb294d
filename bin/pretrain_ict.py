# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Trains the embedder by the inverse cloze task: whose sentence is this?

    python -m bin.pretrain_ict --model_dir=out/ict --corpus_dir=out/corpus \
        --bert=testdata/bert --query_seq_len=48 --candidate_seq_len=72 \
        --train_steps=500 --batch_size=64 --learning_rate=5e-4

Needs a corpus of build_corpus and the weights of a BERT.

Where questions name the paragraph that they were asked about (SQuAD-open), the
embedder can learn from them, too:

    python -m bin.pretrain_ict --model_dir=out/ict --corpus_dir=out/corpus \
        --bert=BERT_DIR --questions=squad_open.train.jsonl.gz \
        --question_rate=0.8

Cost: on 2 cores, tiny (2 x 128), documents of two sentences: 0.15 s for a
batch of 64. ORQA's: 100,000 steps of 4,096.

Expect: `accuracy` (the right document among those of the batch) rises from
1 / batch_size; on the small corpus of testdata above 0.9 in 500 steps.
build_index and pretrain_realm start from model_dir, that is from its newest
model_dir/export/tf_hub/<step>/embedder. A run that was killed resumes when
called again with the same flags.
"""

from realm_tf.configs.ict_config import IctConfig

from . import config_flags, program

config_flags.define(IctConfig)


def main() -> None:
  """Trains as the flags say."""
  config = config_flags.make(IctConfig)
  from realm_tf.io import allocator
  from realm_tf.tasks import ict

  allocator.limit_arenas()
  result = ict.pretrain(config)
  for name, value in sorted(result.items()):
    print(f'{name}\t{value:.4f}')


if __name__ == '__main__':
  program.run(main)
