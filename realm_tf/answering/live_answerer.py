# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Answers questions from a corpus that changes meanwhile."""

import contextlib
import os
import pathlib
from collections.abc import Iterator

from realm_tf.answering.question_answerer import QuestionAnswerer
from realm_tf.corpus.document import (
  CorpusError,
  SkippedError,
  clean_document,
)
from realm_tf.corpus.removals import by_title
from realm_tf.index import live, versions
from realm_tf.indexing import corpus_update


class LiveAnswerer:
  """A `QuestionAnswerer` whose corpus documents are added to and removed from.

  Usable from several threads once the first update was made.

  Example:
    answerer = LiveAnswerer(export_dir, 'out/corpus', 'out/index')
    answerer.add('Lima', 'Lima is the capital of Peru.')
    with answerer.now() as edition:
      edition.answer(['What is the capital of Peru?']).texts[0][0]
    answerer.save('out/edition2')
    answerer.close()
  """

  def __init__(
    self,
    export_dir: str | os.PathLike,
    corpus_dir: str | os.PathLike,
    index_dir: str | os.PathLike,
    *,
    mixed_precision: bool = False,
  ):
    """Loads what a fine-tuning exported.

    Args:
      export_dir: Of the fine-tuning.
      corpus_dir: A corpus; stays as it is.
      index_dir: Its index, or the directory of several; stays as it is.
      mixed_precision: Compute in bfloat16. Documents that are added are
        embedded as those of the index were.

    Raises:
      FileNotFoundError: One of them is not there.
      ValueError: They do not belong together.
    """
    self._corpus_dir = os.fspath(corpus_dir)
    self._answerer = QuestionAnswerer.load(
      export_dir,
      corpus_dir,
      versions.find_index(index_dir),
      mixed_precision=mixed_precision,
    )
    self._live: live.LiveIndex | None = None
    # Of those who ask since before the first update.
    self._early: list[contextlib.ExitStack] = []
    self._saved: set[pathlib.Path] = set()

  def _opened(self) -> live.LiveIndex:
    """Takes updates; made at the first: who only asks need not wait for it."""
    if self._live is None:
      index = self._answerer.index
      encoding = None
      if index.embedder_dir is not None:
        encoding = corpus_update.encoding_of(
          self._corpus_dir, index.path, index.metadata
        )
      self._live = live.LiveIndex(self._answerer.documents, index, encoding)
      for held in self._early:
        held.enter_context(self._live.acquire())
    return self._live

  @contextlib.contextmanager
  def now(self) -> Iterator[QuestionAnswerer]:
    """Answers from the edition of now until the block ends."""
    if self._live is None:
      with contextlib.ExitStack() as held:
        self._early.append(held)
        try:
          yield self._answerer
        finally:
          self._early.remove(held)
      return
    with self._live.acquire() as edition:
      yield self._answerer.using(edition.documents, edition.index)

  def add(self, title: str, text: str) -> live.Update:
    """Adds a document, whose blocks are searched from now on.

    Raises:
      CorpusError: It is one that a corpus leaves out, such as an empty one.
      IndexMismatchError: The embedder in the index did not make it.
      ValueError: It cannot be read; or there is no embedder in the index.
    """
    try:
      document = clean_document(title, text)
    except SkippedError as e:
      raise CorpusError(f'not added, since it is left out: {e.reason}') from e
    return self._opened().update([document])

  def remove(self, title: str) -> live.Update:
    """Removes all blocks of a title; `missing` says if there are none.

    Raises:
      CorpusError: No document would be left.
    """
    return self._opened().update([], [by_title(title)])

  def save(self, output_dir: str | os.PathLike) -> str:
    """Writes the edition of now as `corpus/` and `index/<step>/`.

    Args:
      output_dir: Is not there yet, or was saved by this object before.

    Returns:
      The path of the index.

    Raises:
      CorpusError: Something stands there.
    """
    path = pathlib.Path(output_dir).resolve()
    if path.exists() and path not in self._saved:
      raise CorpusError(
        f'{os.fspath(output_dir)} is there already; name another directory'
      )
    written = self._opened().save(
      output_dir, settings=corpus_update.updated_settings(self._corpus_dir)
    )
    self._saved.add(path)
    return written

  def close(self) -> None:
    """Frees everything."""
    if self._live is not None:
      self._live.close()
    self._answerer.close()
