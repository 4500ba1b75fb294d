# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""BM25 of a corpus: the words that documents share with a question.

It depends on the corpus alone. So `index/` has it once, beside the versions of
the vectors, or without any:

    lexical/<fingerprint of the corpus>/
      metadata.json  `LexicalMetadata`
      *.npy          `lexical_ops.Postings`, memory-mapped
"""

import dataclasses
import os
import pathlib
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf.corpus.corpus import Corpus
from realm_tf.index import lexical_ops
from realm_tf.index.lexical_ops import Postings
from realm_tf.io import atomic, checksums, faults

LEXICAL = 'lexical'
_VERSION = 1
_METADATA = 'metadata.json'
_LANGUAGE = 'english'  # Of stop words and stemmer.
# A graph cannot stem. Forms with these are found though no document has them.
_ENDINGS = ('', 'e', 's', 'es', 'ed', 'ing', 'y', 'ly', 'er')
_CHUNK = 1 << 14


@dataclasses.dataclass(frozen=True, kw_only=True)
class LexicalMetadata:
  """What a lexical index says about itself.

  Attributes:
    corpus_fingerprint: Fingerprint of the corpus; empty if it is not known.
    num_documents: Number of documents.
    num_words: Number of words that are found: those of the documents but stop
      words, and other forms of them.
    num_stems: Number of their stems.
    num_postings: Number of pairs of a stem and a document that has it.
    language: Language of stop words and stemmer.
    k1: Parameter of BM25: how soon repetition stops to count.
    b: Parameter of BM25: how much the length of a document counts.
    built_at: Seconds since 1970 when it was built.
    build_seconds: Duration of the build.
  """

  corpus_fingerprint: str
  num_documents: int
  num_words: int
  num_stems: int
  num_postings: int
  language: str
  k1: float
  b: float
  built_at: float
  build_seconds: float


class _Stems(Sequence):
  """The stems of all documents: lists for bm25s, 4 bytes each in memory."""

  def __init__(self, documents: Corpus, tokenizer: Any):
    parts = [np.zeros(0, np.int32)]
    lengths: list[int] = []
    for start in range(0, len(documents), _CHUNK):
      rows = range(start, min(start + _CHUNK, len(documents)))
      found = list(
        tokenizer.streaming_tokenize(
          map(' '.join, zip(documents.titles(rows), documents.bodies(rows))),
          allow_empty=False,
        )
      )
      lengths += map(len, found)
      parts.append(np.concatenate([np.asarray(x, np.int32) for x in found]))
    self._values = np.concatenate(parts)
    self._splits = np.cumsum([0, *lengths])

  def __len__(self) -> int:
    return len(self._splits) - 1

  def __getitem__(self, row: Any) -> list[int]:
    start, limit = self._splits[row : row + 2]
    return self._values[start:limit].tolist()

  def __iter__(self) -> Iterator[list[int]]:
    return map(self.__getitem__, range(len(self)))


def _words(tokenizer: Any, stemmer: Any) -> dict[str, int]:
  """The stem of each word of the documents, and of more forms of the stems."""
  stems = tokenizer.stem_to_sid
  words = dict(tokenizer.word_to_id)
  unwanted = set(tokenizer.stopwords)
  for ending in _ENDINGS:
    bases = {**stems, **tokenizer.word_to_id} if ending == 's' else stems
    forms = [base + ending for base in bases if base.isalpha()]
    for form, stem in zip(forms, stemmer.stemWords(forms)):
      if stem in stems and len(form) > 1 and form not in unwanted:
        words.setdefault(form, stems[stem])
  return words


def _mapped(path: pathlib.Path) -> tf.Tensor:
  """A tensor of a .npy file that is in memory only where it is looked at."""
  # Copied on writing, which nobody does: DLPack takes no read-only array.
  array = np.load(path, mmap_mode='c')
  return tf.experimental.dlpack.from_dlpack(array.__dlpack__())


class LexicalIndex(tf.Module):
  """Finds documents by BM25. Usable from several threads, and in a graph.

  Example:
    index = LexicalIndex.open('out/index')
    rows, scores = index.search(['Who discovered radium?'], k=5)

  Attributes:
    postings: The arrays.
    metadata: Metadata of the index.
  """

  def __init__(self, postings: Postings, metadata: LexicalMetadata):
    super().__init__(name='lexical')
    self.postings = postings
    self.metadata = metadata

  @classmethod
  def build(
    cls, documents: Corpus, *, fingerprint: str | None = None
  ) -> 'LexicalIndex':
    """Counts the words of titles and bodies.

    Takes 8 s for 100,000 blocks of 100 words, and 3 KB a block of memory.

    Args:
      documents: Corpus.
      fingerprint: Fingerprint for the metadata. Defaults to that of the corpus.
    """
    import bm25s
    import Stemmer

    start = time.time()
    stemmer = Stemmer.Stemmer(_LANGUAGE)
    tokenizer = bm25s.tokenization.Tokenizer(
      stopwords=_LANGUAGE, stemmer=stemmer
    )
    stems = _Stems(documents, tokenizer)
    scorer = bm25s.BM25()
    # Without any word, the average length would be 0.
    scores: dict[str, Any] = {'indptr': [0], 'indices': [], 'data': []}
    if tokenizer.stem_to_sid:
      scores = scorer.build_index_from_ids(
        list(tokenizer.stem_to_sid.values()), stems, show_progress=False
      )
    words = _words(tokenizer, stemmer)
    hashes = lexical_ops.hash_words(tf.constant([*words], tf.string)).numpy()
    order = np.argsort(hashes)
    postings = Postings(
      np.append(hashes[order], lexical_ops.NO_HASH),
      np.append(np.fromiter(words.values(), np.int32)[order], np.int32(0)),
      np.asarray(scores['indptr'], np.int64),
      np.append(np.asarray(scores['indices'], np.int32), np.int32(0)),
      np.append(np.asarray(scores['data'], np.float32), np.float32(0)),
    )
    metadata = LexicalMetadata(
      corpus_fingerprint=(
        documents.fingerprint if fingerprint is None else fingerprint
      ),
      num_documents=len(documents),
      num_words=len(words),
      num_stems=len(postings.starts) - 1,
      num_postings=len(postings.rows) - 1,
      language=_LANGUAGE,
      k1=scorer.k1,
      b=scorer.b,
      built_at=start,
      build_seconds=time.time() - start,
    )
    return cls(Postings(*map(tf.constant, postings)), metadata)

  @classmethod
  def open(
    cls,
    index_dir: str | os.PathLike,
    fingerprint: str | None = None,
  ) -> 'LexicalIndex':
    """Maps what `publish` wrote.

    Args:
      index_dir: Directory of index versions, or one of the versions.
      fingerprint: Fingerprint of its corpus. Defaults to the newest index.

    Raises:
      FileNotFoundError: There is none, or none of this corpus.
      ValueError: It is broken.
    """
    path = find(index_dir, fingerprint)
    if path is None:
      raise FileNotFoundError(
        f'there is no lexical index of this corpus in {os.fspath(index_dir)}'
        ' (build_index with `retrieval` lexical or hybrid makes one)'
      )
    found = atomic.read_object(path / _METADATA)
    if found.pop('version', None) != _VERSION:
      raise ValueError(
        f'{path}: not a lexical index of version {_VERSION}; remove it and'
        ' build it again (build_index)'
      )
    with faults.naming(
      f'{path}: not a lexical index; remove it and build it again (build_index)'
    ):
      found.pop(checksums.CRC32, None)
      metadata = LexicalMetadata(**found)
      postings = Postings(
        *(_mapped(path / f'{name}.npy') for name in Postings._fields)
      )
    its = metadata
    expected = [its.num_words] * 2 + [its.num_stems] + [its.num_postings] * 2
    if [len(x) - 1 for x in postings] != expected:
      raise ValueError(
        f'{path}: its parts do not have the lengths that its metadata say;'
        ' remove it and build it again (build_index)'
      )
    if metadata.num_postings < np.iinfo(np.int32).max:
      # Half the memory of a search.
      postings = postings._replace(starts=tf.cast(postings.starts, tf.int32))
    return cls(postings, metadata)

  def as_variables(self) -> 'LexicalIndex':
    """Copies the index, to be part of a larger SavedModel."""
    return LexicalIndex(
      Postings(
        *(
          tf.Variable(tensor, trainable=False, name=name)
          for name, tensor in self.postings._asdict().items()
        )
      ),
      self.metadata,
    )

  def _tensors(self) -> Postings:
    # A function that is traced for variables would hold them.
    return Postings(*map(tf.convert_to_tensor, self.postings))

  def search(self, questions: Any, k: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Finds the best documents of each question.

    Args:
      questions: UTF-8 strings `[batch]`.
      k: Number of documents per question.

    Returns:
      Rows int32 and scores float32, best first, `[batch, min(k, documents)]`.
    """
    size = tf.constant(self.metadata.num_documents)
    k = tf.minimum(tf.cast(k, tf.int32), size)
    return lexical_ops.search(self._tensors(), size, _strings(questions), k)

  def score(self, questions: Any, rows: Any) -> tf.Tensor:
    """Returns BM25 of documents, float32 `[batch, n]`.

    Args:
      questions: UTF-8 strings `[batch]`.
      rows: Documents, int `[batch, n]`; -1, the null document, has 0.
    """
    return lexical_ops.score(
      self._tensors(), _strings(questions), tf.cast(rows, tf.int32)
    )

  def save(
    self, directory: pathlib.Path, fingerprint: str | None = None
  ) -> None:
    """Writes the index; not atomically.

    Args:
      directory: New directory.
      fingerprint: Fingerprint of the corpus. Defaults to that of the metadata.
    """
    metadata = dataclasses.asdict(self.metadata)
    if fingerprint is not None:
      metadata['corpus_fingerprint'] = fingerprint
    directory.mkdir(parents=True, exist_ok=True)
    for name, tensor in self.postings._asdict().items():
      dtype = np.int64 if name == 'starts' else None
      np.save(directory / f'{name}.npy', np.asarray(tensor, dtype))
    atomic.write_json(
      directory / _METADATA,
      {
        'version': _VERSION,
        **metadata,
        checksums.CRC32: checksums.of_directory(directory),
      },
    )


def _strings(questions: Any) -> tf.Tensor:
  if tf.is_tensor(questions):
    return questions
  return tf.constant(list(questions), tf.string)


def find(
  index_dir: str | os.PathLike, fingerprint: str | None = None
) -> pathlib.Path | None:
  """Returns the path of the newest lexical index, or that of a corpus.

  Args:
    index_dir: Directory of index versions, one of the versions, or the path of
      the lexical index.
    fingerprint: Fingerprint of the corpus.
  """
  directory = pathlib.Path(index_dir).absolute()
  if directory.parent.name == LEXICAL:
    directory = directory.parent.parent
    fingerprint = fingerprint or pathlib.Path(index_dir).name
  for its in (directory, directory.parent):
    paths = (its / LEXICAL).glob(f'{fingerprint or "[!.]*"}/{_METADATA}')
    newest = max(paths, key=lambda p: p.stat().st_mtime_ns, default=None)
    if newest is not None:
      return newest.parent
  return None


def publish(documents: Corpus, index_dir: str | os.PathLike) -> pathlib.Path:
  """Builds the lexical index of a corpus, unless it is there.

  Args:
    documents: Corpus.
    index_dir: Directory of index versions.

  Returns:
    The path of the index.
  """
  path = pathlib.Path(index_dir, LEXICAL, documents.fingerprint)
  if not (path / _METADATA).exists():
    index = LexicalIndex.build(documents)
    with atomic.atomic_directory(path) as temporary:
      index.save(temporary)
  return path
