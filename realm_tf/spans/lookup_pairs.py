# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Pairs of a sentence and a passage that tells what is masked in it.

A BERT has hardly ever seen a second text that has the answer. Before REALM's
reader helps the retriever it has to learn that answers can be looked up; from
pairs it learns that long before it would from what an untrained retriever
finds. A name of a sentence that also stands in other sentences of its document
is the blank, and the sentences around another mention are the passage.
"""

import json
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from absl import logging

from realm_tf.configs.spans_config import LookupPairsConfig
from realm_tf.io import atomic, files, progress, records
from realm_tf.spans import span_records

_AT_ONCE = 256
_DEFAULTS = LookupPairsConfig()


def _passage(
  sizes: Sequence[int], mention: int, left_out: int, num_words: int
) -> list[int]:
  """Sentences around a mention, as many as `num_words` allow.

  Args:
    sizes: Words of each sentence.
    mention: The sentence that is wanted, however long.
    left_out: The sentence that is not.
    num_words: Limit of their words together.

  Returns:
    Their numbers, ascending.
  """
  chosen, words = [mention], sizes[mention]
  for i in sorted(range(len(sizes)), key=lambda i: abs(i - mention)):
    if i in (mention, left_out):
      continue
    words += sizes[i]
    if words > num_words:
      break
    chosen.append(i)
  return sorted(chosen)


def pairs_of_document(
  text: bytes,
  sentences: np.ndarray,
  spans: np.ndarray,
  rng: np.random.Generator,
  config: LookupPairsConfig = _DEFAULTS,
) -> Iterator[dict[str, Any]]:
  """Makes pairs of one document.

  Args:
    text: UTF-8.
    sentences: int [sentences, (start, limit)] in bytes of `text`.
    spans: int [spans, (start, limit, sentence)], salient spans.
    rng: Decides which spans, and which of their other mentions.
    config: Limits. A sentence longer than a passage stays whole.

  Yields:
    `query`, `span` (start and limit in bytes of it) and `text`, as
    `tasks.mlm_examples.mlm_batches` reads them.
  """

  def cut(start: int, limit: int) -> str:
    return text[start:limit].decode(errors='replace')

  parts = [cut(*sentence) for sentence in sentences]
  sizes = [len(part.split()) for part in parts]
  found = 0
  for start, limit, own in rng.permutation(spans).tolist():
    if found == config.pairs_per_document:
      return
    name = re.escape(cut(start, limit))
    whole_word = re.compile(rf'(?<!\w){name}(?!\w)')
    others = [
      i for i, part in enumerate(parts) if i != own and whole_word.search(part)
    ]
    # Where the sentence says it twice there is nothing to look up.
    if not others or len(whole_word.findall(parts[own])) != 1:
      continue
    mention = others[rng.integers(len(others))]
    chosen = _passage(sizes, mention, own, config.passage_words)
    found += 1
    first = int(sentences[own][0])
    yield {
      'query': parts[own],
      'span': [start - first, limit - first],
      'text': ' '.join(parts[i] for i in chosen),
    }


def write_pairs(
  spans: str | Sequence[str],
  output: str | os.PathLike,
  config: LookupPairsConfig = _DEFAULTS,
  *,
  show_progress: bool = True,
) -> dict[str, int]:
  """Writes the pairs of span records as JSONL.

  Args:
    spans: Records of `tag_salient_spans`, comma-separated paths and globs.
    output: The file; it appears when it is complete, empty if there is no pair.
    config: Limits and seed.
    show_progress: Whether to show a progress bar.

  Returns:
    Counts: `documents`, `documents_with_pairs`, `pairs`.

  Raises:
    DamagedFileError: A file is cut off, or holds no TFRecords.
    ValueError: A file does not hold span records.
  """
  paths = files.expand(spans)
  for path in paths:
    records.check_features(path, span_records.FEATURES)
  counts = {'documents': 0, 'documents_with_pairs': 0, 'pairs': 0}
  rng = np.random.default_rng(config.pairs_seed)
  with (
    atomic.atomic_file(output, 'w') as f,
    progress.progress(
      desc='pairs', unit='doc', disable=not show_progress
    ) as bar,
  ):
    for path in paths:
      with records.damage_found([path], span_records.parse):
        for batch in records.read([path]).batch(_AT_ONCE):
          for document in span_records.parse(batch).texts_and_places():
            pairs = list(pairs_of_document(*document, rng, config))
            f.writelines(json.dumps(pair) + '\n' for pair in pairs)
            counts['documents'] += 1
            counts['documents_with_pairs'] += bool(pairs)
            counts['pairs'] += len(pairs)
            bar.update()
  if not counts['pairs']:
    logging.warning(
      '%s is empty: of %d documents none has a name that stands in two of its'
      ' sentences',
      output,
      counts['documents'],
    )
  return counts
