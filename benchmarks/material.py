# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What is measured on: documents of one length, their corpus and spans."""

import dataclasses
import hashlib
import json
import os
import random
import re
from collections.abc import Iterator

from realm_tf.configs.corpus_config import CorpusConfig
from realm_tf.configs.spans_config import SpansConfig
from realm_tf.corpus import build_corpus, readers
from realm_tf.corpus.corpus import Corpus, is_corpus
from realm_tf.corpus.document import Document
from realm_tf.io import atomic
from realm_tf.spans import salient_spans
from realm_tf.text.tokenizer import BertTokenizer

# Documents of the source that are shuffled together.
_SHUFFLED = 4096


@dataclasses.dataclass(frozen=True)
class Material:
  """Where documents come from, and how many of them are made.

  Attributes:
    directory: Where what is made is kept; nothing is made twice.
    knowledge: JSONL that the documents of the corpus are cut from.
    queries: JSONL of the texts in which blanks are made; the same file if the
      corpus is its own pre-training text.
    vocab_file: One wordpiece per line.
    lower_case: Whether it is uncased.
    num_documents: Documents made of each.
    num_words: Words of a document.
  """

  directory: str
  knowledge: str
  queries: str
  vocab_file: str
  lower_case: bool = True
  num_documents: int = 5000
  num_words: int = 200

  def tokenizer(self) -> BertTokenizer:
    """Tokenizer of `vocab_file`."""
    return BertTokenizer.from_file(self.vocab_file, lower_case=self.lower_case)

  def _path(self, name: str) -> str:
    files = (self.knowledge, self.queries, self.vocab_file)
    made_of = [*map(os.path.abspath, files), self.lower_case, self.num_words]
    digest = hashlib.blake2b(json.dumps(made_of).encode(), digest_size=4)
    return os.path.join(
      self.directory, f'{name}-{self.num_documents}-{digest.hexdigest()}'
    )

  def _write(self, source: str, name: str) -> str:
    path = f'{self._path(name)}.jsonl'
    if not os.path.exists(path):
      cut = cut_documents(source, self.num_documents, self.num_words)
      with atomic.atomic_file(path, 'w') as f:
        f.writelines(json.dumps(document._asdict()) + '\n' for document in cut)
    return path

  def documents_file(self) -> str:
    """JSONL of `num_documents` documents of `num_words` words."""
    return self._write(self.knowledge, 'documents')

  def build_corpus(self, output_dir: str, *, num_processes: int = 1) -> Corpus:
    """Builds the corpus of the documents."""
    return build_corpus.build_corpus(
      CorpusConfig(
        input=[self.documents_file()],
        output_dir=output_dir,
        vocab_file=self.vocab_file,
        lower_case=self.lower_case,
        num_processes=num_processes,
        progress=False,
      )
    )

  def corpus(self) -> Corpus:
    """The corpus of the documents; built if it is not there."""
    path = self._path('corpus')
    return Corpus.open(path) if is_corpus(path) else self.build_corpus(path)

  def spans(self) -> str:
    """Glob of the span records of the queries; made if they are not there."""
    output_dir = self._path('spans')
    salient_spans.tag_salient_spans(
      SpansConfig(
        input=[self._write(self.queries, 'queries')],
        output_dir=output_dir,
        num_processes=1,
        progress=False,
      )
    )
    return os.path.join(output_dir, 'spans-*.tfrecord.gz')


def _shuffled(path: str, rng: random.Random) -> Iterator[Document]:
  """The documents of a file over and over, each time in another order."""
  while True:
    waiting: list[Document] = []
    found = False
    for record in readers.raw_records(path, 'jsonl'):
      waiting += readers.parse_all([record])[0]
      if len(waiting) == _SHUFFLED:
        rng.shuffle(waiting)
        yield from waiting
        found, waiting = True, []
    rng.shuffle(waiting)
    yield from waiting
    if not waiting and not found:
      raise ValueError(f'{path}: there is no document to measure on')


def cut_documents(
  path: str, count: int, num_words: int, seed: int = 0
) -> Iterator[Document]:
  """Yields documents of one length.

  Longer ones of the file are cut, shorter ones are joined.

  Args:
    path: JSONL with `title` and `text`; read again where it is too short.
    count: Number of documents.
    num_words: Words of each, by white space.
    seed: Seed of their order.
  """
  source = _shuffled(path, random.Random(seed))
  for _ in range(count):
    title, text = next(source)[:2]
    while len(words := list(re.finditer(r'\S+', text))) < num_words:
      text = f'{text} {next(source).text}'
    yield Document(title, text[: words[num_words - 1].end()])


def prepare(material: Material) -> dict[str, float]:
  """Makes everything ahead, so that no measurement has to.

  Returns:
    Facts about the texts: `blocks`, and the mean number of `wordpieces` of a
    block, and of `wordpieces_per_word`.
  """
  corpus = material.corpus()
  material.spans()
  wordpieces = float(corpus.body_lengths.sum())
  words = material.num_documents * material.num_words
  return {
    'documents': material.num_documents,
    'blocks': len(corpus),
    'mean_wordpieces_of_block': wordpieces / len(corpus),
    'wordpieces_per_word': wordpieces / words,
  }
