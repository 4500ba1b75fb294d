# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Pairs of a sentence and a passage that tells what is masked in it.

A BERT has hardly ever seen a second text that has the answer. Before REALM's
reader is of use to the retriever it has to find out that answers can be looked
up; from pairs it does so long before it would from what an untrained retriever
finds. A name of a sentence that stands in other sentences of its document is
the blank, and sentences around another mention are the passage.
"""

import json
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf.io import atomic, files, progress, records
from realm_tf.spans import span_records

_AT_ONCE = 256


def _passage(
  sizes: Sequence[int], mention: int, left_out: int, num_words: int
) -> list[int]:
  """Sentences around a mention, as many as `num_words` allow.

  Args:
    sizes: Words of each sentence.
    mention: The sentence that is wanted.
    left_out: The sentence that is not.
    num_words: Words at most, if the wanted sentence has not more.

  Returns:
    Their numbers, rising.
  """
  chosen, words = [mention], sizes[mention]
  order = sorted(
    (i for i in range(len(sizes)) if i not in (mention, left_out)),
    key=lambda i: abs(i - mention),
  )
  for i in order:
    words += sizes[i]
    if words > num_words:
      break
    chosen.append(i)
  return sorted(chosen)


def pairs_of_document(
  text: bytes,
  sentences: Sequence[tuple[int, int]],
  spans: Sequence[tuple[int, int]],
  rng: np.random.Generator,
  *,
  max_pairs: int = 3,
  passage_words: int = 55,
) -> Iterator[dict[str, Any]]:
  """Makes pairs of one document.

  Args:
    text: UTF-8.
    sentences: Start and limit of each, in bytes of `text`.
    spans: The same of salient spans.
    rng: Decides which spans, and which of their other mentions.
    max_pairs: How many at most.
    passage_words: Words of a passage at most; a longer sentence stays whole.

  Yields:
    `query`, `span` (start and limit in bytes of it) and `text`, as
    `tasks.mlm_examples.mlm_batches` reads them.
  """

  def cut(start: int, limit: int) -> str:
    return text[start:limit].decode(errors='replace')

  parts = [cut(*sentence) for sentence in sentences]
  sizes = [len(part.split()) for part in parts]
  holders = span_records.sentence_of_spans(sentences, spans)
  found = 0
  for number in rng.permutation(len(spans)).tolist():
    if found == max_pairs:
      return
    own, (start, limit) = holders[number], spans[number]
    if own < 0:
      continue
    name = re.escape(cut(start, limit))
    whole_word = re.compile(rf'(?<!\w){name}(?!\w)')
    others = [
      i for i, part in enumerate(parts) if i != own and whole_word.search(part)
    ]
    # Where the sentence says it twice there is nothing to look up.
    if not others or len(whole_word.findall(parts[own])) != 1:
      continue
    mention = others[rng.integers(len(others))]
    chosen = _passage(sizes, mention, own, passage_words)
    found += 1
    first = sentences[own][0]
    yield {
      'query': parts[own],
      'span': [start - first, limit - first],
      'text': ' '.join(parts[i] for i in chosen),
    }


def _batches(path: str) -> Iterator[dict[str, Any]]:
  """Parsed records of a file.

  Raises:
    ValueError: It ends too early.
  """
  dataset = records.read([path]).batch(_AT_ONCE)
  try:
    yield from dataset.map(span_records.parse_documents)
  except tf.errors.DataLossError as e:
    raise ValueError(f'{path}: cut off or damaged: {e.message}') from e


def _documents(batch: dict[str, Any]) -> Iterator[tuple[bytes, list, list]]:
  """Text, sentences and spans of each document of a batch."""
  texts = batch[span_records.TEXT].numpy().tolist()
  ranges = []
  for starts, limits in (
    (span_records.SENTENCE_STARTS, span_records.SENTENCE_LIMITS),
    (span_records.SPAN_STARTS, span_records.SPAN_LIMITS),
  ):
    both = tf.stack([batch[starts].values, batch[limits].values], 1).numpy()
    splits = batch[starts].row_splits.numpy().tolist()
    ranges.append([both[a:b].tolist() for a, b in zip(splits, splits[1:])])
  return zip(texts, *ranges)


def write_pairs(
  spans: str,
  output: str | os.PathLike,
  *,
  seed: int = 0,
  max_pairs: int = 3,
  passage_words: int = 55,
  show_progress: bool = True,
) -> dict[str, int]:
  """Writes the pairs of span records as JSONL.

  Args:
    spans: Records of bin/tag_salient_spans, comma-separated globs.
    output: The file, which appears when it is whole.
    seed: Of the choices.
    max_pairs: Of a document.
    passage_words: Of a passage.
    show_progress: Whether progress is drawn.

  Returns:
    Counts: `documents`, `documents_with_pairs`, `pairs`.

  Raises:
    ValueError: A file is none of span records, or there is no pair.
  """
  paths = files.expand(spans)
  for path in paths:
    records.check_features(path, span_records.FEATURES)
  counts = {'documents': 0, 'documents_with_pairs': 0, 'pairs': 0}
  rng = np.random.default_rng(seed)
  with (
    atomic.atomic_file(output, 'w') as f,
    progress.progress(
      desc='pairs', unit='doc', disable=not show_progress
    ) as bar,
  ):
    for path in paths:
      for batch in _batches(path):
        for document in _documents(batch):
          pairs = list(
            pairs_of_document(
              *document, rng, max_pairs=max_pairs, passage_words=passage_words
            )
          )
          f.writelines(json.dumps(pair) + '\n' for pair in pairs)
          counts['documents'] += 1
          counts['documents_with_pairs'] += bool(pairs)
          counts['pairs'] += len(pairs)
          bar.update()
    if not counts['pairs']:
      raise ValueError(
        f'{spans}: of {counts["documents"]} documents none has a name that'
        ' stands in two of its sentences'
      )
  return counts
