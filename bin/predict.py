# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Answers the questions of a file, or of standard input, as JSONL.

    python -m bin.predict --model_dir=out/qa --corpus_dir=out/corpus \
        --index_dir=out/realm/index < questions.txt > answers.jsonl

Each line of the input is a question, or a JSON object with one under
"question". Each line of the output is an object with "question", "prediction"
(the text as it stands in the block), "title", "evidence", "block_id",
"byte_start" and "byte_end" of the answer in the evidence, "score", and
"log_prob" of block and words together, "retriever_log_prob" of the block,
"reader_log_prob" of the words in it; with --top_n more than one, "answers" has
as many of these.

Cost: a few seconds to start, then some 100 questions a second with 5 blocks of
220 wordpieces and a tiny (2 x 128) model on 2 cores.

A line without a question, or with one that cannot be read, has an empty
prediction and "error"; the first 20 of them are named with file and line. All
others are answered. With --strict it is the end.
"""

import gzip
import json
import sys
import zlib
from collections.abc import Iterator
from typing import IO, Any

from absl import app, flags, logging

from bin import answering_flags, console
from realm_tf.answering import qa_evaluation
from realm_tf.answering.answerer import Answerer
from realm_tf.corpus.document import CorpusError, MalformedError
from realm_tf.corpus.problems import Problems
from realm_tf.io import files
from realm_tf.questions import question_lines

answering_flags.define()
flags.adopt_module_key_flags(answering_flags)
_INPUT = flags.DEFINE_string('input', '-', 'A file; - is standard input.')
_STRICT = flags.DEFINE_bool('strict', False, 'Stop at a line without question.')
_TOP_N = flags.DEFINE_integer(
  'top_n', 1, 'Answers of each question.', lower_bound=1
)
_BATCH_SIZE = flags.DEFINE_integer(
  'batch_size', 16, 'Questions at a time.', lower_bound=1
)


def _items(
  lines: IO[bytes], name: str, problems: Problems
) -> Iterator[dict[str, Any] | str]:
  """The question of each line, or the record of one that has none.

  Raises:
    CorpusError: The file is damaged, or a line is and --strict is given.
  """
  number = 0
  try:
    for number, line in enumerate(lines, 1):
      try:
        yield question_lines.parse_question(line)
      except MalformedError as e:
        problems.add(f'{name}:{number}', e)
        text = line.decode('utf-8', 'replace').strip()
        yield {'question': text, 'prediction': '', 'error': str(e)}
  except (EOFError, zlib.error, gzip.BadGzipFile) as e:
    raise CorpusError(
      f'{name}:{number + 1}: the rest is not read: damaged file: {e}'
    ) from e


def _answer(lines: IO[bytes], name: str, answerer: Answerer) -> int:
  """Answers all lines in their order; returns how many could not be read."""
  waiting: list[dict[str, Any] | str] = []
  problems = Problems(_STRICT.value, 'not answered')

  def flush() -> None:
    questions = [item for item in waiting if isinstance(item, str)]
    records: Iterator[dict[str, Any]] = iter(())
    if questions:
      found = answerer.answer(
        questions,
        reader_beam=flags.FLAGS.reader_beam,
        top_n=_TOP_N.value,
        blocks_at_once=flags.FLAGS.blocks_at_once,
      )
      records = iter(
        qa_evaluation.prediction_records(questions, found, _TOP_N.value)
      )
    for item in waiting:
      record = next(records) if isinstance(item, str) else item
      print(json.dumps(record, ensure_ascii=False), flush=False)
    sys.stdout.flush()
    waiting.clear()

  items = _items(lines, name, problems)
  while True:
    try:
      item = next(items, None)
    except CorpusError:
      # Who stands before it is answered.
      if waiting:
        flush()
      raise
    if item is None:
      break
    waiting.append(item)
    if len(waiting) >= _BATCH_SIZE.value:
      flush()
  if waiting:
    flush()
  return problems.counts['malformed']


def main(argv: list[str]) -> None:
  """Answers what comes in."""
  if len(argv) > 1:
    raise app.UsageError(f'these are no flags: {" ".join(argv[1:])}')
  answering_flags.check()
  logging.set_verbosity(logging.WARNING)
  with console.one_line_errors('predict'):
    answerer = Answerer.open(
      answering_flags.export_dir(),
      flags.FLAGS.corpus_dir,
      flags.FLAGS.index_dir,
      mixed_precision=flags.FLAGS.mixed_precision,
    )
    try:
      if _INPUT.value == '-':
        bad = _answer(sys.stdin.buffer, 'standard input', answerer)
      else:
        with files.open_binary(_INPUT.value) as f:
          bad = _answer(f, _INPUT.value, answerer)
    finally:
      answerer.close()
  if bad:
    logging.warning('%d lines are not answered', bad)


if __name__ == '__main__':
  app.run(main)
