# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Fine-tunes a pre-trained REALM to answer questions from a corpus.

    python -m bin.finetune_qa --model_dir=out/qa --corpus_dir=out/corpus \
        --index_dir=out/realm/index --bert=out/realm/export/tf_hub/450/bert \
        --train_questions=testdata/qa/train.jsonl \
        --dev_questions=testdata/qa/dev.jsonl \
        --train_steps=1000 --batch_size=8 --learning_rate=2e-4

Needs a corpus of bin/build_corpus, an index of it, made by the embedder that
the query side starts from, and the `bert` module of bin/pretrain_realm.
Questions are read in the formats of NQ-open, WebQuestions, CuratedTREC (with
--is_regex), SQuAD-open, DPR and Natural Questions.

--learning_rate=0 with an --embedder_learning_rate trains the query side only.
What a fine-tuning made goes on to other questions, or to another index, by
--span_reader=.../span_reader in the place of --bert.

Cost: on 2 cores, tiny (2 x 128), 5,000 blocks in the retriever's beam and 5 of
320 wordpieces in the reader's: about 0.1 s a question. The originals: 2 passes
over 80,000 questions, one at a time.

Expect: the loss falls, and `exact_match` on the dev questions rises.
model_dir then holds checkpoints/, summaries/ (tensorboard --logdir),
metrics.jsonl and export/tf_hub/<step>/{embedder,span_reader}, of which the one
with the highest exact match is in export/tf_hub_best/. Killed at any moment
and called again with the same flags it goes on where it was. Then:

    python -m bin.evaluate_qa --model_dir=out/qa --corpus_dir=out/corpus \
        --index_dir=out/realm/index --questions=testdata/qa/test.jsonl
"""

from absl import app, flags

from bin import console, question_flags, training_flags
from realm_tf.configs.qa_config import QAConfig
from realm_tf.configs.refresh_schedule import RefreshSchedule
from realm_tf.io import allocator
from realm_tf.tasks import qa

# Where things are.
_CORPUS_DIR = flags.DEFINE_string(
  'corpus_dir', None, 'Of bin/build_corpus: what is retrieved.', required=True
)
_INDEX_DIR = flags.DEFINE_string(
  'index_dir',
  None,
  'An index of the corpus, or the directory of several, of which the newest is'
  ' taken.',
  required=True,
)
_TRAIN_QUESTIONS = flags.DEFINE_string(
  'train_questions', None, 'Files; comma-separated globs.', required=True
)
_DEV_QUESTIONS = flags.DEFINE_string(
  'dev_questions', None, 'The same, to evaluate on; the best export is chosen.'
)
question_flags.define()
flags.adopt_module_key_flags(question_flags)
_IS_REGEX = flags.DEFINE_bool(
  'is_regex', False, 'Answers are regular expressions (CuratedTREC).'
)
_STRICT = flags.DEFINE_bool('strict', False, 'Stop at a malformed line.')

# What is trained.
_BERT = flags.DEFINE_string(
  'bert',
  None,
  'Start of the reader: a `bert` module, or a directory of weights.',
)
_SPAN_READER = flags.DEFINE_string(
  'span_reader',
  None,
  'Start of the reader in the place of --bert: a `span_reader` module, where'
  ' an earlier fine-tuning goes on, perhaps on other questions or another'
  ' index.',
)
flags.mark_flags_as_mutual_exclusive(['bert', 'span_reader'], required=True)
_EMBEDDER = flags.DEFINE_string(
  'embedder',
  None,
  'Start of the query embedder; default: the one beside --span_reader if that'
  ' was trained on this index, or else the one that made the index.',
)

# How it is trained. The defaults are those of ORQA and REALM.
training_flags.define(
  examples='Questions',
  seed_of='weights, order and dropout',
  train_steps=100_000,
  batch_size=1,
  learning_rate=1e-5,
  strategies=True,
)
flags.adopt_module_key_flags(training_flags)
_EMBEDDER_LEARNING_RATE = flags.DEFINE_float(
  'embedder_learning_rate',
  None,
  'Of the query embedder; default --learning_rate. 0 leaves it as it is.',
)
_RETRIEVER_BEAM = flags.DEFINE_integer(
  'retriever_beam', 5000, "Blocks in the retriever's loss.", lower_bound=1
)
_READER_BEAM = flags.DEFINE_integer(
  'reader_beam', 5, 'Blocks that are read.', lower_bound=1
)
_QUERY_SEQ_LEN = flags.DEFINE_integer('query_seq_len', 64, 'Wordpieces.')
_READER_SEQ_LEN = flags.DEFINE_integer(
  'reader_seq_len', 320, 'Wordpieces of question and block together.'
)
_MAX_SPAN_WIDTH = flags.DEFINE_integer(
  'max_span_width', 10, 'Wordpieces of an answer at most.', lower_bound=1
)
_RETRIEVER_GOLD_LOSS = flags.DEFINE_float(
  'retriever_gold_loss',
  0.0,
  'Weight of finding the gold paragraph (REALM++).',
)
_READER_GOLD_LOSS = flags.DEFINE_float(
  'reader_gold_loss',
  0.0,
  'Weight of reading the answer in the gold paragraph (REALM++).',
)
_ADD_GOLD = flags.DEFINE_bool(
  'add_gold', False, 'In training, read the gold paragraph though not found.'
)
_REFRESH_SCHEDULE = flags.DEFINE_string(
  'refresh_schedule',
  None,
  'Steps between two exports by which the corpus is embedded anew, as of'
  ' bin/pretrain_realm; default: the document side stays as it is. An export'
  ' then goes with the index that bin/build_index --embedder=EXPORT/embedder'
  ' makes.',
)
_SEARCHER = flags.DEFINE_enum(
  'searcher', 'auto', ['auto', 'exact', 'scann'], 'Of refreshed indexes.'
)

# What is told on the way.
_EVAL_QUESTIONS = flags.DEFINE_integer(
  'eval_questions', 400, 'Dev questions in each.', lower_bound=1
)


def _config(schedule: RefreshSchedule | None) -> QAConfig:
  return QAConfig(
    **training_flags.values(),
    **question_flags.values(),
    corpus_dir=_CORPUS_DIR.value,
    index_dir=_INDEX_DIR.value,
    train_questions=_TRAIN_QUESTIONS.value,
    dev_questions=_DEV_QUESTIONS.value,
    is_regex=_IS_REGEX.value,
    strict=_STRICT.value,
    bert=_BERT.value,
    span_reader=_SPAN_READER.value,
    embedder=_EMBEDDER.value,
    query_seq_len=_QUERY_SEQ_LEN.value,
    reader_seq_len=_READER_SEQ_LEN.value,
    retriever_beam=_RETRIEVER_BEAM.value,
    reader_beam=_READER_BEAM.value,
    add_gold=_ADD_GOLD.value,
    retriever_gold_loss=_RETRIEVER_GOLD_LOSS.value,
    reader_gold_loss=_READER_GOLD_LOSS.value,
    max_span_width=_MAX_SPAN_WIDTH.value,
    embedder_learning_rate=_EMBEDDER_LEARNING_RATE.value,
    refresh_schedule=schedule,
    searcher=_SEARCHER.value,
    eval_questions=_EVAL_QUESTIONS.value,
  )


def main(argv: list[str]) -> None:
  """Trains as the flags say."""
  if len(argv) > 1:
    raise app.UsageError(f'these are no flags: {" ".join(argv[1:])}')
  console.show_messages()
  schedule = None
  if _REFRESH_SCHEDULE.value is not None:
    try:
      schedule = RefreshSchedule.parse(_REFRESH_SCHEDULE.value)
    except ValueError as e:
      raise app.UsageError(f'--refresh_schedule: {e}') from e
  allocator.limit_arenas()
  with console.one_line_errors('finetune_qa'):
    result = qa.finetune(_config(schedule))
  for name, value in sorted(result.items()):
    print(f'{name}\t{value:.4f}')


if __name__ == '__main__':
  app.run(main)
