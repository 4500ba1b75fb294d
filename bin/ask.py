# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Asks a trained model: a question in, the answer in its evidence out.

    python -m bin.ask --model_dir=out/qa --corpus_dir=out/corpus \
        --index_dir=out/realm/index

    question> What is the capital of Peru?
    Lima    p = 0.93

      Peru [170691] (retrieved with p = 0.71, read with p = 0.98)
      ... the capital of Peru is >>Lima<<, a city of ...

The p of an answer is that of its block and its words together, among all spans
of all blocks that were read; after the title, and in brackets id and url of the
document where its record had them, are that of the block by the retriever, and
that of the words in this block by the reader.

A pre-trained model (--model_dir of pretrain_realm) fills sentences with [MASK],
one for each wordpiece, and finds documents for others; its own index is taken.

Without a model, the index is searched for documents. --dir is a directory that
index_text or update_index wrote:

    python -m bin.ask --dir=out/mine

Documents come and go meanwhile, and the next answer is from what is there then:

    question> + Lima: Lima is the capital of Peru.
    added 1, removed 0: 60 blocks
    question> - Cuzco
    added 0, removed 2: 58 blocks
    question> :save out/edition2
    out/edition2/index/500

A title ends at the first colon that is followed by white space. The corpus and
the index that are given stay as they are: what is not saved is lost at the end.
It ends with the input, or with an empty line.

When standard output is not a terminal, or with --json or --output, each line of
the input (--input) gets a line of JSON: "question", "prediction" (the text as
it stands in the block), "title", "evidence", "document_id" and "document_url"
(of the record that the block is from, or empty), "block_id" (its row, which
updates change), "byte_start" and "byte_end" of the answer in the evidence,
"score", "log_prob" of block and words together, "retriever_log_prob",
"reader_log_prob", and "answers" with the best --top_n of these. A line of the
input is a question, or a JSON object with one under "question"; one without, or
that cannot be read, gets an empty prediction and "error", and all others are
answered. A file of questions that `evaluate` reads is read here, too.

Cost: a few seconds to start; then about 100 questions a second with 5 blocks of
220 wordpieces and a tiny (2 x 128) model on 2 cores.
"""

import contextlib
import json
import math
import re
import sys
import textwrap
from typing import Any

from realm_tf.configs.answering_config import AskConfig

from . import config_flags, program

config_flags.define(AskConfig)

_EDIT = re.compile(rb'([+-]|:save)\s+\S')
_CONTEXT = 300  # Bytes of the evidence before and after the answer.


def _marked(answer: dict[str, Any]) -> str:
  """The evidence around an answer, which is marked."""
  data = answer['evidence'].encode()
  start, end = answer['byte_start'], answer['byte_end']
  left, right = ('\033[1m', '\033[0m') if sys.stdout.isatty() else ('>>', '<<')
  before = data[max(0, start - _CONTEXT) : start].decode('utf-8', 'ignore')
  after = data[end : end + _CONTEXT].decode('utf-8', 'ignore')
  return (
    ('... ' if start > _CONTEXT else '')
    + before
    + left
    + data[start:end].decode('utf-8', 'replace')
    + right
    + after
    + (' ...' if end + _CONTEXT < len(data) else '')
  )


def _name(document: dict[str, Any]) -> str:
  """Title of a document, and its id and address, if it has them."""
  names = filter(None, (document['document_id'], document['document_url']))
  known = ', '.join(names)
  return f'{document["title"]} [{known}]' if known else document['title']


def _show_answers(answers: list[dict[str, Any]]) -> None:
  if not answers:
    print('no answer: there is no span in the blocks that were found\n')
  for answer in answers:
    print(f'{answer["prediction"]}\tp = {math.exp(answer["log_prob"]):.2f}\n')
    print(
      f'  {_name(answer)} (retrieved with p ='
      f' {math.exp(answer["retriever_log_prob"]):.2f},'
      f' read with p = {math.exp(answer["reader_log_prob"]):.2f})'
    )
    print(textwrap.indent(textwrap.fill(_marked(answer), 78), '  ') + '\n')


def _show_blanks(blanks: list[list[list[Any]]], indent: int) -> None:
  for number, choices in enumerate(blanks, 1):
    shown = ', '.join(f'{word} {p:.2f}' for word, p in choices)
    print(f'{" " * indent}blank {number}: {shown}')


def _show_documents(record: dict[str, Any]) -> None:
  for document in record['documents']:
    name = _name(document) if document['block_id'] >= 0 else '(no document)'
    text = document['evidence'][:200]
    print(f'  {document["score"]:.3f}  {name}: {text}')
    _show_blanks(document.get('blanks', []), 9)
  _show_blanks(record.get('blanks', []), 2)
  print()


def _show(record: dict[str, Any]) -> None:
  if 'error' in record:
    print(f'{record["error"]}\n')
  elif 'documents' in record:
    _show_documents(record)
  else:
    _show_answers(record['answers'])


def _edit(line: str, backend: Any) -> None:
  """Changes the corpus as a line says, or says why not."""
  command, rest = line.split(maxsplit=1)
  try:
    if command == ':save':
      print(backend.save(rest) + '\n')
      return
    if command == '+':
      parts = re.split(r':\s+', rest, maxsplit=1)
      if len(parts) < 2:
        raise ValueError('a document is added as "+ Title: text"')
      update = backend.add(*parts)
    else:
      update = backend.remove(rest)
    for removal in update.missing:
      print(removal)
    blocks = len(backend.corpus)
    print(f'added {update.added}, removed {update.removed}: {blocks} blocks\n')
  except (ValueError, OSError) as e:
    print(f'{e}\n')


def main() -> None:
  """Asks until there are no more questions."""
  config = config_flags.make(AskConfig)
  from realm_tf.answering import asking
  from realm_tf.io import atomic, files

  as_json = config.json
  if as_json is None:
    as_json = bool(config.output) or not sys.stdout.isatty()
  with contextlib.ExitStack() as stack:
    asker = stack.enter_context(contextlib.closing(asking.Asker(config)))
    lines, name = sys.stdin.buffer, 'standard input'
    if config.input != '-':
      lines, name = files.open_binary(config.input), config.input
      stack.enter_context(lines)
    if as_json:
      out = sys.stdout
      if config.output:
        out = stack.enter_context(atomic.atomic_file(config.output, 'w'))
      for record in asker.ask_lines(lines, name):
        print(json.dumps(record, ensure_ascii=False), file=out, flush=True)
      return
    while True:
      print('question> ', end='', flush=True)
      line = lines.readline().strip()
      if not line:
        print()
        return
      if _EDIT.match(line) and not asker.takes_updates:
        print('a pre-trained model takes no updates\n')
      elif _EDIT.match(line):
        _edit(line.decode('utf-8', 'replace'), asker.backend)
      elif line.startswith(b':'):
        print('the only command that begins so is ":save DIRECTORY"\n')
      else:
        _show(asker.ask([line.decode('utf-8', 'replace')])[0])


if __name__ == '__main__':
  program.run(main)
