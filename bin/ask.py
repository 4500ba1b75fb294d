# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Asks a fine-tuned model: type a question, see the answer in its evidence.

    python -m bin.ask --model_dir=out/qa --corpus_dir=out/corpus \
        --index_dir=out/realm/index

    question> What is the capital of Peru?
    Lima    p = 0.93

      Peru (retrieved with p = 0.71, read with p = 0.98)
      ... the capital of Peru is >>Lima<<, a city of ...

The p of an answer is that of its block and its words together, among all spans
of all blocks that were read (not the product of the other two, each of which is
among its own); behind the title are that of the block by the retriever, and
that of the words in this block by the reader.

Documents come and go meanwhile, and the next answer is from what is there then:

    question> + Lima: Lima is the capital of Peru.
    added 1, removed 0: 60 blocks
    question> - Cuzco
    added 0, removed 2: 58 blocks
    question> :save out/edition2
    out/edition2/index/500

A title ends at the first colon that white space follows; what has the title
already stays unless it is removed before. The embedder that lies in the index
embeds the text, and is loaded at the first of these lines (some seconds). The
corpus and the index that are given stay as they are: what is not saved is lost
at the end. What was saved has a corpus/ and an index/ for --corpus_dir and
--index_dir; other programs that run take it when they are started again.

Ends at the end of the input, or with an empty line. In a terminal the answer
stands out in its evidence; elsewhere it is marked as above.
"""

import math
import re
import sys
import textwrap

from absl import app, flags, logging

from bin import answering_flags, console
from realm_tf.answering.answerer import Answerer, Answers

answering_flags.define()
flags.adopt_module_key_flags(answering_flags)
_TOP_N = flags.DEFINE_integer('top_n', 3, 'Answers shown.', lower_bound=1)

_EDIT = re.compile(rb'([+-]|:save)\s+\S')
_CONTEXT = 300  # Bytes of the evidence shown before and behind the answer.


def _marked(body: str, start: int, limit: int) -> str:
  """The evidence around an answer, which is marked."""
  data = body.encode()
  left, right = ('\033[1m', '\033[0m') if sys.stdout.isatty() else ('>>', '<<')
  before = data[max(0, start - _CONTEXT) : start].decode('utf-8', 'ignore')
  behind = data[limit : limit + _CONTEXT].decode('utf-8', 'ignore')
  return (
    ('... ' if start > _CONTEXT else '')
    + before
    + left
    + data[start:limit].decode('utf-8', 'replace')
    + right
    + behind
    + (' ...' if limit + _CONTEXT < len(data) else '')
  )


def _show(found: Answers) -> None:
  answers = found.to_records(0)
  if not answers:
    print('no answer: there is no span in the blocks that were found\n')
  for answer in answers:
    print(f'{answer["prediction"]}\tp = {math.exp(answer["log_prob"]):.2f}\n')
    print(
      f'  {answer["title"]} (retrieved with p ='
      f' {math.exp(answer["retriever_log_prob"]):.2f},'
      f' read with p = {math.exp(answer["reader_log_prob"]):.2f})'
    )
    text = _marked(answer['evidence'], answer['byte_start'], answer['byte_end'])
    print(textwrap.indent(textwrap.fill(text, 78), '  ') + '\n')


def _edit(line: str, answerer: Answerer) -> None:
  """Does what a line that is no question says, or says why not."""
  command, rest = line.split(maxsplit=1)
  try:
    if command == ':save':
      print(answerer.save(rest) + '\n')
      return
    if command == '+':
      parts = re.split(r':\s+', rest, maxsplit=1)
      if len(parts) < 2:
        raise ValueError('a document is added as "+ Title: text"')
      update = answerer.add(*parts)
    else:
      update = answerer.remove(rest)
    for removal in update.missing:
      print(removal)
    blocks = len(answerer.corpus)
    print(f'added {update.added}, removed {update.removed}: {blocks} blocks\n')
  except (ValueError, OSError) as e:
    print(f'{e}\n')


def main(argv: list[str]) -> None:
  """Asks until there is no more question."""
  if len(argv) > 1:
    raise app.UsageError(f'these are no flags: {" ".join(argv[1:])}')
  answering_flags.check()
  logging.set_verbosity(logging.WARNING)
  with console.one_line_errors('ask'):
    answerer = Answerer.open(
      answering_flags.export_dir(),
      flags.FLAGS.corpus_dir,
      flags.FLAGS.index_dir,
      mixed_precision=flags.FLAGS.mixed_precision,
    )
    try:
      while True:
        print('question> ', end='', flush=True)
        line = sys.stdin.buffer.readline().strip()
        if not line:
          print()
          break
        if _EDIT.match(line):
          _edit(line.decode('utf-8', 'replace'), answerer)
          continue
        found = answerer.answer(
          [line],
          reader_beam=flags.FLAGS.reader_beam,
          top_n=_TOP_N.value,
          blocks_at_once=flags.FLAGS.blocks_at_once,
        )
        _show(found)
    finally:
      answerer.close()


if __name__ == '__main__':
  app.run(main)
