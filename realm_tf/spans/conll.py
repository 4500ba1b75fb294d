# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Sentences with named entities, in the format of the CoNLL shared tasks.

A token per line with its tag in the last of two or four columns, an empty line
after each sentence, `-DOCSTART-` before each document; in a file without it
each sentence is a document of its own. Tags are `O` or a prefix and a label, as
in `B-PER`. IO, BIO, IOB1 and BIOES are all read by conlleval's rule: an entity
begins at B-, at S-, after E- and S-, and where none of that label precedes.
"""

import itertools
import os
import re
from collections.abc import Container, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from absl import logging
from seqeval.metrics import sequence_labeling

from realm_tf.corpus import lines
from realm_tf.corpus.document import CorpusError, MalformedError
from realm_tf.io import faults, files

_COLUMNS = (2, 4)
_DOCUMENT = '-DOCSTART-'
# L and U are E and S in the BILOU scheme.
_TAG = re.compile(r'O|([BIESLU])-(\S+)')
_BILOU = {'L': 'E', 'U': 'S'}


class Entity(NamedTuple):
  """A named entity: tokens from `start` to before `limit`."""

  start: int
  limit: int
  label: str


class Sentence(NamedTuple):
  """A sentence of a CoNLL file.

  Attributes:
    tokens: Words and punctuation marks.
    entities: Disjoint entities in order.
    document: Number of its document in the file.
  """

  tokens: tuple[str, ...]
  entities: tuple[Entity, ...]
  document: int

  @property
  def text(self) -> str:
    """The tokens, separated by spaces."""
    return ' '.join(self.tokens)

  def token_bytes(self) -> np.ndarray:
    """Places of the tokens in `text`: int64 [tokens, (start, limit)]."""
    sizes = np.array([len(t.encode()) for t in self.tokens], np.int64)
    limits = np.cumsum(sizes + 1) - 1
    return np.stack([limits - sizes, limits], axis=1)


class _Row(NamedTuple):
  line: int
  token: str
  tag: str


def _parse_row(where: str, content: str, columns: int) -> list[str]:
  # Not at odd spaces: they can be tokens.
  cells = re.split(r' *\t *' if '\t' in content else ' +', content)
  if len(cells) != columns and columns:
    raise CorpusError(
      f'{where}: {len(cells)} columns, but {columns} in the first row'
    )
  if len(cells) not in _COLUMNS:
    raise CorpusError(
      f'{where}: {len(cells)} columns, not 2 (token, tag) or 4 (token, two'
      ' others, tag)'
    )
  if not cells[0]:
    raise CorpusError(f'{where}: no token in the first column')
  return cells


def _rows(
  path: str, labels: Container[str] | None
) -> Iterator[_Row | None | str]:
  """Yields rows, None for an empty line, and `_DOCUMENT`."""
  columns = 0
  with faults.naming(path, CorpusError), files.open_binary(path) as f:
    for line, raw in enumerate(f, 1):
      where = f'{path}:{line}'
      try:
        content = lines.decode(raw)
      except MalformedError as e:
        raise CorpusError(f'{where}: {e}') from e
      # Not strip(): it would drop a token of zero-width or odd spaces.
      content = content.strip(' \t\r\n')
      if not content:
        yield None
        continue
      if re.split(r'[ \t]', content, maxsplit=1)[0] == _DOCUMENT:
        yield _DOCUMENT
        continue
      cells = _parse_row(where, content, columns)
      columns = len(cells)
      tag = cells[-1]
      match = _TAG.fullmatch(tag)
      if match is None:
        raise CorpusError(
          f'{where}: {tag!r} is no tag: O, or B-, I-, E- or S- and a label'
        )
      if match[2] and labels is not None and match[2] not in labels:
        raise CorpusError(
          f'{where}: the label {match[2]!r} does not occur in the training data'
        )
      yield _Row(line, cells[0], _BILOU.get(tag[0], tag[0]) + tag[1:])


def read_files(
  paths: Sequence[str], labels: Container[str] | None = None
) -> list[Sentence]:
  """Reads files as `read_conll` does; documents are numbered across files."""
  sentences: list[Sentence] = []
  for path in paths:
    first = sentences[-1].document + 1 if sentences else 0
    sentences.extend(
      s._replace(document=first + s.document) for s in read_conll(path, labels)
    )
  return sentences


def read_conll(
  path: str | os.PathLike, labels: Container[str] | None = None
) -> list[Sentence]:
  """Reads a file, packed or not.

  Where B- marks beginnings (BIO, BIOES), an entity that begins with I- is a
  mistake: it is accepted, and a warning names the first line.

  Args:
    path: The file.
    labels: Labels that may occur; None for any.

  Raises:
    CorpusError: It has no sentence, or a row that cannot be read; the message
      names file and line.
  """
  path = os.fspath(path)
  sentences: list[Sentence] = []
  rows: list[_Row] = []
  document = 0
  unmarked: list[int] = []
  writes_b = False
  # The end of the file ends a sentence, too.
  for row in itertools.chain(_rows(path, labels), [None]):
    if isinstance(row, _Row):
      # In IOB1 B- stands only after an entity.
      writes_b |= row.tag[0] in 'BS' and (not rows or rows[-1].tag == 'O')
      rows.append(row)
      continue
    if rows:
      entities = tuple(
        Entity(start, last + 1, label)
        for label, start, last in sequence_labeling.get_entities(
          [r.tag for r in rows]
        )
      )
      sentences.append(
        Sentence(tuple(r.token for r in rows), entities, document)
      )
      begins = (rows[e.start] for e in entities)
      unmarked.extend(r.line for r in begins if r.tag[0] in 'IE')
      rows = []
    if row is not None:
      document += bool(sentences)
  if not sentences:
    raise CorpusError(f'{path}: no sentence in it')
  if sentences[-1].document == sentences[0].document:
    sentences = [s._replace(document=i) for i, s in enumerate(sentences)]
  if writes_b and unmarked:
    logging.warning(
      '%s:%d: an entity begins with I-, as do %d in all, though B- is in use',
      path,
      unmarked[0],
      len(unmarked),
    )
  return sentences


def labels_of(sentences: Sequence[Sentence]) -> tuple[str, ...]:
  """The labels of the entities, sorted."""
  return tuple(sorted({e.label for s in sentences for e in s.entities}))


def has_neighbors(sentences: Sequence[Sentence]) -> bool:
  """Whether two entities of one label stand side by side anywhere."""
  return any(
    a.limit == b.start and a.label == b.label
    for sentence in sentences
    for a, b in itertools.pairwise(sentence.entities)
  )


def split_by_document(
  sentences: Sequence[Sentence], share: float, seed: int
) -> tuple[list[Sentence], list[Sentence]]:
  """Holds out a random share of the documents.

  Args:
    sentences: Sentences in order.
    share: Share of the documents to hold out; at least one is, and one is not.
    seed: Seed of the choice.

  Returns:
    The other sentences and those held out, in order.

  Raises:
    ValueError: There is only one document.
  """
  documents = np.array([s.document for s in sentences])
  numbers = np.unique(documents)
  if len(numbers) < 2:
    raise ValueError('one document is too little to hold out a part')
  count = min(max(1, round(share * len(numbers))), len(numbers) - 1)
  chosen = np.random.default_rng(seed).permutation(numbers)[:count]
  held = np.isin(documents, chosen)
  return (
    [s for s, out in zip(sentences, held) if not out],
    [s for s, out in zip(sentences, held) if out],
  )


def _join(
  parts: Sequence[tuple[Sequence[str], Sequence[Entity]]], document: int
) -> Sentence:
  """Joins tokens and the entities among them."""
  tokens: list[str] = []
  entities: list[Entity] = []
  for part, its in parts:
    entities.extend(
      Entity(len(tokens) + start, len(tokens) + limit, label)
      for start, limit, label in its
    )
    tokens.extend(part)
  return Sentence(tuple(tokens), tuple(entities), document)


def join_documents(sentences: Sequence[Sentence]) -> list[Sentence]:
  """Makes one long sentence of each document.

  Another sentence than its own may tell what an entity is.

  Args:
    sentences: Sentences in order.
  """
  return [
    _join([(s.tokens, s.entities) for s in group], number)
    for number, group in itertools.groupby(sentences, lambda s: s.document)
  ]


def swap_entities(
  sentences: Sequence[Sentence], rate: float, seed: int | Sequence[int]
) -> list[Sentence]:
  """Replaces entities by others with the same label.

  A tagger then learns names and their surroundings apart from each other.

  Args:
    sentences: Sentences to swap the entities of.
    rate: Share of the entities that are replaced.
    seed: Seed of the choice.

  Returns:
    As many sentences, with as many entities of the same labels.
  """
  rng = np.random.default_rng(seed)
  names: dict[str, list[tuple[str, ...]]] = {}
  for sentence in sentences:
    for start, limit, label in sentence.entities:
      names.setdefault(label, []).append(sentence.tokens[start:limit])
  result = []
  for sentence in sentences:
    parts: list[tuple[Sequence[str], Sequence[Entity]]] = []
    end = 0
    for start, limit, label in sentence.entities:
      name = sentence.tokens[start:limit]
      if rng.random() < rate:
        name = names[label][rng.integers(len(names[label]))]
      parts.append((sentence.tokens[end:start], ()))
      parts.append((name, [Entity(0, len(name), label)]))
      end = limit
    parts.append((sentence.tokens[end:], ()))
    result.append(_join(parts, sentence.document))
  return result
