# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import pytest
import tensorflow as tf

from realm_tf.io import records
from tests.support import small_world

_FILES, _PER_FILE = 5, 7


@pytest.fixture
def paths(tmp_path):
  return [
    small_world.write_records(
      tmp_path / f'{f}.tfrecord.gz',
      [b'%d-%d' % (f, i) for i in range(_PER_FILE)],
    )
    for f in range(_FILES)
  ]


def _take(paths, count=None, **settings):
  dataset = records.stream(paths, **{'seed': 1, **settings})
  return [x.numpy() for x in (dataset.take(count) if count else dataset)]


def test_order_of_the_files(paths):
  assert _take(paths, repeat=False) == [
    b'%d-%d' % (f, i) for f in range(_FILES) for i in range(_PER_FILE)
  ]
  assert records.count(paths) == _FILES * _PER_FILE


def test_each_epoch_has_every_record_in_another_order(paths):
  size = _FILES * _PER_FILE
  got = _take(paths, 3 * size, shuffle_buffer=10)
  epochs = [got[i : i + size] for i in range(0, 3 * size, size)]
  assert all(len(set(e)) == size for e in epochs)
  assert epochs[0] != epochs[1] != epochs[2] != epochs[0]
  assert epochs[0] != sorted(epochs[0])


@pytest.mark.parametrize('shards', [1, 2, 7])
@pytest.mark.parametrize('start', [1, 34, 35, 36, 80])
def test_start_is_a_place_in_the_same_stream(paths, shards, start):
  settings = {'shuffle_buffer': 9, 'num_shards': shards, 'shard': shards - 1}
  whole = _take(paths, start + 20, **settings)
  assert _take(paths, 20, start=start, **settings) == whole[start:]


def test_seed_alone_decides(paths):
  first = _take(paths, 50, shuffle_buffer=9)
  tf.random.set_seed(1234)
  assert _take(paths, 50, shuffle_buffer=9) == first
  assert _take(paths, 50, shuffle_buffer=9, seed=2) != first


@pytest.mark.parametrize('shards', [2, 5, 6])
def test_shards_divide_the_records(paths, shards):
  parts = [
    _take(paths, repeat=False, shuffle_buffer=4, num_shards=shards, shard=s)
    for s in range(shards)
  ]
  everything = [x for part in parts for x in part]
  assert len(everything) == len(set(everything)) == _FILES * _PER_FILE
  assert min(map(len, parts)) > 0


def test_plain_files_too(tmp_path):
  path = str(tmp_path / 'plain.tfrecord')
  with tf.io.TFRecordWriter(path) as writer:
    writer.write(b'x')
  assert _take([path], repeat=False) == [b'x']


def test_what_is_wrong_is_named(tmp_path, paths):
  with pytest.raises(ValueError, match='shard must be from 0 to 1'):
    records.stream(paths, seed=0, num_shards=2, shard=2)
  record = small_world.span_record('t', ['a city.'], [])
  path = small_world.write_records(tmp_path / 's.tfrecord.gz', [record])
  # A document without spans has an empty list, or none.
  records.check_features(path, ['title', 'span_byte_start', 'span_byte_limit'])
  with pytest.raises(ValueError, match=r's\.tfrecord\.gz.*no body'):
    records.check_features(path, ['title', 'body'])
  broken = tmp_path / 'broken.tfrecord'
  broken.write_bytes(b'this is no record at all, but text')
  with pytest.raises(OSError, match=r'broken\.tfrecord: damaged TFRecord'):
    records.check_features(str(broken), ['title'])


@pytest.mark.parametrize('start', [0, 3])
def test_epochs_without_a_record_are_refused(tmp_path, paths, start):
  empty = [
    small_world.write_records(tmp_path / f'empty-{i}.tfrecord.gz', [])
    for i in range(7)
  ]
  one = small_world.write_records(tmp_path / 'one.tfrecord.gz', [b'x'])
  with pytest.raises(ValueError, match=r'no record in .*empty-0.*empty-4.* \.'):
    records.stream(empty, seed=1, start=start)
  # The reader of the second half of the files has nothing but empty ones.
  halves = {'seed': 1, 'start': start, 'num_shards': 2, 'shard': 1}
  with pytest.raises(ValueError, match=r'no record in .*empty-1'):
    records.stream([one, empty[1]], **halves)
  # One record for two readers.
  with pytest.raises(ValueError, match='for reader 1 .*one.tfrecord'):
    records.stream([one], **halves)
  assert _take([*empty, one], 3, start=start) == [b'x'] * 3
  # A single epoch can be empty: it ends.
  assert _take(empty, repeat=False) == []
