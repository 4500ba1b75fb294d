# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads TFRecord files in an order that only depends on a seed."""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import tensorflow as tf

from realm_tf.io import faults, files

# Buffer of each file.
_BUFFER_BYTES = 1 << 20
# Neighboring records are about the same thing: files are interleaved.
_FILES_AT_ONCE = 16
_RECORDS_IN_TURN = 8
# A message of TensorFlow may quote bytes that Python cannot decode.
_DAMAGE = (
  tf.errors.DataLossError,
  tf.errors.InvalidArgumentError,
  UnicodeDecodeError,
)
# Records parsed at a time to find a damaged one.
_SCANNED = 512
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
    reason = faults.text_of(e)
    raise files.DamagedFileError(f'{path}: damaged TFRecord: {reason}') from e


def check_features(path: str, names: Iterable[str]) -> None:
  """Checks the first record of a file.

  Raises:
    DamagedFileError: The file is cut off, or holds no TFRecords.
    ValueError: The record lacks a feature.
  """
  with damage_named(path):
    for serialized in read([path]).take(1):
      with faults.naming(f'{path}: record 1: no tf.train.Example'):
        example = tf.train.Example.FromString(serialized.numpy())
      found = example.features.feature
      missing = sorted(set(names) - set(found))
      # Empty lists may be left out.
      if missing and not set(missing) <= {
        name for name in missing if name.endswith(('_ids', '_start', '_limit'))
      }:
        raise ValueError(
          f'{path}: its records have no {", ".join(missing)}; they have '
          f'{", ".join(sorted(found)) or "nothing"}'
        )


def count(paths: Sequence[str]) -> int:
  """Counts the records of files by reading them.

  Raises:
    DamagedFileError: A file is damaged.
  """
  with damage_found(paths):
    batches = read(paths).batch(4096)
    total = batches.reduce(
      tf.constant(0, tf.int64), lambda n, b: n + tf.size(b, tf.int64)
    )
    return int(total)


@contextlib.contextmanager
def damage_found(
  paths: Sequence[str], parse: Callable[[tf.Tensor], Any] | None = None
) -> Iterator[None]:
  """Names the file and the record that an error of TensorFlow is about.

  TensorFlow does not say in which file it is, so all are read again to find it.

  Args:
    paths: TFRecord files that are read inside.
    parse: Parses records `[batch]` as is done inside, if it is.

  Raises:
    DamagedFileError: A file is cut off or damaged.
    ValueError: A record cannot be parsed.
  """
  try:
    yield
  except _DAMAGE as e:
    for path in paths:
      _find_damage(path, parse)
    raise ValueError(f'{_names(paths)}: {faults.text_of(e)}') from e


def _find_damage(
  path: str, parse: Callable[[tf.Tensor], Any] | None = None
) -> None:
  """Reads a file; raises an error if it is damaged."""
  number = 0
  records = iter(read([path]))
  while True:
    batch: list[tf.Tensor] = []
    while len(batch) < _SCANNED:
      with damage_named(path):
        record = next(records, None)
      if record is None:
        break
      batch.append(record)
    if not batch:
      return
    if parse is not None:
      try:
        parse(tf.stack(batch))
      except _DAMAGE:
        for i, record in enumerate(batch, number + 1):
          with faults.naming(f'{path}: record {i}'):
            parse(record[tf.newaxis])
    number += len(batch)


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


def _names(paths: Sequence[str]) -> str:
  return ', '.join(paths[:_NAMED]) + (' ...' if len(paths) > _NAMED else '')


def _too_few(paths: Sequence[str], shard: int, needed: int) -> str:
  named = _names(paths)
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
    with damage_found(paths):
      found = len(list(read(paths).take(needed)))
    if found < needed:
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
