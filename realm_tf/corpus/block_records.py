# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Block records: the knowledge corpus on disk, as the original names it.

Gzip TFRecords of tf.train.Example with

    title            bytes, one value
    body             bytes, one value
    title_token_ids  int64, any number
    body_token_ids   int64, any number
"""

import os
from collections.abc import Iterable, Sequence
from typing import Any

import tensorflow as tf

TITLE = 'title'
BODY = 'body'
TITLE_TOKEN_IDS = 'title_token_ids'
BODY_TOKEN_IDS = 'body_token_ids'

FEATURES = {
  TITLE: tf.io.FixedLenFeature([], tf.string),
  BODY: tf.io.FixedLenFeature([], tf.string),
  TITLE_TOKEN_IDS: tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int64),
  BODY_TOKEN_IDS: tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int64),
}


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


def parse_blocks(serialized: tf.Tensor) -> dict[str, Any]:
  """Parses a batch of records.

  Args:
    serialized: string `[batch]`.

  Returns:
    `title` and `body`: string `[batch]`; `title_token_ids` and
    `body_token_ids`: ragged int64 `[batch, (tokens)]`.
  """
  return tf.io.parse_example(serialized, FEATURES)


def texts_of(serialized: bytes) -> tuple[bytes, bytes]:
  """Returns title and body of one record.

  Raises:
    ValueError: The record is not a block.
  """
  try:
    feature = tf.train.Example.FromString(serialized).features.feature
    return feature[TITLE].bytes_list.value[0], feature[BODY].bytes_list.value[0]
  except Exception as e:
    # protobuf's DecodeError has no common base, and moves between versions.
    raise ValueError(
      f'not a block record with {TITLE!r} and {BODY!r}: {e}'
    ) from e


def record_writer(path: str | os.PathLike) -> tf.io.TFRecordWriter:
  """Opens a gzip TFRecord file for writing; level 1, for speed."""
  options = tf.io.TFRecordOptions(compression_type='GZIP', compression_level=1)
  return tf.io.TFRecordWriter(os.fspath(path), options)


def blocks_dataset(
  paths: Sequence[str], batch_size: int = 1024
) -> tf.data.Dataset:
  """Returns the blocks of files, in order, as batches of `parse_blocks`."""
  dataset = tf.data.TFRecordDataset(
    list(paths), compression_type='GZIP', buffer_size=8 << 20
  )
  # The parsing has no Python control flow to be converted.
  parse = tf.autograph.experimental.do_not_convert(parse_blocks)
  return dataset.batch(batch_size).map(parse)
