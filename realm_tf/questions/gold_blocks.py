# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which blocks of a corpus are the paragraphs that questions were asked about.

Questions name a paragraph by its id in the text that the corpus was built
from. The paragraph is split as bin/build_corpus did it, and its blocks are
looked up by document uid: nothing is read of the blocks of others.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf
from absl import logging

from realm_tf.corpus import block_records, blocks, document_uids, lines, readers
from realm_tf.corpus.corpus import Corpus
from realm_tf.corpus.document import (
  CorpusError,
  Document,
  MalformedError,
  SkippedError,
  clean_document,
)
from realm_tf.io import files
from realm_tf.questions.qa_datasets import QaExample
from realm_tf.text.tokenizer import BertTokenizer

_AT_ONCE = 500


def _paragraphs(
  pattern: str, wanted: set[str]
) -> Iterator[tuple[str, Document]]:
  """Ids and clean texts of the paragraphs whose ids are wanted.

  Raises:
    CorpusError: A file is damaged; which paragraphs are lost is not known.
  """
  for path in files.expand(pattern):
    for record in readers.raw_records(path, 'jsonl'):
      if isinstance(record.payload, MalformedError):
        raise CorpusError(f'{record.where}: {record.payload}')
      try:
        found = lines.parse_object(record.payload)
        if str(found.get('id')) in wanted:
          yield (
            str(found['id']),
            clean_document(found.get('title', ''), found.get('text', '')),
          )
      except (MalformedError, SkippedError):
        # bin/build_corpus has left it out and said so.
        continue


def _without_spaces(text: str) -> str:
  return ''.join(text.split())


def _blocks_of_each(
  documents: Sequence[Document],
  records: Sequence[bytes],
) -> list[list[tuple[bytes, bytes]]]:
  """Titles and bodies of the blocks that each document was split into."""
  parsed = block_records.parse_blocks(tf.constant(list(records)))
  pairs = list(
    zip(
      parsed[block_records.TITLE].numpy().tolist(),
      parsed[block_records.BODY].numpy().tolist(),
    )
  )
  result: list[list[tuple[bytes, bytes]]] = []
  at = 0
  for document in documents:
    rest = _without_spaces(document.text)
    its = []
    while at < len(pairs) and rest:
      title, body = pairs[at]
      text = _without_spaces(body.decode())
      if title.decode() != document.title or not rest.startswith(text):
        break
      rest = rest[len(text) :]
      its.append((title, body))
      at += 1
    result.append(its)
  return result


def find_rows(
  paragraphs: str,
  wanted: set[str],
  documents: Corpus,
  tokenizer: BertTokenizer,
  max_block_length: int = 288,
) -> dict[str, np.ndarray]:
  """Finds paragraphs in a corpus.

  Args:
    paragraphs: JSONL with `id`, `title` and `text`, of which the corpus was
      built.
    wanted: Ids, as strings.
    documents: The corpus.
    tokenizer: Its tokenizer.
    max_block_length: As it was built with.

  Returns:
    Rows int64 `[blocks]` of each id that was found.
  """
  order = np.argsort(documents.uids, kind='stable')
  uids = np.asarray(documents.uids)[order]
  found: dict[str, np.ndarray] = {}
  batch: list[tuple[str, Document]] = []

  def look_up() -> None:
    made, _ = blocks.make_blocks(
      [document for _, document in batch], tokenizer, max_block_length
    )
    if not made:
      return
    for (name, _), its in zip(
      batch, _blocks_of_each([document for _, document in batch], made)
    ):
      if not its:
        continue
      wanted_uids = document_uids.uids_of(*zip(*its))
      places = np.minimum(np.searchsorted(uids, wanted_uids), len(uids) - 1)
      there = uids[places] == wanted_uids
      if there.any():
        found[name] = order[places[there]].astype(np.int64)

  for item in _paragraphs(paragraphs, wanted):
    batch.append(item)
    if len(batch) == _AT_ONCE:
      look_up()
      batch.clear()
  if batch:
    look_up()
  return found


def relevant_rows(
  examples: Sequence[QaExample],
  paragraphs: str,
  documents: Corpus,
  tokenizer: BertTokenizer,
  max_block_length: int = 288,
) -> np.ndarray:
  """The gold blocks of each question.

  Args:
    examples: Questions; those without `gold_id` have no gold block.
    paragraphs: See `find_rows`.
    documents: The corpus.
    tokenizer: Its tokenizer.
    max_block_length: As it was built with.

  Returns:
    int64 `[questions, r]`, padded with -1. A block in which an answer stands
    comes before the others of its paragraph.

  Raises:
    CorpusError: Questions name paragraphs, and none is in the corpus; or
      `paragraphs` is damaged.
  """
  named = [str(e.gold_id) for e in examples if e.gold_id is not None]
  wanted = set(named)
  by_id = find_rows(paragraphs, wanted, documents, tokenizer, max_block_length)
  if wanted and not by_id:
    raise CorpusError(
      f'{paragraphs}: of the {len(wanted)} paragraphs that the questions name'
      f' none is in {documents.directory}; was the corpus built from it?'
    )
  if wanted:
    logging.info(
      '%d of %d questions have their paragraph in the corpus',
      sum(name in by_id for name in named),
      len(examples),
    )
  rows = []
  for example in examples:
    its = by_id.get(str(example.gold_id), np.zeros(0, np.int64))
    if len(its) > 1:
      bodies = [body.lower() for body in documents.bodies(its)]
      has = [
        any(answer.lower() in body for answer in example.answers)
        for body in bodies
      ]
      its = its[np.argsort(~np.array(has), kind='stable')]
    rows.append(its)
  padded = np.full([len(rows), max(map(len, rows), default=0)], -1, np.int64)
  for line, its in zip(padded, rows):
    line[: len(its)] = its
  return padded


def gold_rows(
  examples: Sequence[QaExample],
  paragraphs: str,
  documents: Corpus,
  tokenizer: BertTokenizer,
  max_block_length: int = 288,
) -> np.ndarray:
  """The first of the `relevant_rows` of each question.

  Takes what `relevant_rows` takes, and raises what it raises.

  Returns:
    int64 `[questions]`, -1 where there is none.
  """
  relevant = relevant_rows(
    examples, paragraphs, documents, tokenizer, max_block_length
  )
  if not relevant.shape[1]:
    return np.full(len(relevant), -1, np.int64)
  return relevant[:, 0]
