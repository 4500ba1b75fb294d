# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Converts knowledge corpora of REALM and ORQA, both ways.

Blocks keep their texts and their order: a row of an index belongs to the block
with that number.

REALM has JSONL with `title` and `body`, and the gzip TFRecords made from it,
`docs.tfr.gz-XXXXX-of-XXXXX` (see `block_records`; the offsets of tokens in them
are not needed). ORQA has three plain TFRecord files whose i-th records belong
together:

    blocks.tfr    the text of the block
    titles.tfr    the title of its document
    examples.tfr  tf.train.Example: title_ids, token_ids (of the block), and
                  sentence_starts (in token_ids)
"""

import contextlib
import itertools
import os
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from realm_tf.corpus import block_records, formats, lines, readers
from realm_tf.corpus.corpus import Corpus, write_corpus
from realm_tf.corpus.document import CorpusError, MalformedError
from realm_tf.corpus.store import Blocks
from realm_tf.io import atomic, compatibility, faults
from realm_tf.io.progress import progress
from realm_tf.text import sentences
from realm_tf.text.tokenizer import BertTokenizer

BLOCKS, TITLES, EXAMPLES = 'blocks.tfr', 'titles.tfr', 'examples.tfr'
_TITLE_IDS, _TOKEN_IDS = 'title_ids', 'token_ids'
_SENTENCE_STARTS = 'sentence_starts'
_BATCH = 1024
# Blocks whose wordpieces are compared with those of our tokenizer.
_COMPARED = 256


class Block(NamedTuple):
  """A block, with its wordpieces if the file has them.

  Attributes:
    title: UTF-8.
    body: UTF-8.
    title_ids: Wordpieces of the title, or None.
    body_ids: Wordpieces of the body, or None.
  """

  title: bytes
  body: bytes
  title_ids: list[int] | None = None
  body_ids: list[int] | None = None


def _records(path: str | os.PathLike) -> Iterator[bytes]:
  records = readers.raw_records(os.fspath(path), 'blocks')
  for number, record in enumerate(records, 1):
    if isinstance(record.payload, MalformedError):
      raise CorpusError(f'{path}: record {number}: {record.payload}')
    yield record.payload


def _ids(feature: Any, name: str) -> list[int]:
  # An empty list may have been left out.
  return list(feature[name].int64_list.value) if name in feature else []


def _features(record: bytes, where: str) -> Any:
  with faults.naming(where, CorpusError):
    return tf.train.Example.FromString(record).features.feature


def _read_orqa(directory: pathlib.Path) -> Iterator[Block]:
  names = [BLOCKS, TITLES]
  if (directory / EXAMPLES).is_file():
    names.append(EXAMPLES)
  rows = itertools.zip_longest(*(_records(directory / n) for n in names))
  for number, row in enumerate(rows, 1):
    if None in row:
      raise CorpusError(
        f'{directory}: {" and ".join(names)} are of different lengths: one'
        f' ends before record {number}'
      )
    body, title, *example = row
    if not example:
      yield Block(title, body)
      continue
    where = f'{directory / EXAMPLES}: record {number}'
    feature = _features(example[0], where)
    if _TITLE_IDS not in feature and _TOKEN_IDS not in feature:
      raise CorpusError(f'{where}: neither {_TITLE_IDS} nor {_TOKEN_IDS}')
    yield Block(
      title, body, _ids(feature, _TITLE_IDS), _ids(feature, _TOKEN_IDS)
    )


def _read_docs(path: str) -> Iterator[Block]:
  for number, record in enumerate(_records(path), 1):
    try:
      block = Block(*block_records.texts_of(record))
    except ValueError as e:
      raise CorpusError(f'{path}: record {number}: {e}') from e
    feature = _features(record, path)
    if block_records.BODY_TOKEN_IDS in feature:
      block = block._replace(
        title_ids=_ids(feature, block_records.TITLE_TOKEN_IDS),
        body_ids=_ids(feature, block_records.BODY_TOKEN_IDS),
      )
    yield block


def _read_jsonl(path: str) -> Iterator[Block]:
  for record in readers.raw_records(path, 'jsonl'):
    try:
      if isinstance(record.payload, MalformedError):
        raise record.payload
      found = lines.parse_object(record.payload)
      title, body = found.get('title'), found.get('body', found.get('text'))
      if not isinstance(title, str) or not isinstance(body, str):
        raise MalformedError('no "title" or no "body" that is a string')
      yield Block(title.encode(), body.encode())
    except (MalformedError, UnicodeEncodeError) as e:
      raise CorpusError(f'{record.where}: {e}') from e


def read(source: str) -> Iterator[Block]:
  """Reads blocks, in order.

  Args:
    source: Directory of ORQA's files; or comma-separated globs of REALM's
      TFRecords or JSONL.

  Raises:
    CorpusError: There is no file, or a record is broken; the message names the
      file and the place.
  """
  directory = pathlib.Path(source)
  if (directory / BLOCKS).is_file():
    if not (directory / TITLES).is_file():
      raise CorpusError(f'{directory} has {BLOCKS} but no {TITLES}')
    yield from _read_orqa(directory)
    return
  read_of = {'jsonl': _read_jsonl, 'blocks': _read_docs}
  for path in readers.list_files(source, 'sources'):
    found = formats.detect_format(path)
    if found not in read_of:
      raise CorpusError(
        f'{path}: neither JSONL nor TFRecords (*.tfr, *.tfrecord, *.gz); text'
        ' that is not yet in blocks is for `build_corpus`'
      )
    yield from read_of[found](path)


def _tokenize(
  tokenizer: BertTokenizer, texts: Sequence[bytes]
) -> list[list[int]]:
  return tokenizer.tokenize(list(texts)).to_list()


def _compare(batch: list[Block], tokenizer: BertTokenizer) -> None:
  """Checks that the wordpieces in the files belong to this vocabulary."""
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
  """Makes blocks for the store; wordpieces in the files are kept."""
  missing = [i for i, b in enumerate(batch) if b.body_ids is None]
  titles = _tokenize(tokenizer, [batch[i].title for i in missing])
  bodies = _tokenize(tokenizer, [batch[i].body for i in missing])
  for i, title_ids, body_ids in zip(missing, titles, bodies):
    batch[i] = Block(*batch[i][:2], title_ids, body_ids)
  return Blocks.make(
    [b.title for b in batch],
    [b.body for b in batch],
    [b.title_ids or [] for b in batch],
    [b.body_ids or [] for b in batch],
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
  """Writes a corpus of unchanged blocks; it appears when it is complete.

  Args:
    blocks: Blocks in their order.
    output_dir: Directory of the corpus; is made.
    tokenizer: Tokenizer of the wordpieces that the blocks have or are given.
    source: Where the blocks were read from, for the manifest.
    show_progress: Whether to show a progress bar.

  Returns:
    The corpus, open.

  Raises:
    CorpusError: There is no block, or their wordpieces belong to another
      vocabulary.
  """
  stream = iter(blocks)
  first = list(itertools.islice(stream, _BATCH))
  if not first:
    raise CorpusError(f'`sources`: there is no block in {source}')
  _compare(first, tokenizer)

  def made() -> Iterator[Blocks]:
    batch = first
    with progress(
      desc='blocks', unit='block', disable=not show_progress
    ) as bar:
      while batch:
        yield _make(batch, tokenizer)
        bar.update(len(batch))
        batch = list(itertools.islice(stream, _BATCH))

  # The directory may not exist on other machines.
  name = os.path.basename(os.path.normpath(source))
  settings = {
    'converted': True,
    'input': [{'path': name, 'format': 'original'}],
  }
  with atomic.atomic_directory(output_dir) as temporary:
    write_corpus(temporary, made(), tokenizer, settings=settings)
  return Corpus.open(output_dir)


def _rows(
  documents: Corpus, start: int, limit: int, bar: Any
) -> Iterator[np.ndarray]:
  for first in range(start, limit, _BATCH):
    rows = np.arange(first, min(first + _BATCH, limit))
    yield rows
    bar.update(len(rows))


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
    output_dir: Directory to be made.
    num_shards: Number of files.
    show_progress: Whether to show a progress bar.

  Returns:
    Paths of the files.
  """
  total = len(documents)
  per_shard = -(-total // num_shards)
  names = [
    f'docs.tfr.gz-{i:05d}-of-{num_shards:05d}' for i in range(num_shards)
  ]
  with (
    atomic.atomic_directory(output_dir) as temporary,
    progress(
      total=total, desc='blocks', unit='block', disable=not show_progress
    ) as bar,
  ):
    for shard, name in enumerate(names):
      start = min(shard * per_shard, total)
      with block_records.record_writer(temporary / name) as writer:
        for rows in _rows(documents, start, min(start + per_shard, total), bar):
          chunk = documents.blocks.chunk(rows[0], rows[-1] + 1)
          for record in block_records.encode_blocks(chunk):
            writer.write(record)
  return [os.path.join(output_dir, name) for name in names]


def encode_example(
  title_ids: Iterable[int],
  token_ids: Iterable[int],
  sentence_starts: Iterable[int],
) -> bytes:
  """Returns a record of `examples.tfr`."""
  example = tf.train.Example()
  for name, values in (
    (_TITLE_IDS, title_ids),
    (_TOKEN_IDS, token_ids),
    (_SENTENCE_STARTS, sentence_starts),
  ):
    example.features.feature[name].int64_list.value.extend(values)
  return example.SerializeToString(deterministic=True)


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
    output_dir: Directory to be made.
    tokenizer: Tokenizer of the corpus; used to find where sentences begin.
    show_progress: Whether to show a progress bar.

  Returns:
    Paths of the files.

  Raises:
    MismatchError: The corpus has another vocabulary.
  """
  compatibility.check(
    compatibility.Part(
      documents.directory, vocabulary=documents.vocab_fingerprint
    ),
    compatibility.Part('`vocab_file`', vocabulary=tokenizer.fingerprint),
  )
  names = (TITLES, BLOCKS, EXAMPLES)
  with contextlib.ExitStack() as stack:
    temporary = stack.enter_context(atomic.atomic_directory(output_dir))
    bar = stack.enter_context(
      progress(
        total=len(documents),
        desc='blocks',
        unit='block',
        disable=not show_progress,
      )
    )
    titles, bodies, examples = (
      stack.enter_context(tf.io.TFRecordWriter(str(temporary / name)))
      for name in names
    )
    for rows in _rows(documents, 0, len(documents), bar):
      texts = documents.bodies(rows)
      split = [sentences.split_sentences(text) for text in texts]
      pieces = iter(
        _tokenize(tokenizer, [s.encode() for its in split for s in its])
      )
      for title, text, its, title_ids in zip(
        documents.titles(rows),
        texts,
        split,
        documents.gather(rows)[0].to_list(),
      ):
        ids = list(itertools.islice(pieces, len(its)))
        starts = [0, *itertools.accumulate(map(len, ids))][: len(ids)]
        titles.write(title.encode())
        bodies.write(text.encode())
        examples.write(encode_example(title_ids, itertools.chain(*ids), starts))
  return [os.path.join(output_dir, name) for name in names]
