# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Splits training questions into train and dev as ORQA and REALM do.

    python -m bin.resplit_qa --input=NQ-open.train.jsonl \
        --output_dir=data/qa --name=NaturalQuestions

The dev part is what a fast hash of the question, in 100,000 buckets, puts into
one divisible by ten: the same questions as in the original's splits. --input
takes JSONL with "question" and "answer", the files of DPR, and the original
Natural Questions (`nq-train-*.jsonl.gz`, simplified or full, from which NQ-open
is made: short answers of at most five tokens); paths, globs and directories,
plain, .gz or .bz2. The format is found out by looking, or given by --format.

A malformed line is reported with file and line and left out; with --strict it
is the end. With --is_regex the answers must compile, as CuratedTREC's.

Cost: some 8 s to start; 30,000 questions a second, fewer with pages in them.

Result: NAME.resplit.train.jsonl and NAME.resplit.dev.jsonl in --output_dir, and
printed the numbers, as for WebQuestions:

    3,778 of 3,778 lines are questions
    train     3,417  data/qa/WebQuestions.resplit.train.jsonl
    dev         361  data/qa/WebQuestions.resplit.dev.jsonl
"""

from absl import app, flags, logging

from bin import console
from realm_tf.questions import qa_datasets, qa_split

_INPUT = flags.DEFINE_list(
  'input', None, 'Files, globs or directories.', required=True
)
_OUTPUT_DIR = flags.DEFINE_string(
  'output_dir', None, 'Where both files go.', required=True
)
_NAME = flags.DEFINE_string(
  'name', None, "What the files' names begin with.", required=True
)
_FORMAT = flags.DEFINE_enum(
  'format', 'auto', ['auto', *qa_datasets.FORMATS], 'What the input is.'
)
_IS_REGEX = flags.DEFINE_bool(
  'is_regex', False, 'Answers are regular expressions (CuratedTREC).'
)
_STRICT = flags.DEFINE_bool('strict', False, 'End at the first malformed line.')


def main(argv: list[str]) -> None:
  """Reads, splits and writes."""
  if len(argv) > 1:
    raise app.UsageError(f'these are no flags: {" ".join(argv[1:])}')
  logging.set_verbosity(logging.WARNING)
  with console.one_line_errors('resplit_qa'):
    dataset = qa_datasets.read_dataset(
      _INPUT.value,
      format=_FORMAT.value,
      is_regex=_IS_REGEX.value,
      strict=_STRICT.value,
    )
    split = qa_split.resplit(dataset.examples)
    paths = qa_split.write_split(split, _OUTPUT_DIR.value, _NAME.value)
  print(dataset.describe())
  for part, path in zip(split._fields, paths):
    print(f'{part:5} {len(getattr(split, part)):9,}  {path}')


if __name__ == '__main__':
  app.run(main)
