# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Gold blocks: the blocks of the paragraphs that questions were asked about.

Questions name a paragraph by the id of the record that the corpus was built
from; each block of the corpus keeps that id. Where they name its title, too, it
must be that of the block: unrelated corpora have records 1, 2 and 3.
"""

from collections.abc import Sequence

import numpy as np
from absl import logging

from realm_tf.corpus.corpus import Corpus
from realm_tf.corpus.document import CorpusError, clean_title
from realm_tf.questions.qa_datasets import QaExample


def _comparable(title: str | None) -> str:
  # SQuAD's titles are those of addresses.
  return clean_title((title or '').replace('_', ' ')).casefold()


def _of_title(rows: list[int], example: QaExample, corpus: Corpus) -> list[int]:
  """Returns the rows with the title of the gold paragraph, as far as known."""
  wanted = _comparable(example.gold_title)
  titles = map(_comparable, corpus.titles(rows) if wanted else [''] * len(rows))
  return [r for r, its in zip(rows, titles) if not its or its == wanted]


def _order(rows: list[int], example: QaExample, corpus: Corpus) -> list[int]:
  """Puts blocks in which an answer occurs before the others."""
  if len(rows) < 2:
    return rows
  answers = [answer.lower() for answer in example.answers]
  bodies = (body.lower() for body in corpus.bodies(rows))
  found = [any(answer in body for answer in answers) for body in bodies]
  return sorted(rows, key=lambda row: not found[rows.index(row)])


def relevant_rows(
  examples: Sequence[QaExample], corpus: Corpus, *, required: bool = False
) -> np.ndarray:
  """Returns the gold blocks of each question.

  Args:
    examples: Questions; those without `gold_id` have no gold block.
    corpus: Corpus.
    required: Whether it is an error that no question has a gold block.

  Returns:
    int64 `[questions, r]`, padded with -1. A block in which an answer occurs
    comes before the others of its paragraph.

  Raises:
    CorpusError: No question has a gold block, and `required`.
  """
  named = [str(e.gold_id) for e in examples if e.gold_id is not None]
  by_id = corpus.rows_of_records(named)
  found = [by_id.get(str(e.gold_id), []) for e in examples]
  rows = [_of_title(its, e, corpus) for its, e in zip(found, examples)]
  others = [i for i, its in enumerate(found) if its and not rows[i]]
  if others:
    first = examples[others[0]]
    logging.warning(
      '%d questions name a paragraph whose id has another title in %s: it is'
      ' not taken for theirs; the first is %s, %r instead of %r',
      len(others),
      corpus.directory,
      first.gold_id,
      corpus.titles(found[others[0]][:1])[0],
      first.gold_title,
    )
  num_found = sum(map(bool, rows))
  if not num_found and (named or required):
    why = f'none of them is in {corpus.directory}'
    if not named:
      why = 'no question names its paragraph (paragraph_id)'
    elif not corpus.has_record_ids:
      why = (
        f'{corpus.directory} does not know the ids of its paragraphs: build the'
        ' corpus again, from text with ids'
      )
    if required:
      raise CorpusError(f'the gold paragraphs of questions are needed: {why}')
    logging.warning('the gold paragraphs of questions are not known: %s', why)
  if num_found:
    logging.info(
      '%d of %d questions have their paragraph in the corpus',
      num_found,
      len(examples),
    )
  rows = [_order(its, e, corpus) for its, e in zip(rows, examples)]
  padded = np.full([len(rows), max(map(len, rows), default=0)], -1, np.int64)
  for line, its in zip(padded, rows):
    line[: len(its)] = its
  return padded


def gold_rows(
  examples: Sequence[QaExample], corpus: Corpus, *, required: bool = False
) -> np.ndarray | None:
  """Returns the first of the `relevant_rows` of each question.

  Returns:
    int64 `[questions]`, -1 where there is none; or None if there are none.

  Raises:
    CorpusError: As `relevant_rows`.
  """
  relevant = relevant_rows(examples, corpus, required=required)
  return relevant[:, 0] if relevant.shape[1] else None
