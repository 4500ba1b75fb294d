# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Measures a fine-tuned model on questions, as the papers do.

    python -m bin.evaluate_qa --model_dir=out/qa --corpus_dir=out/corpus \
        --index_dir=out/realm/index --questions=testdata/qa/test.jsonl \
        --predictions=out/predictions.jsonl

--model_dir is that of bin/finetune_qa; its best export is taken, or else its
newest. With another --corpus_dir and an index of that (bin/build_index with the
embedder that made the first index) the same model answers from other text.

Cost: on 2 cores, with 5 blocks of 150 wordpieces and a --depth of 100: tiny
(2 x 128) some 60 questions a second, 6 layers of 384 some 10.

Result: exact match with its 95 % bootstrap interval, exact match where a block
with the answer was read, the reader's oracle, and the share of questions with
an answer (and the gold paragraph, where questions name it) among the first k
blocks.
--json has the intervals of all of these, and null where there is no question to
tell a share of.

The blocks that are read are those that bin/predict and a server find, by a
search for --reader_beam of them. Recall is measured by a search for --depth. An
exact index gives the same ones first, and is searched once; ScaNN looks into
more of its leaves when it is asked for more.

--predictions gets JSONL with "question" and "prediction" as of the original,
and where the answer stands; bin/score_predictions reads it. With
--retrieve_only it is "question" and "blocks", those that would be read, each
with "title", "block" and "score".
"""

import json
import math
import re
import sys

from absl import app, flags

from bin import answering_flags, console, question_flags
from realm_tf.answering import qa_evaluation
from realm_tf.answering.answerer import Answerer
from realm_tf.configs.evaluation_config import EvaluationConfig
from realm_tf.questions import gold_blocks, qa_datasets

answering_flags.define(
  reads='Blocks that are searched for to be read, as by bin/predict.'
)
flags.adopt_module_key_flags(answering_flags)
_QUESTIONS = flags.DEFINE_string(
  'questions', None, 'Files; comma-separated globs.', required=True
)
question_flags.define()
flags.adopt_module_key_flags(question_flags)
_IS_REGEX = flags.DEFINE_bool(
  'is_regex', False, 'Answers are regular expressions (CuratedTREC).'
)
_ANSWER_FIELD = flags.DEFINE_string(
  'answer_field', qa_datasets.ANSWER_FIELD, 'Where JSONL has the answers.'
)
_STRICT = flags.DEFINE_bool('strict', False, 'Stop at a malformed line.')
_LIMIT = flags.DEFINE_integer(
  'limit', None, 'Only so many questions.', lower_bound=1
)
_DEPTH = flags.DEFINE_integer(
  'depth',
  5000,
  'Blocks down to which recall is measured; they are searched for, not read.',
  lower_bound=1,
)
_BATCH_SIZE = flags.DEFINE_integer(
  'batch_size', 8, 'Questions at a time.', lower_bound=1
)
_RETRIEVE_ONLY = flags.DEFINE_bool('retrieve_only', False, 'Read nothing.')
_CLOSED_BOOK = flags.DEFINE_bool(
  'closed_book',
  False,
  'Retrieve nothing, read the null document. A reader of spans has nothing to'
  ' copy there: no answer is right.',
)
_PREDICTIONS = flags.DEFINE_string(
  'predictions', None, 'File for the answers or blocks, JSONL.'
)
_JSON = flags.DEFINE_bool('json', False, 'Print JSON.')

# Intervals but that of exact match, with which the table would be too long.
_IN_JSON_ONLY = re.compile(r'(?<!^exact_match)_(low|high)$')


def _evaluate() -> dict[str, float]:
  dataset = qa_datasets.read_dataset(
    _QUESTIONS.value,
    format=flags.FLAGS.format,
    is_regex=_IS_REGEX.value,
    answer_field=_ANSWER_FIELD.value,
    strict=_STRICT.value,
    field='questions',
  )
  examples = dataset.examples[: _LIMIT.value]
  export_dir = answering_flags.export_dir()
  # With --json, standard output is JSON and nothing else.
  print(
    f'{export_dir} on {len(examples)} questions',
    file=sys.stderr if _JSON.value else sys.stdout,
    flush=True,
  )
  answerer = Answerer.open(
    export_dir,
    flags.FLAGS.corpus_dir,
    flags.FLAGS.index_dir,
    mixed_precision=flags.FLAGS.mixed_precision,
  )
  try:
    gold_rows = gold_blocks.relevant_rows(examples, answerer.corpus)
    return qa_evaluation.evaluate(
      answerer,
      examples,
      EvaluationConfig(
        depth=_DEPTH.value,
        reader_beam=flags.FLAGS.reader_beam,
        batch_size=_BATCH_SIZE.value,
        blocks_at_once=flags.FLAGS.blocks_at_once,
        retrieve_only=_RETRIEVE_ONLY.value,
        closed_book=_CLOSED_BOOK.value,
      ),
      gold_rows=gold_rows,
      predictions=_PREDICTIONS.value,
    )
  finally:
    answerer.close()


def main(argv: list[str]) -> None:
  """Evaluates as the flags say."""
  if len(argv) > 1:
    raise app.UsageError(f'these are no flags: {" ".join(argv[1:])}')
  answering_flags.check()
  if _RETRIEVE_ONLY.value and _CLOSED_BOOK.value:
    raise app.UsageError('--retrieve_only and --closed_book: one of them')
  console.show_messages()
  with console.one_line_errors('evaluate_qa'):
    result = _evaluate()
  if _JSON.value:
    # NaN is not JSON.
    known = {k: None if math.isnan(v) else v for k, v in result.items()}
    print(json.dumps(known, indent=2, allow_nan=False))
    return
  for name, value in result.items():
    if _IN_JSON_ONLY.search(name):
      continue
    print(f'{name}\t{value:.4f}' if value % 1 else f'{name}\t{value:g}')


if __name__ == '__main__':
  app.run(main)
