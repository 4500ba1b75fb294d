# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Queries with relevance judgments, and runs: files of BEIR and TREC."""

import dataclasses
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from realm_tf.corpus import lines, readers
from realm_tf.corpus.document import CorpusError, MalformedError
from realm_tf.corpus.problems import Problems
from realm_tf.io import atomic
from realm_tf.questions.qa_datasets import QaExample

# Scores of documents by the id of the query, then of the document.
Run = dict[str, dict[str, float]]


@dataclasses.dataclass(frozen=True)
class JudgedQueries:
  """Queries whose relevant documents are known.

  Attributes:
    texts: Texts of the queries by their ids.
    relevance: Degree of relevance by the id of the query, then of the document.
      Each query of `texts` has at least one that is positive.
    counts: Numbers of lines: `read`, `malformed`, `unjudged` queries and
      `unknown` queries of judgments.
  """

  texts: Mapping[str, str]
  relevance: Mapping[str, Mapping[str, int]]
  counts: Mapping[str, int] = dataclasses.field(default_factory=dict)

  def first(self, limit: int | None) -> 'JudgedQueries':
    """Returns the first `limit` queries; all if it is None."""
    texts = dict(list(self.texts.items())[:limit])
    relevance = {query: self.relevance[query] for query in texts}
    return JudgedQueries(texts, relevance, self.counts)


def is_beir(directory: str | os.PathLike) -> bool:
  """Returns whether this is a BEIR folder: `queries.jsonl` and `qrels/`."""
  path = pathlib.Path(directory)
  return (path / 'qrels').is_dir() and any(path.glob('queries.jsonl*'))


def _parse_query(record: readers.RawRecord) -> tuple[str, str]:
  query = lines.parse_object(record.payload)
  for name in ('_id', 'text'):
    if name not in query:
      raise MalformedError(f'no "{name}"')
  text = lines.check_string('the text', query['text'])
  if not text.strip():
    raise MalformedError('the query is empty')
  return str(query['_id']), text


def _parse_judgment(record: readers.RawRecord) -> tuple[str, str, int] | None:
  """Parses BEIR's three columns, or the four of trec_eval."""
  values = lines.decode(record.payload).split()
  if len(values) == 4:
    del values[1]  # The iteration, which nothing uses.
  if len(values) != 3:
    raise MalformedError(f'{len(values)} columns, not query, document, score')
  if values[:2] == ['query-id', 'corpus-id']:
    return None
  try:
    return values[0], values[1], int(values[2])
  except ValueError as e:
    raise MalformedError(f'the score is no whole number: {values[2]!r}') from e


def _read(
  path: str, parse: Callable[[readers.RawRecord], Any], problems: Problems
) -> Iterator[Any]:
  yield from problems.parse(readers.raw_records(path, 'jsonl'), parse)


def read_qrels(path: str, strict: bool = False) -> dict[str, dict[str, int]]:
  """Reads judgments: BEIR's `qrels/*.tsv`, or those of trec_eval.

  Args:
    path: Tab- or space-separated file: query, (iteration,) document, degree.
    strict: Whether a malformed line is an error.

  Returns:
    Degrees of relevance by query and document.

  Raises:
    CorpusError: No line is a judgment, or one is malformed and `strict`.
  """
  problems = Problems(strict)
  relevance: dict[str, dict[str, int]] = {}
  for judgment in _read(path, _parse_judgment, problems):
    if judgment is not None:
      query, document, degree = judgment
      relevance.setdefault(query, {})[document] = degree
  if not relevance:
    raise CorpusError(f'{path} has no judgment{problems.explain()}')
  return relevance


def read_beir(
  directory: str | os.PathLike, split: str = 'test', strict: bool = False
) -> JudgedQueries:
  """Reads the queries of a BEIR folder; its corpus is for `build_corpus`.

  Args:
    directory: Folder with `queries.jsonl` and `qrels/<split>.tsv`.
    split: Name of the judgments. Defaults to test.
    strict: Whether a malformed line is an error.

  Returns:
    The queries with a relevant document, in the order of their file.

  Raises:
    CorpusError: A file is missing, no query has a relevant document, or a line
      is malformed and `strict`.
  """
  path = pathlib.Path(directory)
  qrels = path / 'qrels' / f'{split}.tsv'
  if not qrels.exists():
    there = ', '.join(sorted(p.stem for p in qrels.parent.glob('*.tsv')))
    raise CorpusError(f'{qrels} is missing; `split` can be: {there or "none"}')
  relevance = read_qrels(str(qrels), strict)
  problems = Problems(strict)
  (name,) = readers.list_files(str(path / 'queries.jsonl*'), 'questions')[:1]
  texts = dict(_read(name, _parse_query, problems))
  judged = {
    query: text
    for query, text in texts.items()
    if any(degree > 0 for degree in relevance.get(query, {}).values())
  }
  if not judged:
    raise CorpusError(
      f'no query of {name} has a relevant document in {qrels}'
      f'{problems.explain()}'
    )
  counts = {
    'read': problems.counts['read'],
    'malformed': problems.counts['malformed'],
    'unjudged': len(texts) - len(judged),
    'unknown': len(relevance.keys() - texts.keys()),
  }
  return JudgedQueries(judged, {q: relevance[q] for q in judged}, counts)


def from_questions(examples: Sequence[QaExample]) -> JudgedQueries:
  """Takes questions as queries, and their gold paragraphs as relevant.

  Args:
    examples: Questions; those without `gold_id` are left out. One without an
      id, or with one that came before, gets its number, from 0.

  Raises:
    CorpusError: No question names its paragraph.
  """
  texts: dict[str, str] = {}
  relevance = {}
  for number, example in enumerate(examples):
    if example.gold_id is None:
      continue
    query = str(number if example.id is None else example.id)
    if query in texts:
      query = str(number)
    texts[query] = example.question
    relevance[query] = {str(example.gold_id): 1}
  if not texts:
    raise CorpusError('no question names its paragraph (paragraph_id)')
  counts = {'read': len(examples), 'unjudged': len(examples) - len(texts)}
  return JudgedQueries(texts, relevance, counts)


def write_run(path: str | os.PathLike, run: Run, tag: str) -> None:
  """Writes a TREC run: query, Q0, document, rank, score, tag; best first.

  Raises:
    ValueError: An id has white space in it, which the format cannot hold.
  """

  def rows() -> Iterable[str]:
    for query, documents in run.items():
      ranked = sorted(documents.items(), key=lambda item: -item[1])
      for rank, (document, score) in enumerate(ranked, 1):
        if len(f'{query} {document}'.split()) != 2:
          raise ValueError(
            f'{path}: an id with white space cannot be in a TREC run:'
            f' {query!r}, {document!r}'
          )
        yield f'{query} Q0 {document} {rank} {score!r} {tag}\n'

  with atomic.atomic_file(path) as f:
    f.writelines(row.encode() for row in rows())


def _parse_scored(record: readers.RawRecord) -> tuple[str, str, float]:
  values = lines.decode(record.payload).split()
  if len(values) != 6:
    raise MalformedError(
      f'{len(values)} columns, not 6: query Q0 document rank score tag'
    )
  try:
    return values[0], values[2], float(values[4])
  except ValueError as e:
    raise MalformedError(f'the score is no number: {values[4]!r}') from e


def read_run(path: str, strict: bool = False) -> Run:
  """Reads a TREC run.

  Raises:
    CorpusError: No line is one of a run, or one is malformed and `strict`.
  """
  problems = Problems(strict)
  run: Run = {}
  for query, document, score in _read(path, _parse_scored, problems):
    run.setdefault(query, {})[document] = score
  if not run:
    raise CorpusError(f'{path} is no TREC run{problems.explain()}')
  return run
