# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How long BM25 takes in a SavedModel, and how much memory."""

import multiprocessing
import os
import shutil
import statistics
import time
from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.material import Material, cut_documents
from realm_tf.corpus.document import Document
from realm_tf.index.lexical import LexicalIndex

_WORDS = 100  # Of a document.
_ASKED = 12  # Words of a question, stop words included.
_DROPPED = 0.3  # Share of words that a copy of a document lacks.


class _Copies:
  """Many documents with words left out of few: a corpus, made when read."""

  fingerprint = 'copies'

  def __init__(self, documents: list[Document], rows: int):
    self._documents = documents
    self._rows = rows

  def __len__(self) -> int:
    return self._rows

  def titles(self, rows: Iterable[int]) -> list[str]:
    """Returns the titles of rows."""
    return [self._documents[r % len(self._documents)].title for r in rows]

  def bodies(self, rows: Iterable[int]) -> list[str]:
    """Returns the bodies of rows."""
    made = []
    for row in rows:
      words = self._documents[row % len(self._documents)].text.split()
      kept = np.random.default_rng(row).random(len(words)) >= _DROPPED
      made.append(' '.join(w for w, keep in zip(words, kept) if keep))
    return made


def _export(documents: list[Document], rows: int, directory: str) -> None:
  """Builds the index and saves it, in a process of its own."""
  module = LexicalIndex.build(_Copies(documents, rows)).as_variables()  # type: ignore[arg-type]
  module.find = tf.function(
    lambda questions, k: module.search(questions, k),
    input_signature=[
      tf.TensorSpec([None], tf.string),
      tf.TensorSpec([], tf.int32),
    ],
    autograph=False,
  )
  tf.saved_model.save(module, directory)


def _ask(
  documents: list[Document], directory: str, questions: int, k: int
) -> dict[str, float]:
  """Loads the SavedModel and asks it for words of documents."""
  start = time.perf_counter()
  model = tf.saved_model.load(directory)
  loaded = time.perf_counter()
  rng = np.random.default_rng(0)
  times = []
  for number in range(questions + 1):
    words = documents[rng.integers(len(documents))].text.split()
    first = rng.integers(len(words) - _ASKED)
    asked = tf.constant([' '.join(words[first : first + _ASKED])])
    begin = time.perf_counter()
    found, _ = model.find(asked, k)
    assert found.shape == [1, k]
    if number:  # The first one initializes.
      times.append(1000 * (time.perf_counter() - begin))
  size = sum(
    os.path.getsize(os.path.join(root, name))
    for root, _, names in os.walk(directory)
    for name in names
  )
  return {
    'question_milliseconds': statistics.fmean(times),
    'percentile_95_milliseconds': float(np.quantile(times, 0.95)),
    'load_seconds': loaded - start,
    'saved_model_megabytes': size / 1e6,
  }


def lexical(
  material: Material,
  work_dir: str,
  *,
  rows: int = 1_000_000,
  questions: int = 200,
  k: int = 100,
) -> dict[str, Any]:
  """Builds an index of copies of documents, saves, loads and asks it.

  Returns:
    `question_milliseconds`: the mean of questions asked one by one, and the
      95th percentile; `build_seconds`, `load_seconds`,
      `saved_model_megabytes`.
  """
  documents = [
    *cut_documents(material.knowledge, material.num_documents, _WORDS)
  ]
  directory = os.path.join(work_dir, 'lexical')
  start = time.perf_counter()
  # The memory of the build is not that of a search.
  build = multiprocessing.get_context('spawn').Process(
    target=_export, args=(documents, rows, directory)
  )
  build.start()
  build.join()
  if build.exitcode:
    raise RuntimeError('the index could not be built')
  figures = {'build_seconds': time.perf_counter() - start, 'rows': rows}
  figures.update(_ask(documents, directory, questions, k))
  shutil.rmtree(directory)
  return figures
