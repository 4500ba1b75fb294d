# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Knowledge corpora as REALM and ORQA have them: a block is never cut again.

REALM: JSONL with `title` and `body`, and the gzip TFRecords made of it,
`docs.tfr.gz-XXXXX-of-XXXXX` (see `block_records`; the offsets of tokens in them
are not needed). ORQA: three plain TFRecord files whose i-th records belong
together,

    blocks.tfr    the text of the block
    titles.tfr    the title of its document
    examples.tfr  tf.train.Example: title_ids, token_ids (of the block), and
                  sentence_starts (where in token_ids sentences begin)
"""

import itertools
import os
import pathlib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import tensorflow as tf

from realm_tf.corpus import block_records, lines, readers
from realm_tf.corpus.document import CorpusError, MalformedError
from realm_tf.io import atomic

BLOCKS, TITLES, EXAMPLES = 'blocks.tfr', 'titles.tfr', 'examples.tfr'
TITLE_IDS, TOKEN_IDS = 'title_ids', 'token_ids'
SENTENCE_STARTS = 'sentence_starts'


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


def encode_example(
  title_ids: Iterable[int],
  token_ids: Iterable[int],
  sentence_starts: Iterable[int],
) -> bytes:
  """Returns a record of `examples.tfr`."""
  example = tf.train.Example()
  for name, values in (
    (TITLE_IDS, title_ids),
    (TOKEN_IDS, token_ids),
    (SENTENCE_STARTS, sentence_starts),
  ):
    example.features.feature[name].int64_list.value.extend(values)
  return example.SerializeToString(deterministic=True)


def _records(path: str | os.PathLike) -> Iterator[bytes]:
  """The records of a file; a damaged one is named with the place."""
  records = readers.raw_records(os.fspath(path), 'blocks')
  for number, record in enumerate(records, 1):
    if isinstance(record.payload, MalformedError):
      raise CorpusError(f'{path}: record {number}: {record.payload}')
    yield record.payload


def _ints(feature: Any, name: str) -> list[int] | None:
  return list(feature[name].int64_list.value) if name in feature else None


def _features(record: bytes, where: str) -> Any:
  try:
    return tf.train.Example.FromString(record).features.feature
  except Exception as e:
    # As in block_records: protobuf's error has no lasting name.
    raise CorpusError(f'{where}: no tf.train.Example: {e}') from e


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
    if len(row) == 2:
      yield Block(row[1], row[0])
      continue
    where = f'{directory / EXAMPLES}: record {number}'
    feature = _features(row[2], where)
    if TITLE_IDS not in feature and TOKEN_IDS not in feature:
      raise CorpusError(f'{where}: neither {TITLE_IDS} nor {TOKEN_IDS}')
    # A list without values may have been left out.
    yield Block(
      row[1],
      row[0],
      _ints(feature, TITLE_IDS) or [],
      _ints(feature, TOKEN_IDS) or [],
    )


def _read_docs(path: str) -> Iterator[Block]:
  for number, record in enumerate(_records(path), 1):
    try:
      title, body = block_records.texts_of(record)
    except ValueError as e:
      raise CorpusError(f'{path}: record {number}: {e}') from e
    feature = _features(record, path)
    title_ids = body_ids = None
    if block_records.BODY_TOKEN_IDS in feature:
      # A list without values may have been left out.
      title_ids = _ints(feature, block_records.TITLE_TOKEN_IDS) or []
      body_ids = _ints(feature, block_records.BODY_TOKEN_IDS)
    yield Block(title, body, title_ids, body_ids)


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
    source: Directory of ORQA's files; or globs, separated by commas, of REALM's
      TFRecords or JSONL.

  Raises:
    CorpusError: Nothing is there, or a record is broken; the message names the
      file and the place.
  """
  directory = pathlib.Path(source)
  if (directory / BLOCKS).is_file():
    if not (directory / TITLES).is_file():
      raise CorpusError(f'{directory} has {BLOCKS} but no {TITLES}')
    yield from _read_orqa(directory)
    return
  for path in readers.list_files(source, 'sources'):
    if readers.detect_format(path) == 'jsonl':
      yield from _read_jsonl(path)
    elif readers.detect_format(path) == 'blocks':
      yield from _read_docs(path)
    else:
      raise CorpusError(
        f'{path}: neither JSONL nor TFRecords (*.tfr, *.tfrecord, *.gz); text'
        ' that is not yet in blocks is for `build_corpus`'
      )


def write_docs(
  records: Iterable[bytes], total: int, directory: str, num_shards: int
) -> list[str]:
  """Writes REALM's `docs.tfr.gz-XXXXX-of-XXXXX`.

  Args:
    records: Of `block_records.encode_block`.
    total: How many there are.
    directory: Made; must not hold such files.
    num_shards: Files; each but the last has equally many records.

  Returns:
    Their paths.
  """
  per_shard = -(-total // num_shards)
  stream = iter(records)
  paths = []
  with atomic.atomic_directory(directory) as temporary:
    for shard in range(num_shards):
      name = f'docs.tfr.gz-{shard:05d}-of-{num_shards:05d}'
      with block_records.record_writer(temporary / name) as writer:
        for record in itertools.islice(stream, per_shard):
          writer.write(record)
      paths.append(os.path.join(directory, name))
  return paths


def write_orqa(
  rows: Iterable[tuple[bytes, bytes, bytes]], directory: str
) -> list[str]:
  """Writes ORQA's files.

  Args:
    rows: Title, body and the record of `encode_example` of each block.
    directory: Made.

  Returns:
    Their paths.
  """
  names = (TITLES, BLOCKS, EXAMPLES)
  with atomic.atomic_directory(directory) as temporary:
    writers = [tf.io.TFRecordWriter(str(temporary / n)) for n in names]
    try:
      for row in rows:
        for writer, record in zip(writers, row):
          writer.write(record)
    finally:
      for writer in writers:
        writer.close()
  return [os.path.join(directory, name) for name in names]
