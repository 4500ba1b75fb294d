# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A corpus and its index in a running process, with updates.

An update makes a new edition: a view of the documents and a searcher whose row
i is document i. Kept documents move up in their order; new ones follow, and
only they are tokenized and embedded; a lexical index is built again from the
texts. Then the edition is swapped in. Searches
under way finish with the previous edition: an edition never changes. `save`
writes one as a corpus and an index, which appear together or not at all.
"""

import contextlib
import dataclasses
import functools
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from absl import logging

from realm_tf.configs.embedding_config import EmbeddingConfig
from realm_tf.corpus import blocks, removals
from realm_tf.corpus.corpus import Corpus
from realm_tf.corpus.document import CorpusError, Document
from realm_tf.corpus.removals import Removal
from realm_tf.corpus.store import Blocks, BlocksView
from realm_tf.index import (
  editions,
  embed_corpus,
  row_updates,
  searcher,
)
from realm_tf.index.editions import Edition
from realm_tf.index.index import Index
from realm_tf.index.lexical import LexicalIndex
from realm_tf.index.slot import IndexSlot
from realm_tf.io import compatibility
from realm_tf.text.tokenizer import BertTokenizer

_BATCH = 512
_MAX_REPORTED = 20
# Documents whose vectors are compared with those in the index: this many of the
# longest, which show where they were cut, and this many of all.
_COMPARED = 8
# Greatest error, relative to the distance of documents from their mean:
# bfloat16 is off by 0.01, a body of the wrong segment type by 0.9.
_MAX_ERROR = 0.15
# Share of rows unknown to the tree above which retraining is advised.
_MANY_ADDED = 0.1


@dataclasses.dataclass(frozen=True)
class Encoding:
  """Makes rows of an index out of text.

  Attributes:
    tokenizer: Tokenizer of the corpus.
    embed_fn: Embedder that made the index.
    embedding_config: Settings that the index was built with.
  """

  tokenizer: BertTokenizer
  embed_fn: embed_corpus.EmbedFn
  embedding_config: EmbeddingConfig = dataclasses.field(
    default_factory=EmbeddingConfig
  )


def _no_vectors(inputs: Any) -> np.ndarray:
  """The `embed_fn` of an index of words alone."""
  return np.zeros([inputs['input_word_ids'].shape[0], 0], np.float32)


def _encoding_of_words(documents: Corpus) -> Encoding:
  return Encoding(documents.tokenizer, _no_vectors)


class Update(NamedTuple):
  """Result of an update.

  Attributes:
    removed: Number of blocks removed.
    added: Number of blocks added.
    already_there: Number of blocks not added, since they are in the corpus or
      came twice; includes those to be removed and added again unchanged.
    missing: Removals that match nothing.
  """

  removed: int
  added: int
  already_there: int
  missing: list[Removal]


def _check_vocabulary(documents: Corpus, encoding: Encoding) -> None:
  compatibility.check(
    compatibility.Part(
      documents.directory, vocabulary=documents.vocab_fingerprint
    ),
    compatibility.Part(
      'the tokenizer', vocabulary=encoding.tokenizer.fingerprint
    ),
  )


class LiveIndex:
  """Searches a corpus that documents are added to and removed from.

  Usable from several threads; updates wait for one another, searches do not
  wait for updates.

  Example:
    live = LiveIndex(documents, Index.open(path), encoding)
    live.update([Document('Lima', 'Lima is ...')], [by_title('Cuzco')])
    with live.acquire() as edition:
      rows, _ = edition.index.searcher.search(queries, 5)
      titles = edition.documents.titles(rows[0])
    live.save('out/edition2')
    live.close()
  """

  def __init__(
    self,
    documents: Corpus,
    index: Index,
    encoding: Encoding | Callable[[], Encoding] | None = None,
  ):
    """Takes ownership of the index: `close` closes it.

    Args:
      documents: Corpus.
      index: Index of the corpus.
      encoding: Encoding of documents to add, or a function that loads it when
        the first ones are added. Without it documents can only be removed,
        unless the index is of words alone.

    Raises:
      MismatchError: The index is of another corpus, or the encoding of another
        vocabulary. The index stays open.
    """
    compatibility.check(documents.part, index.metadata.part(index.path))
    if index.metadata.kind == 'lexical':
      encoding = functools.partial(_encoding_of_words, documents)
    self._encoding = encoding
    if isinstance(encoding, Encoding):
      _check_vocabulary(documents, encoding)
    self._embedder_dir = index.embedder_dir
    self._opened = [documents.directory, index.path]
    self._origin = {
      **documents.info.get('settings', {}),
      editions.UPDATED: {'from_corpus': documents.fingerprint},
    }
    self._slot = IndexSlot(Edition(documents, index))
    self._updating = threading.Lock()
    self._compared = False

  @contextlib.contextmanager
  def acquire(self) -> Iterator[Edition]:
    """Holds the current edition open until the block ends."""
    with self._slot.acquire() as edition:
      yield edition

  def close(self) -> None:
    """Closes the current edition once nobody uses it."""
    self._slot.close()

  def update(
    self,
    add: Sequence[Document] = (),
    remove: Sequence[Removal] = (),
    *,
    replace_titles: bool = False,
    strict: bool = False,
    progress: bool = False,
  ) -> Update:
    """Removes documents, then adds some; later searches see the result.

    Args:
      add: Documents, cleaned by `corpus.document.clean_document`.
      remove: Titles, uids, or rows of the current edition.
      replace_titles: Whether to remove all blocks of the titles of `add`.
      strict: Whether to fail, before any change, if a removal matches nothing.
      progress: Whether to show a progress bar.

    Raises:
      CorpusError: With `strict`; or no document would be left.
      MismatchError: The embedder does not make the vectors of the index.
      ValueError: There are documents to add but no `Encoding`.
    """
    with self._updating, self._slot.acquire() as old:
      rows, missing = removals.find_rows(old.documents, remove)
      if missing and strict:
        raise CorpusError(f'{missing[0]} (`strict`)')
      for removal in missing[:_MAX_REPORTED]:
        logging.warning('not removed: %s', removal)
      if len(missing) > _MAX_REPORTED:
        logging.warning('%d more are not there', len(missing) - _MAX_REPORTED)
      if replace_titles:
        its = removals.rows_of_titles(old.documents, {d.title for d in add})
        rows = np.union1d(rows, np.array(sum(its.values(), []), np.int64))
      new, again, twice = self._additions(old.documents, add, rows)
      rows = np.setdiff1d(rows, again)
      kept = np.setdiff1d(np.arange(len(old.documents)), rows)
      if not len(kept) and not len(new or ()):
        raise CorpusError('no document would be left in the corpus')
      if len(rows) or new is not None:
        self._slot.swap(self._make(old, kept, new, progress))
      return Update(len(rows), len(new or ()), twice, missing)

  def _additions(
    self, old: Corpus, add: Sequence[Document], removed: np.ndarray
  ) -> tuple[Blocks | None, np.ndarray, int]:
    """Returns new blocks, rows of `removed` that come again, and the rest.

    The rest is the number of blocks that are there already or came twice.
    """
    nothing = np.zeros(0, np.int64)
    if not add:
      return None, nothing, 0
    if self._encoding is None:
      raise ValueError(
        'this index came without its embedder: documents can only be removed'
      )
    if not isinstance(self._encoding, Encoding):
      self._encoding = self._encoding()
      _check_vocabulary(old, self._encoding)
    found: Blocks | None = None
    for start in range(0, len(add), _BATCH):
      made = blocks.make_blocks(
        add[start : start + _BATCH],
        self._encoding.tokenizer,
        old.max_block_length,
      )[0]
      found = BlocksView.of(found).append(made) if found else made
    if not found:
      return None, nothing, 0
    _, first = np.unique(found.uids, return_index=True)
    new = np.sort(first[~np.isin(found.uids[first], old.uids)])
    again = removed[np.isin(old.uids[removed], found.uids)]
    if not len(new):
      return None, again, len(found)
    view = BlocksView.of(found).select(new).chunk(0, len(new))
    return view, again, len(found) - len(new)

  def _embed(self, documents: Corpus, progress: bool) -> np.ndarray:
    assert isinstance(self._encoding, Encoding)
    return embed_corpus.embed_documents(
      documents,
      self._encoding.embed_fn,
      special=self._encoding.tokenizer.special,
      config=self._encoding.embedding_config,
      progress=progress,
    )

  def _compare(self, edition: Edition) -> None:
    """Checks that the embedder makes the vectors of the index."""
    documents = edition.documents
    lengths = documents.title_lengths + documents.body_lengths
    longest = np.argsort(-lengths, kind='stable')[:_COMPARED]
    some = np.linspace(0, len(documents) - 1, _COMPARED).astype(np.int64)
    rows = np.union1d(longest, some)
    expected = edition.index.embeddings[rows]
    found = self._embed(documents.select(rows), False)
    spread = np.linalg.norm(expected - expected.mean(0), axis=1).mean()
    # A single document has no spread.
    scale = max(spread, 0.02 * np.linalg.norm(expected, axis=1).mean())
    error = np.linalg.norm(found - expected, axis=1).max() / scale
    if not error <= _MAX_ERROR:
      raise compatibility.MismatchError(
        f'{edition.index.path}: the embedder makes other vectors of the'
        f' documents than stand in the index (they differ by {error:.0%}); give'
        ' the embedder and the `candidate_seq_len` that it was built with'
      )

  def _make(
    self,
    old: Edition,
    kept: np.ndarray,
    new: Blocks | None,
    progress: bool,
  ) -> Edition:
    """Returns the edition with rows `kept` of the old one, then `new`."""
    documents = old.documents.select(kept)
    added = np.zeros([0, old.index.metadata.dim], np.float32)
    if new is not None:
      if not self._compared and old.index.metadata.dim:
        self._compare(old)
        self._compared = True
      documents = documents.append(new)
      its = np.arange(len(kept), len(documents))
      added = self._embed(documents.select(its), progress)
    embeddings = row_updates.updated_embeddings(
      old.index.embeddings, kept, added
    )
    made = row_updates.updated_searcher(
      old.index.searcher, old.index.embeddings, embeddings, kept
    )
    metadata = old.index.metadata
    rows_added = metadata.rows_added + len(added)
    if made.kind == 'exact' or metadata.kind == 'exact':
      rows_added = 0
    if rows_added > _MANY_ADDED * len(embeddings):
      logging.warning(
        '%d of %d rows were added since the tree of the index was trained; what'
        ' is unlike the old ones may be missed: train it again (`retrain`)',
        rows_added,
        len(embeddings),
      )
    metadata = dataclasses.replace(
      metadata,
      num_documents=len(embeddings),
      kind=made.kind,
      # `save` computes it, which takes reading all blocks.
      corpus_fingerprint='',
      rows_added=rows_added,
    )
    lexical = None
    if old.index.lexical is not None:
      # A new document changes the weights of its words everywhere.
      lexical = LexicalIndex.build(documents, fingerprint='')
    return Edition(
      documents,
      Index(
        old.index.path,
        made,
        metadata,
        embeddings,
        lexical,
        old.index.retrieval,
      ),
    )

  def retrain(self) -> None:
    """Trains the searcher again on the current rows; embeds nothing.

    For when many rows were added that are unlike the old ones: a tree that was
    not trained on such rows may miss one in five.
    """
    with self._updating, self._slot.acquire() as old:
      index = old.index
      if index.metadata.kind == 'lexical':
        return
      made = searcher.build_searcher(index.embeddings, index.searcher.config)
      metadata = dataclasses.replace(
        index.metadata, kind=made.kind, rows_added=0
      )
      new = Index(
        index.path,
        made,
        metadata,
        index.embeddings,
        index.lexical,
        index.retrieval,
      )
      self._slot.swap(Edition(old.documents, new))

  def save(
    self,
    output_dir: str | os.PathLike,
    *,
    settings: dict[str, Any] | None = None,
    counts: dict[str, int] | None = None,
  ) -> str:
    """Writes the current edition: `corpus/` and `index/`.

    Args:
      output_dir: Directory, which appears when it is whole. An edition that was
        saved there is replaced, and stays usable where it is open.
      settings: Settings of the update, for the manifest of the corpus.
      counts: Counts for the manifest.

    Returns:
      The path of the index.

    Raises:
      CorpusError: `output_dir` holds something else, or overlaps the corpus or
        index that this was opened from.
    """
    editions.check_output_dir(output_dir, self._opened)
    with self._slot.acquire() as edition:
      return editions.write_edition(
        edition,
        output_dir,
        embedder_dir=self._embedder_dir,
        settings={
          **self._origin,
          editions.UPDATED: {
            **self._origin[editions.UPDATED],
            **(settings or {}),
          },
        },
        counts=counts,
      )
