# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Evaluates a pre-trained REALM on held-out blanks, without fine-tuning."""

import dataclasses
import itertools
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf.answering import blanks
from realm_tf.answering.blank_filler import BlankFiller, Filling
from realm_tf.bert import weights
from realm_tf.configs.embedding_config import EmbeddingConfig
from realm_tf.configs.masking_config import FeaturizationConfig
from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.hub import hub_modules
from realm_tf.index import embed_corpus
from realm_tf.index.searcher import build_searcher
from realm_tf.io import compatibility
from realm_tf.io.progress import progress
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.reader import KnowledgeAugmentedReader
from realm_tf.questions.qa_metrics import HitsAt
from realm_tf.text.tokenizer import BertTokenizer


@dataclasses.dataclass(frozen=True)
class Example:
  """A filled blank and the document that weighed most in filling it.

  Attributes:
    sentence: The sentence with its blank.
    answer: What was taken out.
    filled: The likeliest wordpieces by p(y_j | x).
    closed_book: The likeliest wordpieces by p(y_j | null, x).
    title, body, document_id: Title, text and id of the document, other than
      the null document, with the highest p(z | x) p(filled | z, x).
    probability: p(z | x) of this document.
    is_right: Whether every wordpiece of `filled` is right.
  """

  sentence: str
  answer: str
  filled: str
  closed_book: str
  title: str
  body: str
  document_id: str
  probability: float
  is_right: bool


@dataclasses.dataclass(frozen=True)
class Report:
  """Shares of the held-out sentences.

  Attributes:
    recall: Share by k with a document of the right title among the best k;
      empty if no title is known.
    filled: Share of blanks whose every wordpiece is right, with retrieval.
    closed_book: Share that the reader fills right with nothing to read.
    count: Number of sentences measured.
    skipped: Number of sentences left out (`evaluate`).
    examples: The filled blanks.
  """

  recall: dict[int, float]
  filled: float
  closed_book: float
  count: int
  skipped: int
  examples: tuple[Example, ...]

  def to_dict(self) -> dict[str, Any]:
    """Returns all but the examples, for JSON."""
    values = dataclasses.asdict(self)
    values.pop('examples')
    return values


def make_filler(
  embedder: Embedder,
  reader: KnowledgeAugmentedReader,
  tokenizer: BertTokenizer,
  corpus: Corpus,
  config: FeaturizationConfig,
) -> BlankFiller:
  """Embeds a corpus in memory, and makes a filler."""
  vectors = embed_corpus.embed_documents(
    corpus,
    embed_corpus.traced(embedder.embed_documents),
    special=tokenizer.special,
    config=EmbeddingConfig(
      candidate_seq_len=min(
        config.candidate_seq_len, embedder.bert_config.max_positions
      ),
      separate_candidate_segments=config.separate_candidate_segments,
    ),
  )
  searcher = build_searcher(
    np.asarray(vectors), SearcherConfig(searcher='exact')
  )
  return BlankFiller(
    embedder, reader, tokenizer, corpus, searcher, config=config
  )


def load_filler(
  embedder_dir: str | os.PathLike,
  bert_dir: str | os.PathLike,
  corpus: Corpus,
  config: FeaturizationConfig | None = None,
) -> BlankFiller:
  """Makes a filler of an exported embedder and a BERT.

  Args:
    embedder_dir: TF Hub module of the embedder.
    bert_dir: TF Hub module of the reader, or a directory of BERT weights.
    corpus: Corpus; is embedded in memory.
    config: Lengths and numbers. Defaults to those that the embedder was
      trained with.

  Raises:
    MismatchError: They are not of one vocabulary.
  """
  tokenizer = hub_modules.load_tokenizer(embedder_dir)
  bert = weights.load_bert(bert_dir)
  if bert.vocab_file is not None:
    its = BertTokenizer.from_file(bert.vocab_file, lower_case=bert.lower_case)
    compatibility.check(
      hub_modules.module_part(embedder_dir),
      compatibility.Part(os.fspath(bert_dir), vocabulary=its.fingerprint),
    )
  reader = KnowledgeAugmentedReader(bert.config)
  reader.init_from_bert(bert)
  return make_filler(
    hub_modules.load_embedder(embedder_dir),
    reader,
    tokenizer,
    corpus,
    config or hub_modules.trained_lengths(embedder_dir),
  )


def random_filler(
  like_embedder_dir: str | os.PathLike,
  corpus: Corpus,
  config: FeaturizationConfig | None = None,
  seed: int = 0,
) -> BlankFiller:
  """Makes a filler of random weights, of the size of an exported embedder."""
  like = hub_modules.load_embedder(like_embedder_dir)
  return make_filler(
    Embedder(like.bert_config, like.projection_size, seed=seed),
    KnowledgeAugmentedReader(like.bert_config, seed=seed),
    hub_modules.load_tokenizer(like_embedder_dir),
    corpus,
    config or hub_modules.trained_lengths(like_embedder_dir),
  )


def _heaviest(filling: Filling) -> np.ndarray:
  """Returns the place of the document that weighs most, but the null one."""
  is_blank = np.arange(filling.ids.shape[1]) < filling.lengths[:, None]
  with np.errstate(divide='ignore'):  # no probability: log 0
    weights = np.log(filling.candidate_probs)
    by_blank = np.log(filling.document_filled_probs)
  weights = weights + np.where(is_blank[:, None], by_blank, 0).sum(-1)
  return 1 + weights[:, 1:].argmax(1)


def _examples(
  filler: BlankFiller,
  questions: Sequence[blanks.BlankQuestion],
  filling: Filling,
  right: np.ndarray,
) -> list[Example]:
  """Shows each sentence with the document that weighed most."""
  best = _heaviest(filling)
  rows = np.take_along_axis(filling.rows, best[:, None], 1)[:, 0]
  corpus = filler.corpus
  titles, bodies = corpus.titles(rows), corpus.bodies(rows)
  document_ids = corpus.record_ids(rows)
  shown = []
  for i, question in enumerate(questions):
    count = filling.lengths[i]
    filled, closed_book = filler.tokenizer.detokenize(
      [filling.ids[i, :count, 0], filling.closed_book_ids[i, :count, 0]]
    )
    shown.append(
      Example(
        sentence=question.with_blanks(1),
        answer=question.answer,
        filled=filled,
        closed_book=closed_book,
        title=titles[i],
        body=bodies[i],
        document_id=document_ids[i],
        probability=float(filling.candidate_probs[i, best[i]]),
        is_right=bool(right[i]),
      )
    )
  return shown


def _usable(
  filler: BlankFiller, questions: Sequence[blanks.BlankQuestion]
) -> list[blanks.BlankQuestion]:
  """Returns the questions whose blanks are all in the part that is read."""
  ids, answers = blanks.masked_ids(filler.tokenizer, questions)
  ids = ids[:, : filler.config.query_seq_len - 2]
  is_blank = tf.cast(ids == filler.tokenizer.mask_id, tf.int64)
  wanted = answers.row_lengths()
  usable = (tf.reduce_sum(is_blank, 1) == wanted) & (wanted > 0)
  return list(itertools.compress(questions, usable.numpy()))


def _title_hits(
  filler: BlankFiller,
  questions: Sequence[blanks.BlankQuestion],
  query_ids: tf.RaggedTensor,
  k: int,
) -> np.ndarray:
  """Returns which of the best k documents have the title, bool [titles, k]."""
  rows, _ = filler.retrieve(query_ids, k)
  hits = [
    [title == question.title for title in filler.corpus.titles(its_rows)]
    for question, its_rows in zip(questions, rows)
    if question.title is not None
  ]
  found = np.array(hits, np.bool_).reshape(len(hits), rows.shape[1])
  # A corpus may have fewer than k documents.
  return np.pad(found, [(0, 0), (0, k - found.shape[1])])


def evaluate(
  filler: BlankFiller,
  questions: Sequence[blanks.BlankQuestion],
  *,
  ks: Sequence[int] = (1, 5),
  batch_size: int = 32,
  show_progress: bool = True,
) -> Report:
  """Evaluates retrieval and reading on sentences with one span taken out.

  A sentence is left out if its blank is not entirely within the wordpieces
  that are read, or if what was taken out has no wordpiece.

  Args:
    filler: Models, corpus and searcher.
    questions: Held-out sentences; those without a title do not count for
      recall.
    ks: Numbers of documents at which recall is measured.
    batch_size: Number of sentences per batch.
    show_progress: Whether to show a progress bar.

  Raises:
    ValueError: No sentence is left.
  """
  given = len(questions)
  questions = _usable(filler, questions)
  if not questions:
    raise ValueError(
      f'none of {given} held-out sentences has its whole blank within its first'
      f' {filler.config.query_seq_len - 2} wordpieces'
    )
  recall = HitsAt(ks)
  closed_book_right: list[bool] = []
  examples: list[Example] = []
  starts = range(0, len(questions), batch_size)
  for start in progress(
    starts, desc='held-out blanks', unit='batch', disable=not show_progress
  ):
    batch = questions[start : start + batch_size]
    ids, answers = blanks.masked_ids(filler.tokenizer, batch)
    filling = filler.fill(ids, top=1)
    recall.update(_title_hits(filler, batch, ids, max(ks)))
    targets = answers.to_tensor().numpy()  # [batch, blanks]
    mask = tf.sequence_mask(answers.row_lengths()).numpy()
    right, alone = (
      blanks.filled_right(ids[:, :, 0], targets, mask)
      for ids in (filling.ids, filling.closed_book_ids)
    )
    closed_book_right += alone.tolist()
    examples += _examples(filler, batch, filling, right)
  return Report(
    recall=recall.result() if recall.count else {},
    filled=float(np.mean([example.is_right for example in examples])),
    closed_book=float(np.mean(closed_book_right)),
    count=len(questions),
    skipped=given - len(questions),
    examples=tuple(examples),
  )


def compare(
  systems: Sequence[str],
  corpus_dir: str,
  blanks_file: str,
  strict: bool = False,
) -> dict[str, Report]:
  """Evaluates several systems.

  Args:
    systems: LABEL=random, or LABEL=EMBEDDER+BERT with directories as in
      `load_filler`.
    corpus_dir: Corpus.
    blanks_file: JSONL as `blanks.read_blank_questions` reads it.
    strict: Whether a malformed line is an error.

  Returns:
    Reports by label.

  Raises:
    ValueError: A system is malformed, or all of them are random.
  """
  modules: dict[str, list[str]] = {}
  for system in systems:
    label, _, value = system.partition('=')
    parts = modules[label] = value.split('+')
    if not label or not all(parts) or (len(parts) != 2 and value != 'random'):
      raise ValueError(
        f'`systems`: {system}: expected LABEL=EMBEDDER+BERT or LABEL=random'
      )
  sized = [parts[0] for parts in modules.values() if len(parts) == 2]
  if not sized:
    raise ValueError('`systems`: at least one must not be random')
  corpus = Corpus.open(corpus_dir)
  questions = blanks.read_blank_questions(blanks_file, strict)
  reports = {}
  for label, parts in modules.items():
    if len(parts) == 1:
      filler = random_filler(sized[0], corpus)
    else:
      filler = load_filler(parts[0], parts[1], corpus)
    reports[label] = evaluate(filler, questions)
  return reports


def _describe_examples(examples: Sequence[Example], count: int) -> list[str]:
  """Shows filled blanks, if possible ones that retrieval changed."""
  chosen, kind = list(examples), 'measured'
  if right := [e for e in examples if e.is_right]:
    chosen, kind = right, 'filled correctly'
  if helped := [e for e in right if e.filled != e.closed_book]:
    chosen, kind = helped, 'filled correctly that retrieval changed'
  shown = chosen[:count]
  if not shown:
    return []
  lines = [
    f'\nThe first {len(shown)} of the blanks {kind} ({len(chosen)} of'
    f' {len(examples)}), each with the document of the largest weight:'
  ]
  for example in shown:
    name = f' [{example.document_id}]' if example.document_id else ''
    lines += [
      f'\n  {example.sentence}',
      f'    filled: {example.filled}   (without retrieval:'
      f' {example.closed_book}; answer: {example.answer})',
      f'    {example.probability:.2f} {example.title}{name}: {example.body}',
    ]
  return lines


def describe(reports: Mapping[str, Report], num_examples: int = 3) -> str:
  """Describes systems in a table, and blanks that the last one filled.

  Args:
    reports: Reports by label.
    num_examples: Number of filled blanks shown. Defaults to 3.
  """
  width = max(map(len, reports))
  last = list(reports.values())[-1]
  lines = [
    f'{"":{width}}  recall@1  recall@5  blanks filled  without retrieval'
    f'   ({last.count} held-out sentences)'
  ]
  for label, report in reports.items():
    # Without titles there is no recall.
    recall = [
      f'{report.recall[k]:8.3f}' if report.recall else f'{"-":>8}'
      for k in (1, 5)
    ]
    lines.append(
      f'{label:{width}}  {recall[0]}  {recall[1]}  {report.filled:13.3f}'
      f'  {report.closed_book:17.3f}'
    )
  if last.skipped:
    lines.append(
      f'{last.skipped} more sentences were left out: their blank is empty or'
      ' beyond the first `query_seq_len` wordpieces.'
    )
  return '\n'.join(lines + _describe_examples(last.examples, num_examples))
