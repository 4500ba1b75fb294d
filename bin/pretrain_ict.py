# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Trains the embedder by the inverse cloze task: whose sentence is this?

    python -m bin.pretrain_ict --model_dir=out/ict --corpus_dir=out/corpus \
        --bert=testdata/bert --query_seq_len=48 --candidate_seq_len=72 \
        --train_steps=500 --batch_size=64 --learning_rate=5e-4

Needs the directory of bin/build_corpus and the weights of a BERT.

Where questions name the paragraph that they were asked about (SQuAD-open), the
embedder can learn from them, too:

    python -m bin.pretrain_ict --model_dir=out/ict --corpus_dir=out/corpus \
        --bert=BERT_DIR --questions=squad_open.train.jsonl.gz \
        --question_rate=0.8

Cost: on 2 cores, tiny (2 x 128), documents of two sentences: 0.15 s for a
batch of 64. ORQA's: 100,000 steps of 4,096.

Expect: `accuracy` (the right document among those of the batch) rises from
1 / batch_size; on the small corpus of testdata beyond 0.9 in 500 steps.
model_dir/export/tf_hub/<step>/embedder is what bin/build_index and
bin/pretrain_realm start from. Killed and called again with the same flags it
goes on where it was.
"""

from absl import app, flags

from bin import bert_flags, console, question_flags, training_flags
from realm_tf.configs.ict_config import IctConfig
from realm_tf.configs.refresh_schedule import RefreshSchedule
from realm_tf.io import allocator
from realm_tf.tasks import ict

# Where things are.
_CORPUS_DIR = flags.DEFINE_string(
  'corpus_dir', None, 'Of bin/build_corpus.', required=True
)

# What is trained.
bert_flags.define(start='Start of the embedder')
flags.adopt_module_key_flags(bert_flags)
_PROJECTION_SIZE = flags.DEFINE_integer(
  'projection_size', 128, 'Of query and document embeddings.', lower_bound=1
)
_SEPARATE_TOWERS = flags.DEFINE_bool(
  'separate_towers', False, 'Queries and documents with encoders of their own.'
)

# Questions, if there are any.
_QUESTIONS = flags.DEFINE_string(
  'questions',
  None,
  'Files of questions with `paragraph_id`, comma-separated globs; they take the'
  ' place of sentences.',
)
_QUESTION_RATE = flags.DEFINE_float(
  'question_rate',
  0.5,
  'How often a question is the query, where a document has any.',
  lower_bound=0,
  upper_bound=1,
)
question_flags.define()
flags.adopt_module_key_flags(question_flags)

# How it is trained. The defaults are ORQA's.
training_flags.define(
  examples='Sentences, and documents among which each has to find its own,',
  seed_of='weights, sentences and dropout',
  train_steps=100_000,
  batch_size=4096,
  min_batch_size=2,
  learning_rate=1e-4,
  strategies=True,
)
flags.adopt_module_key_flags(training_flags)
_QUERY_SEQ_LEN = flags.DEFINE_integer('query_seq_len', 64, 'Wordpieces.')
_CANDIDATE_SEQ_LEN = flags.DEFINE_integer(
  'candidate_seq_len', 288, 'Wordpieces.'
)
_MASK_RATE = flags.DEFINE_float(
  'mask_rate', 0.9, 'How often the sentence is taken out of its document.'
)

# What is told and written on the way.
_EVAL_BATCHES = flags.DEFINE_integer(
  'eval_batches',
  10,
  'Batches of an evaluation: other sentences of the same corpus; 0 for none.',
  lower_bound=0,
)
_EXPORT_SCHEDULE = flags.DEFINE_string(
  'export_schedule', '0-:1000', 'Steps between two exports, by ranges.'
)


def main(argv: list[str]) -> None:
  """Trains as the flags say."""
  if len(argv) > 1:
    raise app.UsageError(f'these are no flags: {" ".join(argv[1:])}')
  console.show_messages()
  try:
    schedule = RefreshSchedule.parse(_EXPORT_SCHEDULE.value)
  except ValueError as e:
    raise app.UsageError(f'--export_schedule: {e}') from e
  config = IctConfig(
    **training_flags.values(),
    **bert_flags.values(),
    **question_flags.values(),
    corpus_dir=_CORPUS_DIR.value,
    projection_size=_PROJECTION_SIZE.value,
    separate_towers=_SEPARATE_TOWERS.value,
    query_seq_len=_QUERY_SEQ_LEN.value,
    candidate_seq_len=_CANDIDATE_SEQ_LEN.value,
    mask_rate=_MASK_RATE.value,
    questions=_QUESTIONS.value,
    question_rate=_QUESTION_RATE.value,
    eval_batches=_EVAL_BATCHES.value,
    export_schedule=schedule,
  )
  allocator.limit_arenas()
  with console.one_line_errors('pretrain_ict'):
    result = ict.pretrain(config)
  for name, value in sorted(result.items()):
    print(f'{name}\t{value:.4f}')


if __name__ == '__main__':
  app.run(main)
