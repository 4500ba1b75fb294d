# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Fine-tunes a pre-trained REALM to answer questions from a corpus.

    python -m bin.finetune_qa --model_dir=out/qa --corpus_dir=out/corpus \
        --index_dir=out/realm/index --bert=out/realm \
        --train_questions=testdata/qa/train.jsonl \
        --dev_questions=testdata/qa/dev.jsonl \
        --train_steps=1000 --batch_size=8 --learning_rate=2e-4

Needs a corpus of build_corpus, an index of it made by the embedder that the
query side starts from, and a pretrain_realm to go on from: its newest export,
unless a `bert` module is given.
Questions are read in the formats of NQ-open, WebQuestions, CuratedTREC (with
--is_regex), SQuAD-open, DPR and Natural Questions.

--learning_rate=0 with an --embedder_learning_rate trains the query side only.
A fine-tuned model continues on other questions or another index with
--span_reader=out/qa instead of --bert: its best export.

Cost: on 2 cores, tiny (2 x 128), 5,000 blocks in the retriever's beam and 5 of
320 wordpieces in the reader's: about 0.1 s a question. The originals: 2 passes
over 80,000 questions, one at a time.

Expect: the loss falls, and `exact_match` on the dev questions rises.
model_dir then holds checkpoints/, summaries/ (tensorboard --logdir),
metrics.jsonl and export/tf_hub/<step>/{embedder,span_reader}, of which the one
with the highest exact match is in export/tf_hub_best/. A run that was killed
resumes exactly when called again with the same flags. Then:

    python -m bin.evaluate --model_dir=out/qa --corpus_dir=out/corpus \
        --index_dir=out/realm/index --questions=testdata/qa/test.jsonl
"""

from realm_tf.configs.qa_config import QAConfig

from . import config_flags, program

config_flags.define(QAConfig)


def main() -> None:
  """Trains as the flags say."""
  config = config_flags.make(QAConfig)
  from realm_tf.io import allocator
  from realm_tf.tasks import qa

  allocator.limit_arenas()
  result = qa.finetune(config)
  for name, value in sorted(result.items()):
    print(f'{name}\t{value:.4f}')


if __name__ == '__main__':
  program.run(main)
