# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Block records: a knowledge corpus in the format of the original.

Gzip TFRecords of tf.train.Example with

    title            bytes, one value
    body             bytes, one value
    title_token_ids  int64, any number
    body_token_ids   int64, any number
"""

import os
from collections.abc import Iterable, Iterator

import numpy as np
import tensorflow as tf

from realm_tf.corpus.store import IDS, Blocks
from realm_tf.io import faults

TITLE = 'title'
BODY = 'body'
TITLE_TOKEN_IDS = 'title_token_ids'
BODY_TOKEN_IDS = 'body_token_ids'


def encode_block(
  title: bytes,
  body: bytes,
  title_token_ids: Iterable[int],
  body_token_ids: Iterable[int],
) -> bytes:
  """Returns a serialized tf.train.Example."""
  example = tf.train.Example()
  feature = example.features.feature
  feature[TITLE].bytes_list.value.append(title)
  feature[BODY].bytes_list.value.append(body)
  feature[TITLE_TOKEN_IDS].int64_list.value.extend(title_token_ids)
  feature[BODY_TOKEN_IDS].int64_list.value.extend(body_token_ids)
  # Without this the order of the features differs from run to run.
  return example.SerializeToString(deterministic=True)


def texts_of(serialized: bytes) -> tuple[bytes, bytes]:
  """Returns title and body of one record.

  Raises:
    ValueError: The record is not a block.
  """
  with faults.naming(f'not a block record with {TITLE!r} and {BODY!r}'):
    feature = tf.train.Example.FromString(serialized).features.feature
    return feature[TITLE].bytes_list.value[0], feature[BODY].bytes_list.value[0]


def record_writer(path: str | os.PathLike) -> tf.io.TFRecordWriter:
  """Opens a gzip TFRecord file for writing; level 1, for speed."""
  options = tf.io.TFRecordOptions(compression_type='GZIP', compression_level=1)
  return tf.io.TFRecordWriter(os.fspath(path), options)


def encode_blocks(blocks: Blocks) -> Iterator[bytes]:
  """Yields the records of blocks."""
  rows = np.arange(len(blocks))
  ids = []
  for name in IDS:
    values, splits = blocks.flat(name, rows)
    ids.append(np.split(values, splits[1:-1]) if len(rows) else [])
  for title, body, title_ids, body_ids in zip(
    blocks.strings('title_text', rows), blocks.strings('body_text', rows), *ids
  ):
    yield encode_block(title, body, title_ids.tolist(), body_ids.tolist())
