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
        --paragraphs=squad_corpus.jsonl.gz --question_rate=0.8

Cost: on 2 cores, tiny (2 x 128), documents of two sentences: 0.15 s for a
batch of 64. ORQA's: 100,000 steps of 4,096.

Expect: `accuracy` (the right document among those of the batch) rises from
1 / batch_size; on the small corpus of testdata beyond 0.9 in 500 steps.
model_dir/export/tf_hub/<step>/embedder is what bin/build_index and
bin/pretrain_realm start from. Killed and called again with the same flags it
goes on where it was.
"""

from absl import app, flags

from bin import training_flags
from realm_tf.data import qa_datasets
from realm_tf.io import allocator
from realm_tf.training import console, ict
from realm_tf.training.refresh_schedule import RefreshSchedule

# Where things are.
_CORPUS_DIR = flags.DEFINE_string(
  'corpus_dir', None, 'Of bin/build_corpus.', required=True
)

# What is trained.
_BERT = flags.DEFINE_string(
  'bert',
  'base',
  'Start of the embedder: a directory of weights, a bert_config.json or tiny,'
  ' mini, small, base (both random weights: these need --vocab_file).',
)
_VOCAB_FILE = flags.DEFINE_string(
  'vocab_file', None, 'Default: the vocabulary beside the weights.'
)
_LOWER_CASE = flags.DEFINE_bool(
  'lower_case', None, 'Default: as the weights say, else true.'
)
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
  ' place of sentences. Needs --paragraphs.',
)
_QUESTION_RATE = flags.DEFINE_float(
  'question_rate',
  0.5,
  'How often a question is the query, where a document has any.',
  lower_bound=0,
  upper_bound=1,
)
_FORMAT = flags.DEFINE_enum(
  'format',
  'auto',
  ['auto', *qa_datasets.FORMATS],
  'Of the questions, see bin/score_predictions --help.',
)
_PARAGRAPHS = flags.DEFINE_string(
  'paragraphs',
  None,
  'JSONL of which the corpus was built, with the ids by which questions name'
  ' their paragraph.',
)
_MAX_BLOCK_LENGTH = flags.DEFINE_integer(
  'max_block_length', 288, 'As of bin/build_corpus; for --paragraphs.'
)

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
  config = ict.IctConfig(
    **training_flags.values(),
    corpus_dir=_CORPUS_DIR.value,
    bert=_BERT.value,
    vocab_file=_VOCAB_FILE.value,
    lower_case=_LOWER_CASE.value,
    projection_size=_PROJECTION_SIZE.value,
    separate_towers=_SEPARATE_TOWERS.value,
    query_seq_len=_QUERY_SEQ_LEN.value,
    candidate_seq_len=_CANDIDATE_SEQ_LEN.value,
    mask_rate=_MASK_RATE.value,
    questions=_QUESTIONS.value,
    question_rate=_QUESTION_RATE.value,
    dataset_format=_FORMAT.value,
    paragraphs=_PARAGRAPHS.value,
    max_block_length=_MAX_BLOCK_LENGTH.value,
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
