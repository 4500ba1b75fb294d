# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Pre-trains REALM: reader, query encoder and document encoder together.

    python -m bin.pretrain_realm --model_dir=out/realm \
        --corpus_dir=out/corpus --train_examples='out/spans/spans-*.gz' \
        --heldout_examples='out/heldout/spans-*.gz' \
        --bert=testdata/bert --embedder=out/ict \
        --query_seq_len=48 --candidate_seq_len=72 \
        --train_steps=2000 --batch_size=32 \
        --refresh_schedule='0-1000:100,1000-:500'

Needs a corpus of build_corpus, records of tag_salient_spans, the weights of a
BERT and, for a warm start, the embedder of pretrain_ict.

Cost: on 2 cores, tiny (2 x 128), 8 candidates of 288 wordpieces: 0.5 s for a
batch of 4, 1.8 GB; most of it is the reader. An index of 5,000 documents takes
ten seconds, beside the training. The paper: 200,000 steps of 512 on 80 TPUs.

Expect: the loss falls, `retrieval_utility` rises above zero and goes on
rising. model_dir then holds checkpoints/, summaries/ (tensorboard --logdir),
metrics.jsonl (the same numbers, a line of JSON each), index/<step>/,
export/tf_hub/<step>/{embedder,bert} and export/tf_hub_best/. A run that was
killed resumes exactly when called again with the same flags.
"""

from realm_tf.configs.realm_config import RealmConfig

from . import config_flags, program

config_flags.define(RealmConfig)


def main() -> None:
  """Trains as the flags say."""
  config = config_flags.make(RealmConfig)
  from realm_tf.io import allocator
  from realm_tf.tasks import realm

  allocator.limit_arenas()
  result = realm.pretrain(config)
  for name, value in sorted(result.items()):
    print(f'{name}\t{value:.4f}')


if __name__ == '__main__':
  program.run(main)
