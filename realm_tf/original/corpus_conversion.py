# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Knowledge corpora of the original become ours, and ours the original's.

Blocks stay as they are, and in their order: a row of an index is of the block
with that number.
"""

import itertools
import os
from collections.abc import Iterable, Iterator

import numpy as np

from realm_tf.corpus import block_records
from realm_tf.corpus.corpus import Corpus, write_corpus
from realm_tf.corpus.document import CorpusError
from realm_tf.corpus.store import Blocks
from realm_tf.io import atomic
from realm_tf.io.progress import progress
from realm_tf.original import original_corpus
from realm_tf.original.original_corpus import Block
from realm_tf.text import sentences
from realm_tf.text.tokenizer import BertTokenizer

_BATCH = 1024
# Blocks whose wordpieces are compared with those of our tokenizer.
_COMPARED = 256


def _batches(blocks: Iterable[Block]) -> Iterator[list[Block]]:
  stream = iter(blocks)
  while batch := list(itertools.islice(stream, _BATCH)):
    yield batch


def _tokenize(tokenizer: BertTokenizer, texts: list[bytes]) -> list[list[int]]:
  return tokenizer.tokenize(texts).to_list()


def _compare(batch: list[Block], tokenizer: BertTokenizer) -> None:
  """Checks that the wordpieces in the files are of this vocabulary."""
  having = [b for b in batch[:_COMPARED] if b.body_ids is not None]
  ours = _tokenize(tokenizer, [b.body for b in having])
  differing = [b for b, ids in zip(having, ours) if b.body_ids != ids]
  if len(differing) > len(having) // 2:
    raise CorpusError(
      f'`vocab_file`: {len(differing)} of the first {len(having)} blocks have'
      ' other wordpieces than by this vocabulary: give the one that they were'
      ' made with (and its `lower_case`)'
    )


def _make(batch: list[Block], tokenizer: BertTokenizer) -> Blocks:
  """Makes blocks; wordpieces that the files have are kept."""
  missing = [i for i, b in enumerate(batch) if b.body_ids is None]
  titles = _tokenize(tokenizer, [batch[i].title for i in missing])
  bodies = _tokenize(tokenizer, [batch[i].body for i in missing])
  made = dict(zip(missing, zip(titles, bodies)))
  ids = [made.get(i, (b.title_ids, b.body_ids)) for i, b in enumerate(batch)]
  return Blocks.make(
    [b.title for b in batch],
    [b.body for b in batch],
    [title_ids or [] for title_ids, _ in ids],
    [body_ids or [] for _, body_ids in ids],
    vocab_size=tokenizer.vocab_size,
  )


def to_corpus(
  blocks: Iterable[Block],
  output_dir: str,
  tokenizer: BertTokenizer,
  *,
  source: str,
  show_progress: bool = True,
) -> Corpus:
  """Writes a corpus of blocks that stay whole; it appears when it is whole.

  Args:
    blocks: Blocks in their order.
    output_dir: Directory of the corpus; is made.
    tokenizer: Tokenizer of the wordpieces that the blocks have or are given.
    source: Where the blocks were read from, for the manifest.
    show_progress: Whether to show a progress bar.

  Returns:
    The corpus, open.

  Raises:
    CorpusError: There is no block, or their wordpieces are of another
      vocabulary.
  """
  batches = _batches(blocks)
  first = next(batches, None)
  if first is None:
    raise CorpusError(f'`sources`: there is no block in {source}')
  _compare(first, tokenizer)

  def made() -> Iterator[Blocks]:
    with progress(
      desc='blocks', unit='block', disable=not show_progress
    ) as bar:
      for batch in itertools.chain([first], batches):
        yield _make(batch, tokenizer)
        bar.update(len(batch))

  # A path that other machines do not have says nothing there.
  name = os.path.basename(os.path.normpath(source))
  with atomic.atomic_directory(output_dir) as temporary:
    write_corpus(
      temporary,
      made(),
      tokenizer,
      settings={
        'converted': True,
        'input': [{'path': name, 'format': 'original'}],
      },
    )
  return Corpus.open(output_dir)


def _rows(documents: Corpus, show_progress: bool) -> Iterator[np.ndarray]:
  with progress(
    total=len(documents), desc='blocks', unit='block', disable=not show_progress
  ) as bar:
    for start in range(0, len(documents), _BATCH):
      rows = np.arange(start, min(start + _BATCH, len(documents)))
      yield rows
      bar.update(len(rows))


def _texts(
  documents: Corpus, rows: np.ndarray
) -> Iterator[tuple[bytes, bytes]]:
  for title, body in zip(documents.titles(rows), documents.bodies(rows)):
    yield title.encode(), body.encode()


def to_realm(
  documents: Corpus,
  output_dir: str,
  *,
  num_shards: int = 50,
  show_progress: bool = True,
) -> list[str]:
  """Writes `docs.tfr.gz-XXXXX-of-XXXXX`, which the original's REALM reads.

  Args:
    documents: The corpus.
    output_dir: Is made.
    num_shards: Files.
    show_progress: Whether a progress bar is drawn.

  Returns:
    The files.
  """

  def records() -> Iterator[bytes]:
    for rows in _rows(documents, show_progress):
      chunk = documents.blocks.chunk(rows[0], rows[-1] + 1)
      yield from block_records.encode_blocks(chunk)

  return original_corpus.write_docs(
    records(), len(documents), output_dir, num_shards
  )


def to_orqa(
  documents: Corpus,
  output_dir: str,
  tokenizer: BertTokenizer,
  *,
  show_progress: bool = True,
) -> list[str]:
  """Writes `blocks.tfr`, `titles.tfr` and `examples.tfr`, which ORQA reads.

  Args:
    documents: The corpus.
    output_dir: Is made.
    tokenizer: Of the corpus; tells where in the wordpieces sentences begin.
    show_progress: Whether a progress bar is drawn.

  Returns:
    The files.

  Raises:
    CorpusError: The corpus is of another vocabulary.
  """
  if tokenizer.fingerprint != documents.vocab_fingerprint:
    raise CorpusError(
      '`vocab_file`: the corpus was built with another vocabulary (fingerprint'
      f' {documents.vocab_fingerprint}, here {tokenizer.fingerprint})'
    )

  def blocks() -> Iterator[tuple[bytes, bytes, bytes]]:
    for rows in _rows(documents, show_progress):
      texts = list(_texts(documents, rows))
      split = [sentences.split_sentences(body.decode()) for _, body in texts]
      flat = [s.encode() for of_block in split for s in of_block]
      pieces = iter(_tokenize(tokenizer, flat))
      titles = documents.gather(rows)[0].to_list()
      for (title, body), its, title_ids in zip(texts, split, titles):
        ids = list(itertools.islice(pieces, len(its)))
        lengths = [0, *itertools.accumulate(map(len, ids))]
        example = original_corpus.encode_example(
          title_ids, itertools.chain(*ids), lengths[: len(ids)]
        )
        yield title, body, example

  return original_corpus.write_orqa(blocks(), output_dir)
