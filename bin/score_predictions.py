# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Scores a file of predicted answers by exact match.

    python -m bin.score_predictions --dataset=NQ-open.dev.jsonl \
        --predictions=predictions.jsonl

--predictions is JSONL with "question" and "prediction", as the original writes
it. --dataset takes JSONL with "question" and "answer", the files of DPR, and
the original Natural Questions; the format is found out by looking, or given by
--format. Both plain, .gz or .bz2. Answers are compared after the official
normalization; with --is_regex, for CuratedTREC, they are regular expressions.

A question is found by its text, letter for letter. One without a prediction
counts as wrong. A malformed line is reported with file and line and left out;
with --strict it is the end. (The original keeps a question whose regular
expressions do not compile, and counts it as wrong.)

Cost: some 8 s to start; 30,000 questions a second.

Result: the exact match with its 95 % bootstrap interval, and what is not as it
should be; the same as JSON with --json. Of WebQuestions' own answers, half of
them swapped and some left out:

    exact match 49.36 % (1,865 of 3,778; 95 % interval 47.78 to 50.95)
      104 questions have no prediction: counted as wrong
"""

import json

from absl import app, flags, logging

from bin import console
from realm_tf.questions import qa_datasets, qa_predictions

_DATASET = flags.DEFINE_list(
  'dataset', None, 'Questions with their answers.', required=True
)
_PREDICTIONS = flags.DEFINE_string(
  'predictions', None, 'JSONL of predictions.', required=True
)
_FORMAT = flags.DEFINE_enum(
  'format', 'auto', ['auto', *qa_datasets.FORMATS], 'What --dataset is.'
)
_IS_REGEX = flags.DEFINE_bool(
  'is_regex', False, 'Answers are regular expressions (CuratedTREC).'
)
_ANSWER_FIELD = flags.DEFINE_string(
  'answer_field',
  qa_datasets.ANSWER_FIELD,
  'Where JSONL has the answers; EfficientQA has'
  ' answer_and_def_correct_predictions, too.',
)
_STRICT = flags.DEFINE_bool('strict', False, 'End at the first malformed line.')
_JSON = flags.DEFINE_bool('json', False, 'Print JSON.')


def main(argv: list[str]) -> None:
  """Reads both files and prints the score."""
  if len(argv) > 1:
    raise app.UsageError(f'these are no flags: {" ".join(argv[1:])}')
  logging.set_verbosity(logging.WARNING)
  with console.one_line_errors('score_predictions'):
    dataset = qa_datasets.read_dataset(
      _DATASET.value,
      format=_FORMAT.value,
      is_regex=_IS_REGEX.value,
      answer_field=_ANSWER_FIELD.value,
      strict=_STRICT.value,
      field='dataset',
    )
    predictions = qa_predictions.read_predictions(
      _PREDICTIONS.value, _STRICT.value
    )
    score = qa_predictions.score(dataset, predictions)
  if _JSON.value:
    print(json.dumps(score.to_dict(), indent=2))
  else:
    print(score.describe())


if __name__ == '__main__':
  app.run(main)
