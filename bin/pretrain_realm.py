# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Pre-trains REALM: reader, query encoder and document encoder together.

    python -m bin.pretrain_realm --model_dir=out/realm \
        --corpus_dir=out/corpus --train_examples='out/spans/spans-*.gz' \
        --heldout_examples='out/heldout/spans-*.gz' \
        --bert=testdata/bert --embedder=out/ict/export/tf_hub/500/embedder \
        --query_seq_len=48 --candidate_seq_len=72 \
        --train_steps=2000 --batch_size=32 \
        --refresh_schedule='0-1000:100,1000-:500'

Needs the directory of bin/build_corpus, records of bin/tag_salient_spans, the
weights of a BERT and, for a warm start, the embedder of bin/pretrain_ict.

Cost: on 2 cores, tiny (2 x 128), 8 candidates of 288 wordpieces: 0.5 s for a
batch of 4, 1.8 GB; most of it is the reader. An index of 5,000 documents takes
ten seconds, beside the training. The paper: 200,000 steps of 512 on 80 TPUs.

Expect: the loss falls, `retrieval_utility` rises above zero and goes on
rising. model_dir then holds checkpoints/, summaries/ (tensorboard --logdir),
metrics.jsonl (the same numbers, one line of JSON each), index/<step>/,
export/tf_hub/<step>/{embedder,bert} and export/tf_hub_best/. Killed at any
moment and called again with the same flags it goes on where it was.
"""

from absl import app, flags

from bin import bert_flags, console, training_flags
from realm_tf.configs.realm_config import RealmConfig
from realm_tf.configs.refresh_schedule import RefreshSchedule
from realm_tf.io import allocator
from realm_tf.tasks import realm

# Where things are.
_CORPUS_DIR = flags.DEFINE_string(
  'corpus_dir', None, 'Of bin/build_corpus: what is retrieved.', required=True
)
_TRAIN_EXAMPLES = flags.DEFINE_string(
  'train_examples',
  None,
  'Records of bin/tag_salient_spans; comma-separated globs.',
  required=True,
)
_HELDOUT_EXAMPLES = flags.DEFINE_string(
  'heldout_examples',
  None,
  'The same, to evaluate on; the best export is chosen by them.',
)
_INDEX_DIR = flags.DEFINE_string(
  'index_dir', None, 'Index versions; default model_dir/index.'
)

# What is trained.
bert_flags.define(
  start='Start of the reader, and of the embedder if --embedder is not given'
)
flags.adopt_module_key_flags(bert_flags)
_EMBEDDER = flags.DEFINE_string(
  'embedder', None, 'Start of the embedder: a TF Hub module of pretrain_ict.'
)
_PROJECTION_SIZE = flags.DEFINE_integer(
  'projection_size',
  None,
  'Of query and document embeddings. Default: as --embedder has it, which'
  ' cannot be changed, else 128.',
  lower_bound=1,
)
_SEPARATE_TOWERS = flags.DEFINE_bool(
  'separate_towers',
  None,
  'Queries and documents with encoders of their own. Default: as --embedder'
  ' has it, which cannot be changed, else one encoder.',
)

# How it is trained. The defaults are the paper's.
training_flags.define(
  examples='Masked sentences',
  seed_of='weights, masks and dropout',
  train_steps=200_000,
  batch_size=512,
  learning_rate=3e-5,
  strategies=True,
)
flags.adopt_module_key_flags(training_flags)
_EMBEDDER_LEARNING_RATE = flags.DEFINE_float(
  'embedder_learning_rate',
  None,
  'Of the embedder; default --learning_rate. 0 leaves it as it is.',
)
_NUM_CANDIDATES = flags.DEFINE_integer(
  'num_candidates', 8, 'Documents a sentence, with the null document.'
)
_OVERSAMPLE = flags.DEFINE_integer(
  'oversample',
  0,
  'Documents taken from the index, of which the fresh encoder keeps the best'
  ' --num_candidates; 0: no more than are needed.',
)
_QUERY_SEQ_LEN = flags.DEFINE_integer('query_seq_len', 96, 'Wordpieces.')
_CANDIDATE_SEQ_LEN = flags.DEFINE_integer(
  'candidate_seq_len', 288, 'Wordpieces.'
)
_MAX_MASKS = flags.DEFINE_integer('max_masks', 10, 'Masked wordpieces at most.')
_MASKING = flags.DEFINE_enum(
  'masking',
  'salient_span',
  ['salient_span', 'random_tokens', 'random_spans'],
  'What of a sentence is masked.',
)
_AHEAD = flags.DEFINE_integer(
  'batches_ahead', 2, 'Batches that are made ahead of the trainer.'
)

# The index.
_REFRESH_SCHEDULE = flags.DEFINE_string(
  'refresh_schedule',
  '0-:500',
  'Steps between two exports, by ranges, as in 0-1000:100,1000-:500. Whenever'
  ' the index builder is free it takes the newest: exports may be passed over.'
  ' A build under way when training ends is given up (not by a builder that was'
  ' started by hand).',
)
_INDEX_BUILDER = flags.DEFINE_enum(
  'index_builder',
  'thread',
  ['thread', 'process', 'none'],
  'Who builds the index: a thread, a process that is started for it, or'
  ' bin/build_index --watch, which you start.',
)
_SEARCHER = flags.DEFINE_enum(
  'searcher', 'auto', ['auto', 'exact', 'scann'], 'How the index is searched.'
)

# What is told on the way.
_EVAL_BATCHES = flags.DEFINE_integer(
  'eval_batches', 20, 'Batches of an evaluation.', lower_bound=1
)


def _config(schedule: RefreshSchedule) -> RealmConfig:
  return RealmConfig(
    **training_flags.values(),
    **bert_flags.values(),
    corpus_dir=_CORPUS_DIR.value,
    index_dir=_INDEX_DIR.value,
    train_examples=_TRAIN_EXAMPLES.value,
    heldout_examples=_HELDOUT_EXAMPLES.value,
    embedder=_EMBEDDER.value,
    projection_size=_PROJECTION_SIZE.value,
    separate_towers=_SEPARATE_TOWERS.value,
    embedder_learning_rate=_EMBEDDER_LEARNING_RATE.value,
    masking=_MASKING.value,
    query_seq_len=_QUERY_SEQ_LEN.value,
    candidate_seq_len=_CANDIDATE_SEQ_LEN.value,
    num_candidates=_NUM_CANDIDATES.value,
    max_masks=_MAX_MASKS.value,
    oversample=_OVERSAMPLE.value,
    searcher=_SEARCHER.value,
    refresh_schedule=schedule,
    index_builder=_INDEX_BUILDER.value,
    batches_ahead=_AHEAD.value,
    eval_batches=_EVAL_BATCHES.value,
  )


def main(argv: list[str]) -> None:
  """Trains as the flags say."""
  if len(argv) > 1:
    raise app.UsageError(f'these are no flags: {" ".join(argv[1:])}')
  console.show_messages()
  try:
    schedule = RefreshSchedule.parse(_REFRESH_SCHEDULE.value)
  except ValueError as e:
    raise app.UsageError(f'--refresh_schedule: {e}') from e
  allocator.limit_arenas()
  with console.one_line_errors('pretrain_realm'):
    result = realm.pretrain(_config(schedule))
  for name, value in sorted(result.items()):
    print(f'{name}\t{value:.4f}')


if __name__ == '__main__':
  app.run(main)
