# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Ranks documents for judged queries, as retrieval is compared in the field."""

import contextlib
import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from realm_tf.configs.retrieval_config import Retrieval, RetrievalConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.corpus.document import CorpusError
from realm_tf.index import fit_weights, lexical, versions
from realm_tf.index.index import Index
from realm_tf.io.progress import progress as progress_bar
from realm_tf.questions import gold_blocks, retrieval_measures
from realm_tf.questions.answer_finder import AnswerFinder
from realm_tf.questions.judged_queries import JudgedQueries, Run
from realm_tf.questions.qa_datasets import QaExample
from realm_tf.questions.questions import Questions

# Rows and scores `[queries, k]`, best first, of texts and k.
Search = Callable[[Sequence[str], int], tuple[np.ndarray, np.ndarray]]
# Blocks looked at for each document: a document can have several.
_BLOCKS_PER_DOCUMENT = 3
_BATCH = 64
_FITTED = 2000  # Questions that weights are fitted to.


def check_documents(judged: JudgedQueries, corpus: Corpus) -> int:
  """Returns the number of queries with a relevant document in the corpus.

  Raises:
    CorpusError: There is none; the message says why.
  """
  if not corpus.has_record_ids:
    raise CorpusError(
      f'{corpus.directory} does not know the ids of its documents: build the'
      ' corpus again, from text with ids'
    )
  relevant = {
    query: [name for name, degree in documents.items() if degree > 0]
    for query, documents in judged.relevance.items()
  }
  known = corpus.rows_of_records(
    sorted({name for names in relevant.values() for name in names})
  )
  count = sum(any(n in known for n in names) for names in relevant.values())
  if not count:
    example = next(iter(relevant.values()))[0]
    raise CorpusError(
      f'no query has a relevant document in {corpus.directory}; the first one'
      f' would be {example!r}'
    )
  return count


def _words(index_dir: str, corpus: Corpus) -> lexical.LexicalIndex:
  try:
    return lexical.LexicalIndex.open(index_dir, corpus.fingerprint)
  except FileNotFoundError:
    return lexical.LexicalIndex.build(corpus)


@contextlib.contextmanager
def systems(
  index_dir: str, corpus: Corpus, config: RetrievalConfig | None = None
) -> Iterator[Mapping[str, Search]]:
  """Opens what can be compared on a corpus: BM25 first, then its index.

  Args:
    index_dir: Directory of index versions, or one version. BM25 is built in
      memory where there is none.
    corpus: Corpus that they are of.
    config: Weights of the sum of both. Default to those of the index; without
      any the sum is left out.

  Yields:
    Searches by label.
  """
  config = config or RetrievalConfig()
  with contextlib.ExitStack() as stack:
    words = _words(index_dir, corpus)
    searches: dict[str, Search] = {'BM25': words.search}
    with contextlib.suppress(FileNotFoundError):
      index = Index.open(versions.find_index(index_dir), corpus)
      stack.enter_context(contextlib.closing(index))
      index.lexical = words
      ways: list[Retrieval] = ['dense', 'rank_fusion']
      if config.lexical_weight is None:
        config = index.retrieval
      if config.lexical_weight is not None:
        ways.append('hybrid')
      for way in ways:
        searches[way] = functools.partial(
          index.search, retrieval=dataclasses.replace(config, retrieval=way)
        )
    yield searches


def fit(
  index_dir: str, corpus: Corpus, examples: Sequence[QaExample]
) -> RetrievalConfig:
  """Fits the weights of the sum of vectors and words to questions.

  By their gold blocks where they are known, or else by the blocks that have an
  answer. Two weights need no more than some thousands of them.

  Args:
    index_dir: Directory of index versions, or one version.
    corpus: Corpus that they are of.
    examples: Questions, other ones than those to be measured.

  Raises:
    ValueError: No relevant block is found, or the index lacks a part.
  """
  examples = examples[:: -(-len(examples) // _FITTED) or 1]
  gold = gold_blocks.relevant_rows(examples, corpus)
  by_answer: AnswerFinder | None = None
  if not gold.shape[1]:
    questions = Questions(examples, corpus.tokenizer)
    by_answer = AnswerFinder(questions, corpus, corpus.tokenizer)

  def is_relevant(numbers: np.ndarray, rows: np.ndarray) -> np.ndarray:
    if by_answer is None:
      found = (rows[:, :, None] == gold[numbers][:, None]).any(-1)
    else:
      found = np.stack(
        [
          by_answer.has_answer(n, np.maximum(its, 0))
          for n, its in zip(numbers, rows)
        ]
      )
    return found & (rows >= 0)

  index = Index.open(index_dir, corpus)
  with contextlib.closing(index):
    index.lexical = _words(index_dir, corpus)
    return fit_weights.fit_weights(
      index, [example.question for example in examples], is_relevant
    )


def rank(
  search: Search,
  judged: JudgedQueries,
  corpus: Corpus,
  *,
  depth: int = 100,
  progress: bool = False,
  label: str = 'queries',
) -> Run:
  """Searches for all queries.

  A document has the score of the best of its blocks.

  Args:
    search: Finds blocks.
    judged: The queries.
    corpus: Corpus that is searched; it knows the ids of its documents.
    depth: Number of documents per query. Defaults to 100.
    progress: Whether to show a progress bar. Defaults to False.
    label: Text of the progress bar.
  """
  queries = list(judged.texts)
  blocks = min(depth * _BLOCKS_PER_DOCUMENT, len(corpus))
  run: Run = {}
  with progress_bar(
    total=len(queries), desc=label, unit='q', disable=not progress
  ) as bar:
    for start in range(0, len(queries), _BATCH):
      names = queries[start : start + _BATCH]
      rows, scores = search([judged.texts[name] for name in names], blocks)
      rows, scores = np.asarray(rows), np.asarray(scores)
      ids = iter(corpus.record_ids(rows.ravel()))
      for name, its_scores in zip(names, scores.tolist()):
        best: dict[str, float] = {}
        last = math.inf
        for score in its_scores:
          document = next(ids)
          if document and document not in best and len(best) < depth:
            # Measures differ in which of two equal scores they take first.
            best[document] = last = min(score, math.nextafter(last, -math.inf))
        run[name] = best
      bar.update(len(names))
  return run


def misses(
  run: Run, judged: JudgedQueries, corpus: Corpus, count: int
) -> list[str]:
  """Describes queries whose first document is not relevant.

  Args:
    run: What was found.
    judged: The queries.
    corpus: Corpus that was searched.
    count: Number of queries to describe, the first ones.

  Returns:
    Texts: a query, what is relevant and its rank, and what was found instead.
  """
  missed = []
  for query, documents in judged.relevance.items():
    ranked = list(run.get(query, {}))
    relevant = [name for name, degree in documents.items() if degree > 0]
    if not (ranked and ranked[0] in relevant):
      missed.append((query, ranked, relevant[:3]))
  missed = missed[:count]
  rows = corpus.rows_of_records(
    {name for _, ranked, its in missed for name in [*ranked[:1], *its]}
  )

  def text(name: str) -> str:
    if name not in rows:
      return f'{name}: not in the corpus'
    first = rows[name][:1]
    title, body = corpus.titles(first)[0], corpus.bodies(first)[0]
    return f'{name}: {title}: {body[:200]}'

  described = []
  for query, ranked, relevant in missed:
    lines = [f'{query}: {judged.texts[query]}']
    for name in relevant:
      place = (
        f'rank {ranked.index(name) + 1}' if name in ranked else 'not found'
      )
      lines.append(f'  relevant, {place}: {text(name)}')
    lines += [f'  found: {text(name)}' for name in ranked[:1]]
    described.append('\n'.join(lines))
  return described


def compare(
  systems: Mapping[str, Run], judged: JudgedQueries
) -> dict[str, dict[str, np.ndarray]]:
  """Measures runs.

  Returns:
    Values `[queries]` by measure, by label of the run.
  """
  return {
    label: retrieval_measures.by_query(judged.relevance, run)
    for label, run in systems.items()
  }
