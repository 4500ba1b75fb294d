# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads TFRecord files in an order that only depends on a seed."""

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence

import tensorflow as tf

from realm_tf.io import files

# Buffer of each file.
_BUFFER_BYTES = 1 << 20
# Neighboring records are about the same thing: files are interleaved.
_FILES_AT_ONCE = 16
_RECORDS_IN_TURN = 8
# Number of files that an error names.
_NAMED = 5


def compression_type(path: str | os.PathLike) -> str:
  """Returns `GZIP` or, for a plain file, the empty string."""
  return 'GZIP' if files.is_gzip(path) else ''


def read(paths: Sequence[str]) -> tf.data.Dataset:
  """Returns the serialized records of files, in order."""
  kinds = {compression_type(p) for p in paths}
  if len(kinds) > 1:
    raise ValueError(
      f'some of these files are gzipped and some are not: {paths[0]} ...'
    )
  return tf.data.TFRecordDataset(
    list(paths), compression_type=kinds.pop(), buffer_size=_BUFFER_BYTES
  )


@contextlib.contextmanager
def damage_named(path: str) -> Iterator[None]:
  """Makes TensorFlow's error while a file is read a `DamagedFileError`."""
  try:
    yield
  except tf.errors.DataLossError as e:
    # TensorFlow adds the names of its ops.
    reason = re.sub(r'\{\{.*?\}\}\s*|\s*\[Op:.*', '', str(e))
    raise files.DamagedFileError(f'{path}: damaged TFRecord: {reason}') from e


def check_features(path: str, names: Iterable[str]) -> None:
  """Checks the first record of a file.

  Raises:
    DamagedFileError: The file is cut off, or holds no TFRecords.
    ValueError: The record lacks a feature.
  """
  with damage_named(path):
    for serialized in read([path]).take(1):
      found = tf.train.Example.FromString(serialized.numpy()).features.feature
      missing = sorted(set(names) - set(found))
      # Empty lists may be left out.
      if missing and not set(missing) <= {
        name for name in missing if name.endswith(('_ids', '_start', '_limit'))
      }:
        raise ValueError(
          f'{path}: its records have no {", ".join(missing)}; they have '
          f'{", ".join(sorted(found))}'
        )


def count(paths: Sequence[str]) -> int:
  """Counts the records of files by reading them."""
  batches = read(paths).batch(4096)
  total = batches.reduce(
    tf.constant(0, tf.int64), lambda n, b: n + tf.size(b, tf.int64)
  )
  return int(total)


def _shuffle(
  dataset: tf.data.Dataset, buffer_size: int, seed: tf.Tensor, seed2: tf.Tensor
) -> tf.data.Dataset:
  """Shuffles independently of TensorFlow's global seed."""
  spec = dataset.element_spec
  variant = tf.raw_ops.ShuffleDataset(
    input_dataset=tf.data.experimental.to_variant(dataset),
    buffer_size=buffer_size,
    # Two zeros would mean no seed.
    seed=tf.cast(seed, tf.int64) + 1,
    seed2=tf.cast(seed2, tf.int64),
    output_types=[spec.dtype],
    output_shapes=[spec.shape],
    reshuffle_each_iteration=False,
  )
  return tf.data.experimental.from_variant(variant, spec)


def _too_few(paths: Sequence[str], shard: int, needed: int) -> str:
  named = ', '.join(paths[:_NAMED]) + (' ...' if len(paths) > _NAMED else '')
  if needed == 1:
    return f'there is no record in {named}'
  return f'there is no record for reader {shard} (from 0) in {named}'


def stream(
  paths: Sequence[str],
  *,
  seed: int,
  start: int = 0,
  repeat: bool = True,
  shuffle_buffer: int = 0,
  num_shards: int = 1,
  shard: int = 0,
) -> tf.data.Dataset:
  """Returns serialized records, epoch after epoch, each in a different order.

  The order depends on the arguments only, so that a run can be resumed. Whole
  epochs before `start` are not read, and records before it are not parsed.

  Args:
    paths: TFRecord files.
    seed: Seed of the order.
    start: Number of records to skip.
    repeat: Whether to repeat the epochs without end.
    shuffle_buffer: Number of records among which the next one is drawn; 0 keeps
      the order of the files.
    num_shards: Number of readers that share the records.
    shard: Number of this reader.

  Raises:
    ValueError: With `repeat`, this reader has no record at all.
  """
  if not 0 <= shard < num_shards:
    raise ValueError(
      f'shard must be from 0 to {num_shards - 1}. Received: {shard}'
    )
  by_file = len(paths) >= num_shards
  if by_file:
    paths = list(paths)[shard::num_shards]
  compression = compression_type(paths[0])
  first_epoch = 0
  if repeat:
    # Without a record the loop over epochs would never end.
    needed = 1 if by_file else shard + 1
    if len(list(read(paths).take(needed))) < needed:
      raise ValueError(_too_few(paths, shard, needed))
  if start and repeat:
    size = count(paths)
    if not by_file:
      size = (size - shard + num_shards - 1) // num_shards
    first_epoch, start = divmod(start, size)

  def open_file(path: tf.Tensor) -> tf.data.Dataset:
    return tf.data.TFRecordDataset(
      path, compression_type=compression, buffer_size=_BUFFER_BYTES
    )

  @tf.autograph.experimental.do_not_convert
  def epoch(number: tf.Tensor) -> tf.data.Dataset:
    names = tf.constant(list(paths))
    if not shuffle_buffer:
      dataset = tf.data.TFRecordDataset(
        names, compression_type=compression, buffer_size=_BUFFER_BYTES
      )
    else:
      names = tf.random.experimental.stateless_shuffle(
        names, tf.stack([tf.cast(seed, tf.int64), number])
      )
      dataset = tf.data.Dataset.from_tensor_slices(names).interleave(
        open_file,
        cycle_length=min(_FILES_AT_ONCE, len(paths)),
        block_length=_RECORDS_IN_TURN,
      )
    if not by_file:
      dataset = dataset.shard(num_shards, shard)
    if shuffle_buffer:
      dataset = _shuffle(dataset, shuffle_buffer, seed, number)
    return dataset

  epochs = tf.data.Dataset.range(
    first_epoch, tf.int64.max if repeat else first_epoch + 1
  )
  return epochs.flat_map(epoch).skip(start)
