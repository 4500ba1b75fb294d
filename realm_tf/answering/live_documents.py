# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A corpus and its index, which may change while they are searched."""

import contextlib
import functools
import os
import pathlib
from collections.abc import Iterator
from typing import Any

from realm_tf.corpus.corpus import Corpus
from realm_tf.corpus.document import CorpusError, SkippedError, clean_document
from realm_tf.corpus.removals import Removal, by_title
from realm_tf.index import live
from realm_tf.index.index import Index
from realm_tf.indexing import corpus_update


class LiveDocuments:
  """Takes updates of a corpus and its index; the base of what searches them.

  Usable from several threads: an update waits for no search, and a search sees
  one state of the corpus.
  """

  def __init__(self, corpus: Corpus, index: Index):
    """Takes ownership of the index: `close` closes it."""
    encoding = None
    if index.embedder_dir is not None:
      # Loads the embedder, when the first document is added.
      encoding = functools.partial(
        corpus_update.encoding_of, index.path, index.metadata
      )
    self._live = live.LiveIndex(corpus, index, encoding)
    self._saved: set[pathlib.Path] = set()

  @property
  def corpus(self) -> Corpus:
    """The current edition of the corpus."""
    with self._live.acquire() as edition:
      return edition.documents

  @property
  def index(self) -> Index:
    """The index of the current edition."""
    with self._live.acquire() as edition:
      return edition.index

  def add(
    self, title: str, text: str, *, document_id: str = '', url: str = ''
  ) -> live.Update:
    """Adds a document, which later questions are answered from.

    The first call loads the embedder of the index, which takes seconds.

    Args:
      title: Title of the document.
      text: Its text.
      document_id: Id of the document, which answers name.
      url: Address of the document.

    Raises:
      CorpusError: It is one that a corpus leaves out, such as an empty one.
      MismatchError: The embedder in the index did not make it.
      ValueError: It cannot be read, or there is no embedder in the index.
    """
    try:
      document = clean_document(title, text, document_id, url)
    except SkippedError as e:
      raise CorpusError(f'not added, since it is left out: {e.reason}') from e
    return self._live.update([document])

  def remove(
    self, title: str | None = None, *, document_id: str | None = None
  ) -> live.Update:
    """Removes blocks; `missing` says if there are none.

    Args:
      title: Title of the blocks. Defaults to any.
      document_id: Id of the document that the blocks are from. Defaults to any.

    Raises:
      CorpusError: No document would be left.
      ValueError: Neither title nor id is given.
    """
    if document_id is not None:
      its_title = by_title(title or '').value
      removal = Removal('id', document_id, title=str(its_title))
    elif title is not None:
      removal = by_title(title)
    else:
      raise ValueError('give `title` or `document_id`')
    return self._live.update([], [removal])

  def save(self, output_dir: str | os.PathLike) -> str:
    """Writes the current edition as `corpus/` and `index/<step>/`.

    Args:
      output_dir: New directory, or one that this object saved before.

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
    written = self._live.save(output_dir)
    self._saved.add(path)
    return written

  def close(self) -> None:
    """Frees the index."""
    self._live.close()

  @contextlib.contextmanager
  def edition(self) -> Iterator[Any]:
    """Holds the current edition: its `documents` and `index`."""
    with self._live.acquire() as edition:
      yield edition
