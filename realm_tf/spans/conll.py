# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Sentences with named entities, as files of the CoNLL shared tasks have them.

A token a line with its tag in the last of two or four columns, an empty line
behind each sentence, `-DOCSTART-` before each document; in a file that has none
each sentence is taken for a document of its own. Tags are `O` or a
prefix and a label, as in `B-PER`. IO, BIO, IOB1 and BIOES are read by one rule,
which is conlleval's: an entity begins at B-, at S-, behind E- and S-, and where
no entity of that label stands before.
"""

import itertools
import os
import re
from collections.abc import Container, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from absl import logging

from realm_tf.corpus import lines
from realm_tf.corpus.document import CorpusError, MalformedError
from realm_tf.io import files

_COLUMNS = (2, 4)
_DOCUMENT = '-DOCSTART-'
# L and U are E and S in the BILOU scheme.
_TAG = re.compile(r'O|([BIESLU])-(\S+)')


class Entity(NamedTuple):
  """A named entity: tokens from `start` to before `limit`."""

  start: int
  limit: int
  label: str


class Sentence(NamedTuple):
  """A sentence of a CoNLL file.

  Attributes:
    tokens: As they stand there.
    entities: In order, disjoint.
    document: Number of its document in the file.
  """

  tokens: tuple[str, ...]
  entities: tuple[Entity, ...]
  document: int

  @property
  def text(self) -> str:
    """The tokens with a space between."""
    return ' '.join(self.tokens)

  def token_bytes(self) -> np.ndarray:
    """Where the tokens stand in `text`: int64 [tokens, (start, limit)]."""
    sizes = np.array([len(t.encode()) for t in self.tokens], np.int64)
    limits = np.cumsum(sizes + 1) - 1
    return np.stack([limits - sizes, limits], axis=1)


class _Row(NamedTuple):
  line: int
  token: str
  prefix: str
  label: str


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
  with files.open_binary(path) as f:
    for line, raw in enumerate(f, 1):
      where = f'{path}:{line}'
      try:
        content = lines.decode(raw.removeprefix(b'\xef\xbb\xbf'))
      except MalformedError as e:
        raise CorpusError(f'{where}: {e}') from e
      # Not strip(): it takes a token of zero-width or odd spaces for nothing.
      content = content.strip(' \t\r\n')
      if not content:
        yield None
        continue
      if re.split(r'[ \t]', content, maxsplit=1)[0] == _DOCUMENT:
        yield _DOCUMENT
        continue
      cells = _parse_row(where, content, columns)
      columns = len(cells)
      match = _TAG.fullmatch(cells[-1])
      if match is None:
        raise CorpusError(
          f'{where}: {cells[-1]!r} is no tag: O, or B-, I-, E- or S- and a'
          ' label'
        )
      label = match[2] or ''
      if label and labels is not None and label not in labels:
        raise CorpusError(
          f'{where}: the label {label!r} does not occur in the training data'
        )
      yield _Row(line, cells[0], match[1] or 'O', label)


def _find_entities(rows: Sequence[_Row]) -> tuple[list[Entity], list[int]]:
  """Finds entities, and the lines at which one begins with I- or E-."""
  entities: list[Entity] = []
  unmarked = []
  before = ('O', '')
  for i, row in enumerate(rows):
    follows = before[1] == row.label and before[0] not in 'ESLU'
    if row.prefix == 'O':
      pass
    elif row.prefix in 'BSU' or not follows:
      entities.append(Entity(i, i + 1, row.label))
      if row.prefix not in 'BSU':
        unmarked.append(row.line)
    else:
      entities[-1] = entities[-1]._replace(limit=i + 1)
    before = row.prefix, row.label
  return entities, unmarked


def read_files(
  paths: Sequence[str], labels: Container[str] | None = None
) -> list[Sentence]:
  """Reads files as `read_conll`; documents are numbered through all."""
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
  """Reads a file, plain, .gz or .bz2.

  Where B- is written at beginnings (BIO, BIOES), an entity that begins with I-
  is a mistake: it is taken, and a warning tells the first line.

  Args:
    path: Of the file.
    labels: Those that may occur; None for any.

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
      # In IOB1 B- stands only behind an entity.
      writes_b |= row.prefix in 'BSU' and (not rows or rows[-1].prefix == 'O')
      rows.append(row)
      continue
    if rows:
      entities, lines_of_i = _find_entities(rows)
      tokens = tuple(r.token for r in rows)
      sentences.append(Sentence(tokens, tuple(entities), document))
      unmarked.extend(lines_of_i)
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


def has_neighbours(sentences: Sequence[Sentence]) -> bool:
  """Whether somewhere two entities of one label stand side by side."""
  return any(
    a.limit == b.start and a.label == b.label
    for sentence in sentences
    for a, b in itertools.pairwise(sentence.entities)
  )


def split_by_document(
  sentences: Sequence[Sentence], share: float, seed: int
) -> tuple[list[Sentence], list[Sentence]]:
  """Holds out a share of the documents, drawn by a seed.

  Args:
    sentences: In order.
    share: Of the documents that are held out; at least one is, and one not.
    seed: Of the choice.

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


def join_documents(sentences: Sequence[Sentence]) -> list[Sentence]:
  """Makes one long sentence of each document.

  What an entity is may be told in another sentence than the one it is in.

  Args:
    sentences: In order.
  """
  joined = []
  for number, group in itertools.groupby(sentences, lambda s: s.document):
    tokens: list[str] = []
    entities: list[Entity] = []
    for sentence in group:
      for start, limit, label in sentence.entities:
        entities.append(Entity(len(tokens) + start, len(tokens) + limit, label))
      tokens.extend(sentence.tokens)
    joined.append(Sentence(tuple(tokens), tuple(entities), number))
  return joined


def swap_entities(
  sentences: Sequence[Sentence], rate: float, seed: int | Sequence[int]
) -> list[Sentence]:
  """Puts entities in the place of others with the same label.

  What surrounds a name, and the names themselves, are then learned apart.

  Args:
    sentences: As they are.
    rate: Share of the entities that are replaced.
    seed: Of the choice.

  Returns:
    As many sentences, with the same entities in number and labels.
  """
  rng = np.random.default_rng(seed)
  names: dict[str, list[tuple[str, ...]]] = {}
  for sentence in sentences:
    for start, limit, label in sentence.entities:
      names.setdefault(label, []).append(sentence.tokens[start:limit])
  result = []
  for sentence in sentences:
    tokens: list[str] = []
    entities = []
    end = 0
    for start, limit, label in sentence.entities:
      name = sentence.tokens[start:limit]
      if rng.random() < rate:
        name = names[label][rng.integers(len(names[label]))]
      tokens.extend(sentence.tokens[end:start])
      entities.append(Entity(len(tokens), len(tokens) + len(name), label))
      tokens.extend(name)
      end = limit
    tokens.extend(sentence.tokens[end:])
    result.append(Sentence(tuple(tokens), tuple(entities), sentence.document))
  return result
